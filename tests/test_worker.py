"""The real worker on real runtimes, and the files that it is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.controls import CONTROLS, PROFILER
from guideline_benchmarks.guidelines.export import model_files
from guideline_benchmarks.results.record import backends
from guideline_benchmarks.results.record.cells import Network, NetworkChoice
from guideline_benchmarks.runners import proof, worker_archive
from guideline_benchmarks.runners.events import (
    Loaded,
    Loop,
    Profiled,
    Ready,
    RoundDone,
    Sample,
    Stopped,
    Unavailable,
    Warm,
)
from guideline_benchmarks.runners.worker import main as worker_main
from guideline_benchmarks.runners.worker import stopwatch
from guideline_benchmarks.runners.worker_process import WorkerProcess
from tests import runtimes

TOLERANCE = 1e-4
BACKENDS = runtimes.on_the_cpu()


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    return worker_archive.build(tmp_path_factory.mktemp("worker"))


def setup(backend, cells, files):
    row = backends.backend(backend)
    return {
        "search": [],
        "extra": [],
        "install": "pip install the runtime",
        "backend": {"module": row.module, "arguments": list(row.arguments)},
        "threads": 1,
        "mode": "eager",
        "precision": "fp32",
        "core": None,
        "timed": True,
        "lead_in_below_ns": 8e6,
        "seed": 0,
        "loading": list(range(len(cells))),
        "warmup": {"least": 2, "most": 4, "steady_within": 0.05},
        "cells": [
            {
                "model": str(paths.model),
                "expected": str(paths.expected),
                "values": None,
                "inputs": {"x": list(cell.network.input_shape)},
                "outputs": ["y"],
                "profile": cell.profiled,
            }
            for cell, paths in zip(cells, files, strict=True)
        ],
    }


def smallest_cells(profiled):
    """The smallest cell of every row of every table, the controls, and one that is profiled."""
    choice = NetworkChoice()
    cells = [cell for g in GUIDELINES.values() for cell in g.cells(choice) if cell.scale == 1]
    return [*cells, *CONTROLS, *(PROFILER[:1] if profiled else [])]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.alone
def test_every_row_is_proved_and_timed_by_a_real_worker(backend, archive, networks):
    profiles = bool(backends.backend(backend).profiled_modes)
    cells = smallest_cells(profiles)
    files = [model_files.prepare(cell, backend, 0, networks)[1] for cell in cells]
    # One of them measures what the machine can reach as it is; in the others less is enough.
    small = [] if backend == "onnxruntime-cpu" else [str(runtimes.SMALL_CEILINGS)]
    with WorkerProcess([sys.executable, *small, str(archive)]) as worker:
        worker.send(setup(backend, cells, files))
        worker.receive(60, Ready)
        proved = []
        for index, cell in enumerate(cells):
            event = worker.receive(60, Loaded)
            proved.append(event)
            assert event.cell == index
            assert proof.executed_operators(event.executed) == cell.operators, cell.name
            assert event.output_error <= TOLERANCE
            assert 2 <= len(event.warmup_ns) <= 4
        worker.receive(60, Warm)
        order = list(reversed(range(len(cells))))
        worker.send({"do": "round", "order": order})
        samples = [worker.receive(60, Sample)]
        if profiles:
            # A profile costs time: what it shows is never taken for a sample.
            profile = worker.receive(60, Profiled)
            assert profile.cell == order[0]
            calls = proved[order[0]].calls
            assert len(profile.operators_ns) == len(calls)
            # OpenVINO makes one operator of all.
            assert len(calls) == (1 if backend == "openvino-cpu" else 100)
        samples += [worker.receive(60, Sample) for _ in order[1:]]
        assert [sample.cell for sample in samples] == order
        assert all(sample.ns > 0 for sample in samples)
        worker.receive(60, RoundDone)
        worker.send({"do": "loop", "cell": 0, "times": 3})
        assert len(worker.receive(60, Loop).ns) == 3
        worker.send({"do": "stop", "ceilings": True})
        stopped = worker.receive(60, Stopped)
        assert stopped.peak_memory > 10**6
        assert list(stopped.ceilings.products) == ["fp32"]
        sets = [stream.working_set for stream in stopped.ceilings.streams]
        assert sets == sorted(sets)


def test_the_worker_ends_when_its_reader_is_gone(archive):
    started = subprocess.Popen(
        [sys.executable, str(archive)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    request = json.dumps(setup("onnxruntime-cpu", [], [])) + "\n"
    output, _ = started.communicate(request.encode(), timeout=60)
    assert started.returncode == 0
    assert [json.loads(line)["event"] for line in output.splitlines()] == ["ready", "warm"]


def test_a_missing_runtime_is_told(archive):
    blocked = "import sys, runpy; sys.modules['onnxruntime'] = None; runpy.run_path(sys.argv[1])"
    with WorkerProcess([sys.executable, "-c", blocked, str(archive)]) as worker:
        worker.send(setup("onnxruntime-cpu", [], []))
        assert "onnxruntime" in worker.receive(60, Unavailable).reason


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_without_a_gpu_the_worker_says_so(archive):
    with WorkerProcess([sys.executable, str(archive)]) as worker:
        worker.send(setup("torch-cuda", [], []))
        assert "finds no CUDA GPU" in worker.receive(60, Unavailable).reason


def test_the_worker_that_times_onnxruntime_never_loads_torch(archive):
    request = json.dumps(setup("onnxruntime-cpu", [], [])) + "\n"
    script = (
        "import sys, runpy; runpy.run_path(sys.argv[1], run_name='__main__');"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(archive)], input=request, capture_output=True, text=True
    )
    assert done.stderr.split()[-1] == "False"


def test_the_archive_holds_the_worker_alone(archive):
    listed = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", str(archive)], capture_output=True, text=True
    ).stdout
    assert "worker/main.py" in listed
    assert "schedule" not in listed
    assert worker_archive.build(archive.parent) == archive


class Timed:
    """A network whose executions take the given times, by a clock that the test turns."""

    def __init__(self, times, monkeypatch):
        self.times, self.now = list(times), 0
        monkeypatch.setattr(stopwatch.time, "perf_counter_ns", lambda: self.now)

    def run(self):
        self.now += self.times.pop(0)


@pytest.mark.parametrize(
    ("times", "taken"),
    [
        ([100, 100], 2),
        ([200, 100, 99], 3),
        ([200, 100, 60, 58], 4),
        ([100, 150], 2),
        ([256, 128, 64, 32, 16], 5),
    ],
)
def test_warm_up_lasts_until_steady_and_is_bounded(times, taken, monkeypatch):
    network = Timed([*times, 1], monkeypatch)
    assert worker_main.warm_up(network, stopwatch.HostStopwatch(), 2, 5, 0.05) == times[:taken]


def test_short_networks_run_once_before_their_sample(monkeypatch, tmp_path):
    sent = []
    worker = object.__new__(worker_main.Worker)
    worker.send = lambda **event: sent.append(event)
    network = Timed([900, 7, 50], monkeypatch)
    worker.networks, worker.stopwatch = {0: network, 1: network}, stopwatch.HostStopwatch()
    worker.lead_in, worker.profiled, worker.extra_work = {0: True, 1: False}, {}, None
    worker.timed = False
    worker.round([0, 1])
    assert [event.get("ns") for event in sent] == [7, 50, None]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin")
def test_the_worker_keeps_to_one_core(archive):
    with WorkerProcess([sys.executable, str(archive)]) as worker:
        worker.send(setup("onnxruntime-cpu", [], []))
        ready = worker.receive(60, Ready)
        assert os.sched_getaffinity(ready.pid) == {ready.core}


@pytest.mark.usefixtures("several_cores")
def test_several_threads_do_not_share_one_core(archive):
    with WorkerProcess([sys.executable, str(archive)]) as worker:
        worker.send(setup("onnxruntime-cpu", [], []) | {"threads": 2})
        ready = worker.receive(60, Ready)
        assert os.sched_getaffinity(ready.pid) == {*ready.core}
        assert len(ready.core) == 2


def test_models_are_exported_once_and_again_when_anything_changes(tmp_path, monkeypatch):
    cell = CONTROLS[0]
    first, files = model_files.prepare(cell, "onnxruntime-cpu", 0, tmp_path)
    written = files.model.stat().st_mtime_ns
    again, _ = model_files.prepare(cell, "onnxruntime-cpu", 0, tmp_path)
    assert again == first
    assert files.model.stat().st_mtime_ns == written
    keys = {
        model_files.digest(cell.network, "onnxruntime-cpu", 0),
        model_files.digest(cell.network, "onnxruntime-cpu", 1),
        model_files.digest(cell.network, "torch-cpu", 0),
        model_files.digest(CONTROLS[1].network, "onnxruntime-cpu", 0),
        model_files.digest(
            Network(block="ComputeBoundBlock", arguments={"c": 64}, channels=64), "torch-cpu", 0
        ),
    }
    assert len(keys) == 5
    model_files._exporters.cache_clear()
    monkeypatch.setattr(model_files.importlib.metadata, "version", lambda name: "99")
    assert model_files.digest(cell.network, "onnxruntime-cpu", 0) not in keys
    model_files._exporters.cache_clear()


@pytest.mark.parametrize("name", ["model", "expected.npy", "entry.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_a_damaged_cache_entry_is_exported_again(name, content, tmp_path):
    cell, files = model_files.prepare(CONTROLS[0], "onnxruntime-cpu", 0, tmp_path)
    whole = files.expected.read_bytes()
    damaged = files.model.parent / name
    if content is None:
        damaged.unlink()
    else:
        damaged.write_bytes(content)
    again, files = model_files.prepare(CONTROLS[0], "onnxruntime-cpu", 0, tmp_path)
    assert again == cell
    assert files.expected.read_bytes() == whole
    assert damaged.stat().st_size > 10
