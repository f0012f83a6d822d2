"""What a transport has to do, shown with one that is like no other; a name makes it known."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.cells import Operators
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.runners import launcher, measure, platform_file
from guideline_benchmarks.runners.launcher import Launcher, ModelFiles
from guideline_benchmarks.runners.transports.catalogue import TRANSPORTS
from guideline_benchmarks.runners.worker_process import WorkerProcess
from tests.synthetic import run_of
from tests.test_measure import FAKE, Recorder


class Lift:
    """Moves files down into a cellar, and keeps a diary of what was asked of it."""

    def __init__(self, cellar, mode="good"):
        self.cellar, self.mode, self.diary = cellar, mode, []

    def process(self):
        self.diary.append("process")
        command = [sys.executable, str(FAKE), self.mode, str(self.cellar / "log")]

        def explain(code, _said, _spoke):
            return PlatformError(f"The lift is stuck ({code}).")

        return WorkerProcess(command, explain, "The cellar")

    def introduce(self, process, files, copying):
        self.diary.append("introduce")
        assert isinstance(process, WorkerProcess)
        names = {}
        for number, path in enumerate(dict.fromkeys(files)):
            copying(number, len(files))
            below = self.cellar / f"{number}"
            path.rename(below)
            names[path] = str(below)
        return names

    def unavailable(self, event):
        return PlatformError(f"The cellar is dark: {event.clause}.")

    def seen(self, ready):
        self.diary.append("seen")
        machine = ready.machine.model_copy(update={"hostname": "cellar"})
        return ready.model_copy(update={"machine": machine})


@pytest.fixture
def cellar(tmp_path):
    folder = tmp_path / "cellar"
    folder.mkdir()
    return folder


@pytest.fixture
def above(tmp_path):
    """Model files of a run, before they are moved to where the worker is."""

    def files_of(run):
        found = {}
        for cell in run.networks:
            path = tmp_path / cell.name.replace("/", "_")
            path.write_text(json.dumps(asdict(cell.operators or Operators())))
            found[cell.name] = ModelFiles(path, path)
        return found

    return files_of


class Copies(Recorder):
    """A recorder that is told of copied files, too."""

    copied = 0

    def copying(self, done, total):
        self.copied += 1


def planned():
    run = run_of(["g1"], lambda *_: 1.0, rounds=(3,))
    return run.model_copy(update={"processes": [], "rounds": []})


def test_a_run_is_measured_through_any_transport(cellar, above):
    lift = Lift(cellar)
    launched = Launcher(lift, "f" * 64)
    run = planned()
    found = launcher.identify(run.platform, launched)
    # What is introduced has not been greeted yet, and what is seen is what the record keeps.
    assert lift.diary == ["process", "introduce", "seen"]
    assert (found.hostname, found.worker) == ("cellar", "f" * 64)
    run = run.model_copy(update={"fingerprint": found})
    recorder = Copies()
    run = measure.measure(run, above(run), launched, recorder.store, recorder)
    assert complete(run)
    assert not run.failures
    assert recorder.copied == len(run.networks)
    assert lift.diary == ["process", "introduce", "seen"] * 2


@pytest.mark.parametrize(
    ("mode", "said"),
    [("unavailable", "The cellar is dark: No module named"), ("fail", r"The lift is stuck \(1\)")],
)
def test_a_transport_says_itself_what_went_wrong(mode, said, cellar, above):
    run = planned()
    found = launcher.identify(run.platform, Launcher(Lift(cellar), "f" * 64))
    run = run.model_copy(update={"fingerprint": found})
    broken = Launcher(Lift(cellar, mode), "f" * 64)
    with pytest.raises(PlatformError, match=said):
        measure.measure(run, above(run), broken, lambda _: None, Recorder())


def test_a_platform_file_names_any_transport_of_the_catalogue(cellar, tmp_path, monkeypatch):
    opened = []

    def open_transport(platform, archive, claim):
        opened.append((platform.name, archive.suffix, claim.process))
        return Lift(cellar)

    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nbackend = "onnxruntime-cpu"\ntransport = "lift"\n')
    with pytest.raises(BadInputError, match=r"mine.toml: There is no transport 'lift'. Known: "):
        platform_file.load_platform(str(path))
    monkeypatch.setitem(TRANSPORTS, "lift", open_transport)
    platform = platform_file.load_platform(str(path))
    launched = launcher.launcher_of(platform, tmp_path)
    assert opened == [("mine", ".pyz", os.getpid())]
    assert launcher.identify(platform, launched).hostname == "cellar"
    # A Python of this machine runs nothing elsewhere.
    assert not platform.is_local


def test_this_machine_runs_workers_by_the_suite_s_own_python_or_another(tmp_path):
    platform = platform_file.load_platform("cpu")
    own = launcher.launcher_of(platform, tmp_path).transport
    other = launcher.launcher_of(platform, tmp_path, python="/a/python").transport
    assert [transport.command[0] for transport in (own, other)] == [sys.executable, "/a/python"]
    assert own.command[1] == other.command[1]
    assert Path(own.command[1]).is_file()


@pytest.mark.parametrize("missing", ["ncnn", "numpy"])
@pytest.mark.parametrize(
    ("python", "installs"),
    # The suite's own Python needs what converts, too.
    [("", "'guideline-benchmarks[ncnn]'"), ("without", "numpy ncnn")],
)
def test_a_missing_runtime_is_installed_by_the_python_that_lacks_it(
    python, installs, missing, tmp_path, monkeypatch
):
    (tmp_path / f"{missing}.py").write_text("raise ImportError('there is none')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    other = tmp_path / python
    if python:
        other.symlink_to(sys.executable)
    platform = platform_file.load_platform("cpu-ncnn")
    launched = launcher.launcher_of(platform, tmp_path, python=python and str(other))
    own = other if python else sys.executable
    with pytest.raises(PlatformError, match=re.escape(f"{own} -m pip install {installs}.")):
        launcher.identify(platform, launched)
