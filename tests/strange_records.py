"""Records as strangers may send them: how they are made, stored and refused."""

from __future__ import annotations

import json

import pytest

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.store import run_folders
from tests.synthetic import counted_run, fig2_run, noisy, run_of
from tests.synthetic_gpu import gpu_run

RUNS = {
    "timed": lambda: run_of(["g4"], noisy(lambda _: 1.0), rounds=(3, 3)),
    "taken apart": lambda: fig2_run(rounds=(2, 2)),
    "counted": lambda: counted_run(["g4"], lambda _: 10**7, caches=True),
    "on a gpu": lambda: gpu_run(["g4"], noisy(lambda _: 1.0), rounds=(2, 2)),
}


def content_of(run):
    return json.loads(run.model_dump_json())


def store(folder, content):
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / run_folders.FILE).write_text(text)
    return folder


def refused(folder, says):
    with pytest.raises(BadInputError, match=says) as caught:
        run_folders.read_run(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)
