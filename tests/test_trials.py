"""A/B trials and checks from the command line, with real workers."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from guidelines.catalogue import GUIDELINES
from guidelines.session.trials import stored_trial
from results.errors import BadInputError
from results.gate import trial_store
from results.record.cells import NetworkChoice
from results.store import run_folders
from tests.program import complains
from tests.synthetic import noisy, run_of
from tests.synthetic_trials import block_of, noisy_logs, trial_of

CELLS = [cell.name for cell in GUIDELINES["g4"].cells(NetworkChoice())]
# So short that one test takes some blocks, and no verdict is waited for.
BRIEF = ("ab", "g4", "--max-minutes", "0.2")

# Executes some networks twice: a runtime that became slower, as the suite sees it.
SLOW_RUNTIME = """
import onnxruntime

run = onnxruntime.InferenceSession.run_with_iobinding

def slow(self, *arguments, **options):
    run(self, *arguments, **options)
    if self.get_inputs()[0].shape[1] in {channels}:
        run(self, *arguments, **options)

onnxruntime.InferenceSession.run_with_iobinding = slow
"""


def slow_python(folder, channels):
    """A Python whose ONNX Runtime executes networks of so many input channels twice."""
    (folder / "slow").mkdir()
    (folder / "slow" / "sitecustomize.py").write_text(SLOW_RUNTIME.format(channels=set(channels)))
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={folder}/slow exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return script


def verdicts(out):
    return {entry["cell"]: entry["verdict"] for entry in json.loads(out)}


def test_a_trial_is_made_of_blocks_of_four_fresh_processes(guidelines, tmp_path):
    code, out, err = guidelines(*BRIEF, "--json", "--out", "trial", "--ci", "ci")
    assert code in (0, 1), err
    assert set(verdicts(out)) == {
        *CELLS,
        "g4",
        "control/compute-bound/x1",
        "control/memory-heavy/x1",
    }
    trial, blocks = trial_store.read_trial(tmp_path / "trial")
    assert trial.sessions[0].command[:3] == ["python", "-m", "guidelines"]
    for block in blocks:
        assert [process.arm for process in block.processes] == ["a", "b", "b", "a"]
        for process in block.processes:
            assert len({len(ns) for name, ns in process.ns.items() if name in CELLS}) <= 1
    processes = [process for block in blocks for process in block.processes]
    assert len({process.pid for process in processes}) == len(processes)
    assert {file.name for file in (tmp_path / "ci").iterdir()} == {
        "junit.xml",
        "summary.md",
        "annotations.txt",
        "bencher.json",
        "github-action-benchmark.json",
    }


@pytest.mark.slow
def test_a_slower_runtime_is_caught_in_the_cells_that_it_slows(guidelines, tmp_path):
    python = slow_python(tmp_path, [128])
    code, out, err = guidelines("ab", "g4", "--b-python", python, "--max-minutes", "4", "--json")
    found = verdicts(out)
    slower = {name for name, verdict in found.items() if verdict == "SLOWER"}
    assert {name for name in CELLS if name.endswith("/x4")} <= slower, found
    assert not {name for name in CELLS if name.endswith("/x1")} & slower, found
    complains((code, out, err), 1, "gate stays shut", "SLOWER")


@pytest.mark.slow
def test_a_runtime_that_is_slower_everywhere_is_caught_by_absolute_time(guidelines, tmp_path):
    python = slow_python(tmp_path, [32, 64, 128])
    code, out, err = guidelines("ab", "g4", "--b-python", python, "--max-minutes", "4", "--json")
    assert code == 1, err
    found = verdicts(out)
    assert found["control/compute-bound/x1"] == found["control/memory-heavy/x1"] == "SLOWER"


def test_a_killed_trial_keeps_its_blocks_and_goes_on(command, guidelines, tmp_path):
    process = command(*BRIEF, "--out", "trial")
    first = tmp_path / "trial" / "blocks" / "0001.json"
    for _ in range(1200):
        if first.exists():
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = first.read_bytes()
    complains(guidelines(*BRIEF, "--out", "trial"), 2, "holds a trial already", "--resume")
    complains(
        guidelines("ab", "g3", "--max-minutes", "0.2", "--out", "trial", "--resume"),
        2,
        "something else",
    )
    code, out, err = guidelines(*BRIEF, "--out", "trial", "--resume", "--json")
    assert code in (0, 1), err
    assert first.read_bytes() == kept
    trial, _ = trial_store.read_trial(tmp_path / "trial")
    assert len(trial.sessions) == 2
    assert len(json.loads(out)) == 15


def damaged(block, how):
    """A block's JSON with one thing wrong."""
    first = block["processes"][0]
    if how == "control":
        del first["ns"]["control/compute-bound/x1"]
    elif how == "empty":
        first["ns"][CELLS[0]] = []
    elif how == "order":
        block["processes"].sort(key=lambda process: process["arm"])
    elif how == "stage":
        block["stage"] = "confirmation"
    elif how == "seconds":
        block["seconds"] = -1e9
    return block


