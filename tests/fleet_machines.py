"""Machines that stand in for those of a fleet, and how tests drive one and look at it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.fleet import (
    attempt,
    device_lock,
    driving,
    reporter,
)
from guideline_benchmarks.guidelines.session.fleet.driving import Driving, run_fleet
from guideline_benchmarks.guidelines.session.fleet.jobs import read_jobs
from guideline_benchmarks.results.fleet.overview import read_overview
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.files import locked
from tests.test_matrix import measured

RUN = '[run]\nexperiments = ["g2"]\nruns = 6\nprocesses = 2\n'
GONE = "The connection to it was lost."


class Machines:
    """Measure nothing: they store runs by a formula, two rounds at a time, and fail as told.

    `ends` are by device what comes after how many rounds; of each device is kept how many rounds
    were there when it was begun, and how many were at work at once.
    """

    def __init__(self):
        self.ends = {}
        self.begun = {}
        self.busy = set()
        self.seconds = 0.0
        self.overlapping = []
        self.everyone = threading.Barrier(1)

    def execute(self, plan, folder, resume, watcher, preparing):
        device = folder.parent.name
        if device in self.busy:
            self.overlapping.append(device)
        self.busy.add(device)
        try:
            with locked(folder):
                return self._execute(plan, folder, watcher, device)
        finally:
            self.busy.discard(device)

    def _execute(self, plan, folder, watcher, device):
        earlier = runs.earlier_run(plan, folder, resume=True)
        stored = len(earlier.rounds) if earlier else 0
        if stored == plan.protocol.runs:
            return earlier
        self.begun.setdefault(device, []).append((folder.name, stored))
        self.everyone.wait(60)
        while stored < plan.protocol.runs:
            ends = self.ends.get(device)
            if ends and ends[0][0] == stored:
                raise ends.pop(0)[1]
            time.sleep(self.seconds)
            stored = min(stored + 2, plan.protocol.runs)
            run = measured(plan, stored)
            run_folders.write_run(folder, run)
            watcher.round_stored(run)
        return run


def stand_in(monkeypatch, tmp_path):
    """Have them measure in place of workers, without pauses; return them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(attempt, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(driving, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(reporter, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(device_lock.DeviceLock, "release", lambda *_: None)
    found = Machines()
    monkeypatch.setattr(runs, "execute", found.execute)
    monkeypatch.setattr(runs, "prepare", lambda *_: None)
    # Nothing is started here, and what this process started for other tests must outlive a fleet.
    monkeypatch.setattr(psutil.Process, "children", lambda *_, **__: [])
    return found


def drive(*devices, head=RUN, out=Path("out"), patience=60.0, quiet=False):
    """Drive a fleet of boards of these names."""
    text = "".join(f'[[device]]\nname = "{name}"\nplatform = "ssh:{name}"\n' for name in devices)
    Path("fleet.toml").write_text(head + text)
    run_fleet(read_jobs(Path("fleet.toml")), out, Driving(patience=patience, quiet=quiet))


def record(device, name="onnxruntime-1t-fp32"):
    """The folder of a record."""
    return Path("out/devices") / device / name


def words():
    """How each device stands, in a word."""
    return {one.record.device: one.word for one in read_overview(Path("out")).standings}
