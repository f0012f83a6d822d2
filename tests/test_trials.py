"""A/B trials from the command line and from within, with real workers."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.session.gate.sides import AskedSide, question
from guideline_benchmarks.guidelines.session.gate.trial_judgement import judgement_of
from guideline_benchmarks.guidelines.session.gate.trials import measure_trial
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.trial import TrialProtocol
from guideline_benchmarks.results.record.cells import NetworkChoice
from tests.program import complains, wait_until

OWN_CLOCK = Path(__file__).with_name("own_clock.py")
CELLS = [cell.name for cell in GUIDELINES["g4"].cells(NetworkChoice())]
CONTROLS = {"control/compute-bound/x1", "control/memory-heavy/x1"}


def python_on_its_own_clock(folder, name, slowed=()):
    """A Python whose ONNX Runtime takes twice as long for networks of so many input channels."""
    site = folder / "site"
    site.mkdir(exist_ok=True)
    shutil.copy(OWN_CLOCK, site / "sitecustomize.py")
    script = folder / name
    script.write_text(
        f"#!/bin/sh\nexport PYTHONPATH={site} SLOWED='{list(slowed)}'\n"
        f'exec {sys.executable} "$@"\n'
    )
    script.chmod(0o755)
    return script


def trial_words(folder, slowed=(), experiment="g4"):
    """A trial that soon decides all: its sides are on clocks of their own, and B may be slower."""
    a = python_on_its_own_clock(folder, "python-a")
    b = python_on_its_own_clock(folder, "python-b", slowed)
    return ("ab", experiment, "--a-python", a, "--b-python", b)


def verdicts(out):
    return {entry["cell"]: entry["verdict"] for entry in json.loads(out)}


@pytest.fixture(scope="session")
def caught(once, shared_root):
    """A trial whose side B is slower in some cells: its folder, and what it said."""
    words = trial_words(shared_root, [128])
    return once("caught", *words, "--json", "--out", "trial", "--ci", "ci")


@pytest.mark.xdist_group("caught")
def test_a_trial_is_made_of_pairs_of_fresh_processes(caught):
    folder, (code, out, err) = caught
    assert code in (0, 1), err
    assert set(verdicts(out)) == {*CELLS, "g4", *CONTROLS}
    trial, pairs = trial_store.read_trial(folder / "trial")
    assert trial.sessions[0].command[:3] == ["python", "-m", "guidelines"]
    for number, pair in enumerate(pairs):
        sides = ["a", "b"] if number % 2 == 0 else ["b", "a"]
        assert [process.side for process in pair.processes] == sides
        for process in pair.processes:
            assert len({len(ns) for ns in process.ns.values()}) <= 1
    processes = [process for pair in pairs for process in pair.processes]
    assert len({process.pid for process in processes}) == len(processes)
    assert {file.name for file in (folder / "ci").iterdir()} == {
        "junit.xml",
        "summary.md",
        "annotations.txt",
        "bencher.json",
        "github-action-benchmark.json",
    }


@pytest.mark.xdist_group("caught")
def test_a_slower_runtime_is_caught_in_the_cells_that_it_slows(caught):
    _, result = caught
    found = verdicts(result[1])
    slower = {name for name, verdict in found.items() if verdict == "SLOWER"}
    assert {name for name in CELLS if name.endswith("/x4")} <= slower, found
    assert not {name for name in CELLS if name.endswith("/x1")} & slower, found
    complains(result, 1, "gate stays shut", "SLOWER")


@pytest.mark.slow
def test_a_runtime_that_is_slower_everywhere_is_caught_by_absolute_time(guidelines, tmp_path):
    code, out, err = guidelines(*trial_words(tmp_path, [32, 64, 128]), "--json")
    assert code == 1, err
    found = verdicts(out)
    assert found["control/compute-bound/x1"] == found["control/memory-heavy/x1"] == "SLOWER"


@pytest.mark.slow
def test_a_killed_trial_keeps_its_pairs_and_goes_on(command, guidelines, tmp_path):
    words = (*trial_words(tmp_path), "--out", "trial")
    process = command(*words)
    first = tmp_path / "trial" / "pairs" / "0001.json"
    wait_until(first.exists, "a pair", 120)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = first.read_bytes()
    complains(guidelines(*words), 2, "holds a trial already", "--resume")
    other = (*trial_words(tmp_path, experiment="g3"), "--out", "trial", "--resume")
    complains(guidelines(*other), 2, "something else")
    code, out, err = guidelines(*words, "--resume", "--json")
    assert code in (0, 1), err
    assert first.read_bytes() == kept
    trial, _ = trial_store.read_trial(tmp_path / "trial")
    assert len(trial.sessions) == 2
    assert len(json.loads(out)) == 15


def test_an_interrupted_trial_says_how_to_go_on(command, tmp_path):
    process = command("ab", "g4", "--max-minutes", "0.1", "--out", "trial")
    trial = tmp_path / "trial" / "trial.json"
    workers = psutil.Process(process.pid).children
    wait_until(lambda: trial.exists() and workers(), "a worker", 120)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Pairs kept in trial: " in err.splitlines()[-1]
    assert "--out trial --resume" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--b-python", "/no/such/python"], 3, ["Side B", "could not be started"]),
        (["--b", "arm-emulated"], 2, ["Side B", "counts instructions", "guidelines check"]),
        (["--b", "ssh:pi@nowhere", "--b-python", "x"], 2, ["--b-python", "board"]),
        (["--a", "cpuu"], 2, ["Did you mean cpu"]),
        (["fig2"], 2, ["compares nothing"]),
        (["--margin", "0"], 2, ["margin"]),
        (["--resume"], 2, ["--out"]),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_sentence(guidelines, options, code, words):
    experiment = ["g4"] if "fig2" not in options else []
    result = guidelines("ab", *experiment, *options)
    complains(result, code, *(word.replace("(", r"\(") for word in words))


class Watcher:
    """Watches a trial, and interrupts it once a side was sampled so often, if it is to."""

    def __init__(self, most=math.inf):
        self.left = most

    def replicate_begins(self, step, number, ledger):
        pass

    def sample_taken(self, side, cell):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def asked(seconds=0.1, **how):
    """A trial of two equal sides that has time for one replicate."""
    protocol = TrialProtocol(max_seconds=seconds, rounds=2, pair_rounds=2)
    cpu = AskedSide("cpu")
    return question(["g4"], cpu, cpu, protocol, Options(), **how)


def test_a_quartet_that_was_cut_off_keeps_its_processes_and_goes_on(cache, tmp_path):
    words = asked(apart="it is wanted so")
    with pytest.raises(KeyboardInterrupt):
        measure_trial(words, tmp_path, False, Watcher(60))
    trial, quartets = trial_store.read_trial(tmp_path)
    kept = trial_store.read_part(tmp_path, trial, 0)
    assert not quartets
    assert kept.processes
    outcome = measure_trial(words, tmp_path, True, Watcher())
    first = outcome.replicates[0]
    assert [process.side for process in first.processes] == ["a", "b", "b", "a"]
    assert first.processes[: len(kept.processes)] == kept.processes
    assert first.session == 1
    assert first.seconds > kept.seconds
    assert not (tmp_path / trial_store.PART).exists()
    assert "one after the other" in " ".join(judgement_of(outcome, tmp_path).remarks)


def test_sides_that_do_not_fit_into_memory_together_are_measured_in_quartets(
    cache, tmp_path, monkeypatch
):
    monkeypatch.setattr("guideline_benchmarks.runners.pairs.SPARE_MEMORY", 1e9)
    outcome = measure_trial(asked(), tmp_path, False, Watcher())
    trial, quartets = trial_store.read_trial(tmp_path)
    assert trial.design == outcome.trial.design == "quartets"
    assert [len(quartet.processes) for quartet in quartets] == [4]
    assert re.fullmatch(
        r"a worker takes \d+ MiB, and memory has \d+ MiB left for a second one", trial.apart
    )
    assert any(trial.apart in remark for remark in judgement_of(outcome, tmp_path).remarks)