@pytest.mark.parametrize("how", ["control", "empty", "order", "stage", "seconds", "gap"])
def test_an_altered_trial_is_refused_and_left_as_it_is(tmp_path, how):
    trial = trial_of(("g4",))
    trial_store.write_trial(tmp_path / "trial", trial)
    for number in range(3):
        trial_store.write_block(
            tmp_path / "trial", number, block_of(trial, noisy_logs(), number, sorted(CELLS))
        )
    file = tmp_path / "trial" / "blocks" / "0002.json"
    if how == "gap":
        file.unlink()
    else:
        file.write_text(json.dumps(damaged(json.loads(file.read_text()), how)))
    kept = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    with pytest.raises(BadInputError, match=r"0002\.json|Block 2"):
        stored_trial(tmp_path / "trial")
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == kept


def test_one_block_gives_ratios_and_no_verdict(tmp_path):
    trial = trial_of(("g4",))
    trial_store.write_trial(tmp_path, trial)
    trial_store.write_block(tmp_path, 0, block_of(trial, noisy_logs(), 0, sorted(CELLS)))
    findings = stored_trial(tmp_path).findings
    assert {(f.verdict, f.ratio_ci95, f.blocks) for f in findings} == {("INCONCLUSIVE", None, 1)}
    assert all(0.9 < finding.ratio < 1.1 for finding in findings)


def test_an_interrupted_trial_says_how_to_go_on(command, tmp_path):
    process = command(*BRIEF, "--out", "trial")
    for _ in range(1200):
        if (tmp_path / "trial" / "trial.json").exists():
            break
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Blocks kept in trial: " in err.splitlines()[-1]
    assert "--out trial --resume" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--b-python", "/no/such/python"], 3, ["Arm B", "could not be started"]),
        (["--b", "arm-emulated"], 2, ["Arm B", "counts instructions", "guidelines check"]),
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
def stored(tmp_path):
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


def test_a_check_passes_or_fails_by_its_exit_code(guidelines, stored):
    code, out, _ = guidelines("check", "same", "--baseline", "old")
    assert code == 0
    assert "Of 12 cells: 12 SAME" in out
    result = guidelines("check", "slow", "--baseline", "old", "--json")
    complains(result, 1, "is SLOWER")
    assert verdicts(result[1])[CELLS[0]] == "SLOWER"
    complains(guidelines("check", "slow", "--baseline", "older"), 2, "Did you mean old")


def test_github_gets_its_summary_and_annotations_unasked(command, stored):
    summary = stored / "summary.md"
    summary.write_text("before\n")
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    process = command("check", "slow", "--baseline", "old", "--json", environment=environment)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    json.loads(out)
    assert any(line.startswith("::error title=g4/") for line in err.splitlines())
    assert summary.read_text().startswith("before\n## Check of cpu")


def test_runs_are_compared_and_followed_from_the_command_line(guidelines, stored):
    code, out, err = guidelines("compare", "old", "slow", "paper:arm", "--out", "page")
    assert code == 0, err
    assert "Rank agreement" in out
    assert (stored / "page" / "compare.html").exists()
    complains(guidelines("compare", "old", "paper:tpu"), 2, "Did you mean paper:")
    code, out, err = guidelines("history", ".")
    assert code == 0, err
    assert "3 runs of cpu" in out
    complains(guidelines("history", "page"), 2, "no run in page")
