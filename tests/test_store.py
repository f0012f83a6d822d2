"""Records are whole or not there, and whatever else lies in their place is one clear sentence."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session import stored
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record import schema
from guideline_benchmarks.results.record.parts import Round
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.results.record.schema import json_schema
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import files, run_folders
from guideline_benchmarks.results.store.compressed import read_stored, stored_file, stored_files
from guideline_benchmarks.results.store.files import is_held, locked, write_file
from tests.synthetic import run_of, run_of_declarations, valid

SCHEMA_FILE = Path(schema.__file__).parent / "run.schema.json"
REFERENCE = SCHEMA_FILE.parent.parent / "reference"
REFERENCE_RUNS = [
    file for depth in ("*", "*/*") for file in stored_files(REFERENCE, f"{depth}/run.json")
]


@pytest.fixture
def run():
    return run_of(["g1"], lambda *_: 1.0, rounds=(2, 1))


def test_the_schema_in_the_repository_is_the_one_of_the_code():
    assert SCHEMA_FILE.read_text() == json_schema(), (
        "run: python -m guideline_benchmarks.results.record.schema > results/record/run.schema.json"
    )


def test_records_follow_the_schema_and_come_back_the_same(run, tmp_path):
    run_folders.write_run(tmp_path, run)
    content = json.loads((tmp_path / run_folders.FILE).read_text())
    jsonschema.validate(content, json.loads(SCHEMA_FILE.read_text()))
    assert run_folders.read_run(tmp_path) == run
    assert run_folders.read_run(tmp_path / run_folders.FILE) == run


def test_all_reference_runs_are_found():
    assert len(REFERENCE_RUNS) == 47


@pytest.mark.parametrize("file", REFERENCE_RUNS, ids=lambda file: file.parent.name)
def test_reference_runs_follow_the_schema(file):
    content = json.loads(read_stored(stored_file(file)))
    # Reading looks at all rounds; they are alike, and a schema takes long for each.
    content["rounds"] = content["rounds"][:2]
    jsonschema.validate(content, json.loads(SCHEMA_FILE.read_text()))
    assert complete(run_folders.read_run(file))


@given(cut=st.integers(0, 2000))
@settings(max_examples=25)
def test_truncated_records_are_refused(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("run")
    run_folders.write_run(folder, run_of(["g1"], lambda *_: 1.0, rounds=(1,)))
    file = folder / run_folders.FILE
    file.write_bytes(file.read_bytes()[: cut - 2500])
    with pytest.raises(BadInputError, match="truncated"):
        run_folders.read_run(folder)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "truncated"),
        (b"\xff\xfe\x00", "truncated or not JSON"),
        (b"[1, 2]", "not a run of this suite"),
        (b'{"benchmarks": []}', "not a run of this suite"),
        (b'{"schema_version": true}', "not a run of this suite"),
        (b'{"schema_version": 12}', "newer version"),
        (b'{"schema_version": 0}', "not a valid run"),
        (b'{"schema_version": 1}', "not a valid run: platform"),
    ],
)
def test_foreign_content_is_refused_in_one_sentence(tmp_path, content, says):
    (tmp_path / run_folders.FILE).write_bytes(content)
    with pytest.raises(BadInputError, match=says) as caught:
        run_folders.read_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_run_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="There is no run"):
        run_folders.read_run(tmp_path / "nowhere")


def change(run, **parts):
    return valid(json.loads(run.model_dump_json()) | parts)


def test_inconsistent_records_are_refused(run):
    content = json.loads(run.model_dump_json())
    rounds = content["rounds"]
    broken = {
        "each proved network": {"rounds": [rounds[0] | {"order": [999], "ns": [1]}]},
        "unknown process": {"rounds": [rounds[0] | {"process": 9}]},
        "do not match": {"rounds": [rounds[0] | {"ns": [1]}]},
        "numbered from 0": {"processes": content["processes"][::-1]},
        "share a name": {"cells": content["cells"] * 2},
        "unknown experiment": {"experiments": []},
        "is there twice": {"rounds": [rounds[0], rounds[0]]},
        "more rounds": {"rounds": [*rounds, *rounds]},
        "at least 1 item": {"rounds": [rounds[0] | {"order": [], "ns": []}]},
        "did not prove": {"processes": [p | {"proofs": {}} for p in content["processes"]]},
        "two experiments": {"experiments": content["experiments"] * 2},
        "no base cell": {"experiments": [content["experiments"][0] | {"base": "1:3"}]},
        "other axes": {"cells": [c | {"axes": {"cell": 1}} for c in content["cells"]]},
        "no multiply-adds": {"cells": [c | {"multiply_adds": 0} for c in content["cells"]]},
        "less than or equal": {"rounds": [rounds[0] | {"ns": [10**400] * 14}]},
        "finite": {"protocol": content["protocol"] | {"steady_within": float("nan")}},
        "Extra inputs": {"surprise": 1},
    }
    for says, parts in broken.items():
        with pytest.raises(ValueError, match=says):
            change(run, **parts)


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", "UP", "x" * 101, "a\0b"])
def test_names_cannot_leave_the_output_folder(name):
    with pytest.raises(ValueError):
        Platform(name=name, backend="onnxruntime-cpu")


def test_times_are_positive():
    with pytest.raises(ValueError):
        Round(process=0, round=0, order=[0], ns=[0])


def test_a_failed_write_leaves_the_old_record_whole(run, tmp_path, monkeypatch):
    run_folders.write_run(tmp_path, run)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PlatformError, match="disk is full"):
        run_folders.write_run(tmp_path, run_of(["g2"], lambda *_: 1.0))
    assert run_folders.read_run(tmp_path) == run
    assert [file.name for file in tmp_path.iterdir()] == [run_folders.FILE]


def test_a_folder_that_is_a_file_is_refused(run, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInputError, match="cannot be written"):
        run_folders.write_run(tmp_path / "file", run)
    with pytest.raises(BadInputError, match="cannot be written"), files.locked(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_two_writers_are_kept_apart(tmp_path):
    with (
        files.locked(tmp_path),
        pytest.raises(BadInputError, match="Another process"),
        files.locked(tmp_path),
    ):
        pass
    with files.locked(tmp_path):
        pass


def test_the_newest_run_comes_first(run, tmp_path):
    for age, name in enumerate(["new", "middle", "old"]):
        run_folders.write_run(tmp_path / name, run)
        os.utime(tmp_path / name / run_folders.FILE, (10**9 - age, 10**9 - age))
    assert [folder.name for folder in run_folders.stored_runs(tmp_path)] == ["new", "middle", "old"]


DECLARED_SINCE_6 = {
    "experiments": (
        *("label", "row_labels", "column_label", "tick", "panels", "panel_title"),
        *("in_every_panel", "across_platforms", "reading", "notes"),
    ),
    "cells": ("short", "note", "published", "published_shares"),
}
DECLARED_SINCE_10 = {"experiments": ("rivals",), "cells": ("quoted",)}


def without(content, *lacking):
    """Take from a record what its version did not have."""
    for parts in lacking:
        for part, fields in parts.items():
            for entry in content[part]:
                for field in fields:
                    del entry[field]


@pytest.mark.parametrize("names", [["g1", "g2", "g3", "g4"], ["g2"]])
def test_a_record_of_version_5_gets_what_its_experiments_declare_now(names, tmp_path):
    run = run_of(names, lambda *_: 1.0, rounds=(1,))
    content = json.loads(run.model_dump_json()) | {"schema_version": 5}
    without(content, DECLARED_SINCE_6, DECLARED_SINCE_10)
    (tmp_path / run_folders.FILE).write_text(json.dumps(content))
    bare = run_folders.read_run(tmp_path)
    assert bare.cells[0].published is None
    assert bare.schema_version == schema.SCHEMA_VERSION
    assert stored.read_run(tmp_path) == run


def test_a_record_of_version_9_gets_what_the_paper_prints_of_whole_networks(tmp_path):
    run = run_of_declarations(select(["table8", "units-28"]), lambda *_: 1.0, rounds=(1,))
    content = json.loads(run.model_dump_json()) | {"schema_version": 9}
    without(content, DECLARED_SINCE_10)
    # What the record itself says is kept.
    content["experiments"][0]["title"] = "As it was called then"
    (tmp_path / run_folders.FILE).write_text(json.dumps(content))
    bare = run_folders.read_run(tmp_path)
    assert not any(experiment.rivals for experiment in bare.experiments)
    assert {cell.quoted for cell in bare.cells} == {None}
    found = stored.read_run(tmp_path)
    assert found.cells == run.cells
    assert all(experiment.rivals for experiment in found.experiments)
    assert found.experiments[0].title == "As it was called then"


def test_threads_that_write_one_file_at_once_do_not_disturb_one_another(tmp_path):
    contents = [bytes([number]) * 100_000 for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        for _ in range(20):
            list(pool.map(lambda content: write_file(tmp_path / "file", content), contents))
    assert (tmp_path / "file").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_open_for_a_moment_in_a_program_that_is_started_holds_no_folder(tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    ending = threading.Timer(0.1, lambda: os.close(handle))
    ending.start()
    with locked(tmp_path):
        assert is_held(tmp_path)
    ending.join()
    assert not is_held(tmp_path)
