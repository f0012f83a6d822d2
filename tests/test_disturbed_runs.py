"""A run on a busy machine says so first, and prints no figure that has no meaning."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest

from guideline_benchmarks.guidelines.session.gate.trial_judgement import judgement_of
from guideline_benchmarks.guidelines.session.gate.trials import stored_trial
from guideline_benchmarks.reports.gate.registry import FORMATS
from guideline_benchmarks.reports.history import history as followed
from guideline_benchmarks.reports.run.heading import warnings
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.reports.run.tables import MEANS_AND_PAIRS
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.finding import Row
from guideline_benchmarks.results.gate.regression import judge_run
from guideline_benchmarks.results.history.history import digest, folders_in, history_of
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.tables.json_objects import (
    json_objects,
)
from guideline_benchmarks.results.tables.summary import summarise
from tests.disturbed_runs import disturbed, quiet, texts, with_load
from tests.synthetic import counted_run, fig2_run, noisy, run_of
from tests.synthetic_gpu import gpu_run
from tests.synthetic_trials import noisy_logs, replicate_of, trial_of

ROW = Row("g4/none/x1", "cell", ("g4/none/x1",), "g4")


@pytest.mark.parametrize(
    ("start", "end", "warned"),
    [
        (0.1, 1.2, False),
        (2.0, 2.4, False),
        (None, None, False),
        (None, 5.2, True),
        (4.6, None, True),
        (0.3, 3.1, True),
    ],
)
def test_load_beyond_the_cores_is_a_warning(start, end, warned):
    found = [text for text in warnings(with_load(quiet(), start, end)) if "load average" in text]
    assert bool(found) == warned
    if warned:
        assert f"{end or start:.1f} on 2 cores: other programs" in found[0]


def test_a_gate_says_so_as_well(tmp_path):
    remarks = judge_run(with_load(quiet(), 0.1, 5.2), quiet()).remarks
    assert [text.startswith("Of the run: The load average") for text in remarks] == [True]
    trial = trial_of(("g4",))
    names = sorted(cell.name for cell in (*trial.a.cells, *trial.a.controls))
    pair = replicate_of(trial, noisy_logs(), 0, names)
    busy = [process.model_copy(update={"load": 5.2}) for process in pair.processes]
    trial_store.write_trial(tmp_path, trial)
    trial_store.write_replicate(tmp_path, trial, 0, pair)
    assert judgement_of(stored_trial(tmp_path), tmp_path).remarks == []
    disturbed = pair.model_copy(update={"processes": busy})
    trial_store.write_replicate(tmp_path, trial, 0, disturbed)
    (remark,) = judgement_of(stored_trial(tmp_path), tmp_path).remarks
    assert "5.2 on 2 cores" in remark


def test_processes_far_apart_are_a_warning():
    def times(cell, process, _):
        return 2.5 if process == 1 else 1.0

    (found,) = [t for t in warnings(run_of(["g1"], times, rounds=(3, 3))) if "2.5 times" in t]
    assert found.startswith("control/")
    assert not any("times as long" in text for text in warnings(quiet()))


def test_what_an_interrupted_process_left_is_no_spread_between_processes():
    def times(cell, process, _):
        return 9.0 if process == 1 else 1.0

    run = run_of(["g1"], times, rounds=(6, 1, 6))
    assert not any("times as long" in text for text in warnings(run))


def test_warnings_stand_above_all_figures_in_every_format():
    for where, text in texts(with_load(disturbed(), 4.6, 5.2)).items():
        warned = text.index("load average was up to 5.2")
        assert warned < text.index("A CPU"), where
        assert warned < text.index("Verdicts"), where


def test_verdicts_are_the_first_that_a_terminal_shows():
    lines = texts(quiet())["brief"].splitlines()
    assert lines[0] == "Verdicts"
    assert [line.split()[0] for line in lines[3:5]] == ["G1", "G4"]
    below = texts(with_load(quiet(), 4.6, 5.2))["brief"].splitlines()
    assert below[0].startswith("Warning: The load average")
    assert below[1:] == [line.replace("0.1 to 1.0", "4.6 to 5.2") for line in lines]


def test_that_speeds_are_means_and_relative_speeds_are_not_is_said_below_the_table():
    for where, text in texts(quiet()).items():
        assert text.count(MEANS_AND_PAIRS) == 2, where


TINY = {
    "nothing measured": lambda: emptied(quiet()),
    "one round": lambda: run_of(["g4"], noisy(lambda _: 1.0), rounds=(1,)),
    "one process": lambda: run_of(["g4"], noisy(lambda _: 1.0), rounds=(3,)),
    "one round a process": lambda: run_of(["g4"], noisy(lambda _: 1.0), rounds=(1, 1)),
    "no noise": lambda: run_of(["g4"], lambda *_: 1.0, rounds=(2, 2)),
    "a nanosecond": lambda: run_of(["g4"], lambda *_: 1e-6, rounds=(2, 2)),
    "one failed": lambda: run_of(
        ["g4"], noisy(lambda _: 1.0), rounds=(2, 2), failures={"g4/none/x1": "it broke"}
    ),
    "nothing taken apart": lambda: emptied(fig2_run(rounds=(1,))),
    "taken apart once": lambda: fig2_run(rounds=(1,)),
    "on a gpu, nothing": lambda: emptied(gpu_run(["g4"], lambda *_: 1.0, rounds=(1,))),
    "on a gpu, once": lambda: gpu_run(["g4"], lambda *_: 1.0, rounds=(1,)),
    "nothing counted": lambda: emptied(counted_run(["g4"], lambda _: 10**7)),
    "counted once": lambda: counted_run(["g4"], lambda _: 10**7, runs=1),
}


# They lie between one round and what has two of everything.
NIGHTLY = ("one process", "one round a process", "no noise")


def emptied(run: Run) -> Run:
    return run.model_copy(update={"processes": [], "rounds": [], "counts": []})


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in NIGHTLY else []) for n in TINY],
)
def test_a_run_of_next_to_nothing_prints_no_figure_that_is_none(name, tmp_path):
    run = TINY[name]()
    said = texts(run) | {"json": json.dumps(json_objects(summarise(run)))}
    write_report(summarise(run), tmp_path / "report")
    said |= {file.name: file.read_text() for file in (tmp_path / "report").glob("*.csv")}
    for number in range(2):
        run_folders.write_run(tmp_path / "runs" / str(number), run)
    with suppress(BadInputError):
        judgement = judge_run(run, run)
        said |= {form: text(judgement, True) for form, text in FORMATS.items()}
    with suppress(BadInputError):
        found = history_of([digest(folder) for folder in folders_in(tmp_path / "runs")])
        followed.write_history(found, tmp_path / "history")
        said["history"] = (tmp_path / "history" / "history.md").read_text()
    for where, text in said.items():
        bare = re.sub("<style>.*?</style>", "", text, flags=re.DOTALL)
        found = re.search(r"(?<![a-z])(nan|inf|infinity)(?![a-z])", bare, re.IGNORECASE)
        assert found is None, (where, bare[max(0, found.start() - 80) : found.end() + 20])
