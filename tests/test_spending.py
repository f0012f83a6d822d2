"""Where a run's time goes: everything is counted once, and nothing is left out."""

from __future__ import annotations

import pytest

from guideline_benchmarks.results.tables.spending import CELLS, spending
from tests.synthetic import run_of


def spent(milliseconds, wall=100.0):
    run = run_of(["g4"], lambda *_: milliseconds, rounds=(2, 2))
    times = [round(2e6 * milliseconds), round(1e6 * milliseconds)]
    warm = {network.name: times for network in run.networks}
    timed = {"seconds": 20.0, "warmup_ns": warm}
    processes = [process.model_copy(update=timed) for process in run.processes]
    return run, spending(run.model_copy(update={"processes": processes}), wall)


def test_what_was_spent_sums_to_what_all_took():
    _, found = spent(5.0)
    assert sum(found.values()) == pytest.approx(100.0)
    assert found["the command's start, export, ceilings"] == pytest.approx(60.0)


def test_samples_are_those_of_the_cells_and_lead_ins_as_long_as_what_they_precede():
    run, found = spent(5.0)
    assert found[CELLS] == pytest.approx(len(run.cells) * 4 * 5e-3)
    assert found["samples of the controls"] == pytest.approx(len(run.controls) * 4 * 5e-3)
    assert found["lead-ins"] == pytest.approx(found[CELLS] + found["samples of the controls"])
    assert spent(50.0)[1]["lead-ins"] == 0.0
