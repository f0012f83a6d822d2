"""A/B trials and checks from the command line, with real workers."""

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
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.sides import AskedSide, question
from guideline_benchmarks.guidelines.session.trial_judgement import judgement_of
from guideline_benchmarks.guidelines.session.trials import measure_trial, stored_trial
from guideline_benchmarks.reports.gate.registry import FORMATS
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.trial import Part, TrialProtocol
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.store import run_folders
from tests.program import complains, wait_until
from tests.synthetic import noisy, run_of
from tests.synthetic_trials import noisy_logs, replicate_of, trial_of

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


def planned(trial):
    """What the first replicates of a trial measure."""
    controls = [control.name for control in trial.a.controls] if trial.design == "pairs" else []
    return sorted([*CELLS, *controls])


def stored(folder, trial, count):
    """Write a trial of so many made-up replicates."""
    trial_store.write_trial(folder, trial)
    for number in range(count):
        replicate = replicate_of(trial, noisy_logs(), number, planned(trial))
        trial_store.write_replicate(folder, trial, number, replicate)


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


def test_a_runtime_that_is_slower_everywhere_is_caught_by_absolute_time(guidelines, tmp_path):
    code, out, err = guidelines(*trial_words(tmp_path, [32, 64, 128]), "--json")
    assert code == 1, err
    found = verdicts(out)
    assert found["control/compute-bound/x1"] == found["control/memory-heavy/x1"] == "SLOWER"


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


def damaged(replicate, how):
    """A replicate's JSON with one thing wrong."""
    first = replicate["processes"][0]
    if how == "control":
        del first["ns"]["control/compute-bound/x1"]
    elif how == "empty":
        first["ns"][CELLS[0]] = []
    elif how == "order":
        for process in replicate["processes"][:2]:
            process["side"] = "b"
    elif how == "stage":
        replicate["stage"] = "confirmation"
    elif how == "seconds":
        replicate["seconds"] = -1e9
    elif how == "fewer":
        first["ns"][CELLS[0]].pop()
    elif how == "half":
        del replicate["processes"][2:]
    return replicate


DAMAGES = ["control", "empty", "order", "stage", "seconds", "gap"]


@pytest.mark.parametrize(
    ("design", "how"),
    [
        *(("pairs", how) for how in [*DAMAGES, "fewer"]),
        *(("quartets", how) for how in [*DAMAGES, "half"]),
    ],
)
def test_an_altered_trial_is_refused_and_left_as_it_is(tmp_path, design, how):
    trial = trial_of(("g4",), design=design)
    stored(tmp_path / "trial", trial, 3)
    file = tmp_path / "trial" / design / "0002.json"
    if how == "gap":
        file.unlink()
    else:
        file.write_text(json.dumps(damaged(json.loads(file.read_text()), how)))
    kept = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    with pytest.raises(BadInputError, match=r"0002\.json|Number 2"):
        stored_trial(tmp_path / "trial")
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == kept


@pytest.mark.parametrize("design", ["pairs", "quartets"])
def test_one_replicate_gives_ratios_and_no_verdict(tmp_path, design):
    stored(tmp_path, trial_of(("g4",), design=design), 1)
    findings = stored_trial(tmp_path).findings
    assert {(f.verdict, f.ratio_ci95, f.rests_on) for f in findings} == {("INCONCLUSIVE", None, 1)}
    assert all(0.9 < finding.ratio < 1.1 for finding in findings)


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
    result = guidelines("ab", *options)
    complains(result, code, *(word.replace("(", r"\(") for word in words))


@pytest.fixture
def runs(tmp_path):
    """A baseline, the same again, and one with a slower cell."""

    def slow(cell):
        return 6.0 if cell.name == CELLS[0] else 5.0

    for name, truth, seed in (
        ("old", lambda _: 5.0, 1),
        ("same", lambda _: 5.0, 2),
        ("slow", slow, 3),
    ):
        run_folders.write_run(tmp_path / name, run_of(["g4"], noisy(truth, noise=0.004, seed=seed)))
    return tmp_path


def test_a_check_passes_or_fails_by_its_exit_code(guidelines, runs):
    code, out, _ = guidelines("check", "same", "--baseline", "old")
    assert code == 0
    assert "Of 12 cells: 12 SAME" in out
    result = guidelines("check", "slow", "--baseline", "old", "--json")
    complains(result, 1, "is SLOWER")
    assert verdicts(result[1])[CELLS[0]] == "SLOWER"
    complains(guidelines("check", "slow", "--baseline", "older"), 2, "Did you mean old")


def test_github_gets_its_summary_and_annotations_unasked(command, runs):
    summary = runs / "summary.md"
    summary.write_text("before\n")
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    process = command("check", "slow", "--baseline", "old", "--json", environment=environment)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    json.loads(out)
    assert any(line.startswith("::error title=g4/") for line in err.splitlines())
    assert summary.read_text().startswith("before\n## Check of cpu")


def test_runs_are_compared_and_followed_from_the_command_line(guidelines, runs):
    code, out, err = guidelines("compare", "old", "slow", "paper:arm", "--out", "page")
    assert code == 0, err
    assert "Rank agreement" in out
    assert (runs / "page" / "compare.html").exists()
    complains(guidelines("compare", "old", "paper:tpu"), 2, "Did you mean paper:")
    code, out, err = guidelines("history", ".")
    assert code == 0, err
    assert "3 runs of cpu" in out
    complains(guidelines("history", "page"), 2, "no run in page")


def test_a_trial_of_an_earlier_version_is_read_and_goes_on_where_it_is(tmp_path):
    trial = trial_of(("g4",), design="quartets")
    quartets = [replicate_of(trial, noisy_logs(), number, sorted(CELLS)) for number in range(3)]
    earlier = trial.model_dump(mode="json", exclude={"design", "apart"}) | {"trial_version": 1}
    (tmp_path / trial_store.FILE).write_text(json.dumps(earlier))
    trial = trial.model_copy(update={"trial_version": 1})
    (tmp_path / "blocks").mkdir()
    for number, quartet in enumerate(quartets[:2]):
        content = json.loads(quartet.model_dump_json())
        for process in content["processes"]:
            process["arm"] = process.pop("side")
        (tmp_path / "blocks" / f"{number + 1:04}.json").write_text(json.dumps(content))
    assert trial_store.read_trial(tmp_path) == (trial, quartets[:2])
    trial_store.write_replicate(tmp_path, trial, 2, quartets[2])
    assert trial_store.read_trial(tmp_path) == (trial, quartets)
    assert not (tmp_path / "quartets").exists()


def part_of(quartet, number, processes):
    """The first processes of a quartet, as they are kept while it is measured."""
    content = quartet.model_dump()
    content["processes"] = content["processes"][:processes]
    return Part(number=number, **content)


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


def test_what_there_is_of_a_quartet_is_of_the_next_one_or_is_nothing(tmp_path):
    trial = trial_of(("g4",), design="quartets")
    trial_store.write_trial(tmp_path, trial)
    first, second = (replicate_of(trial, noisy_logs(), number, sorted(CELLS)) for number in (0, 1))
    part = part_of(first, 0, 3)
    assert trial_store.read_part(tmp_path, trial, 0) is None
    trial_store.write_part(tmp_path, part)
    assert trial_store.read_part(tmp_path, trial, 0) == part
    # Killed between writing the quartet and removing its part.
    assert trial_store.read_part(tmp_path, trial, 1) is None
    trial_store.write_replicate(tmp_path, trial, 0, first)
    assert not (tmp_path / trial_store.PART).exists()
    trial_store.write_part(tmp_path, part_of(second, 1, 1))
    assert trial_store.read_trial(tmp_path) == (trial, [first])


@pytest.mark.parametrize("how", ["order", "control", "seconds"])
def test_an_altered_part_is_refused(tmp_path, how):
    trial = trial_of(("g4",), design="quartets")
    trial_store.write_trial(tmp_path, trial)
    part = part_of(replicate_of(trial, noisy_logs(), 0, sorted(CELLS)), 0, 3)
    content = json.loads(part.model_dump_json())
    (tmp_path / trial_store.PART).write_text(json.dumps(damaged(content, how)))
    with pytest.raises(BadInputError, match=r"part\.json is"):
        trial_store.read_part(tmp_path, trial, 0)


@pytest.mark.parametrize("design", ["pairs", "quartets"])
def test_a_trial_that_judged_nothing_has_no_remark_on_intervals(tmp_path, design):
    for number in range(5):
        stored(tmp_path, trial_of(("g4",), design=design), number)
        judgement = judgement_of(stored_trial(tmp_path), tmp_path)
        said = [form(judgement, True) for form in FORMATS.values()]
        said.append(json.dumps(judgement.json_objects()))
        for text in said:
            assert not re.search(r"\b(nan|inf|infinity)\b", text, re.IGNORECASE)
        like = [remark for remark in judgement.remarks if remark.startswith("Like against like")]
        assert bool(like) == (number >= (4 if design == "pairs" else 2))
        assert bool(judgement.spread) == (number >= 2)
