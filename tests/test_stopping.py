"""The stopping rule: when figures are good enough, and that time is up at last."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan, stopping_rule
from guideline_benchmarks.reports.run.heading import describe, warnings
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.protocol import StoppingRule
from guideline_benchmarks.results.statistics import stopping
from guideline_benchmarks.results.statistics.stopping import complete
from tests.synthetic import run_of, valid

MEDIANS = st.lists(st.floats(1e3, 1e9), min_size=3, max_size=20)


def stopped(times, percent, seconds=100.0, rounds=(5,) * 5, spent=1.0, failures=None):
    """A run with a stopping rule, whose processes took `spent` seconds each."""
    run = run_of(["g1"], times, rounds=rounds, failures=failures)
    rule = StoppingRule(relative_error=percent / 100, seconds=seconds)
    protocol = run.protocol.model_copy(update={"runs": 15, "processes": 3, "stop": rule})
    processes = [p.model_copy(update={"seconds": spent}) for p in run.processes]
    return valid(run.model_copy(update={"protocol": protocol, "processes": processes}).model_dump())


@given(MEDIANS, st.floats(0.1, 10))
def test_the_relative_error_has_no_unit(medians, unit):
    error = stopping.relative_standard_error(medians)
    assert stopping.relative_standard_error([unit * m for m in medians]) == pytest.approx(
        error, rel=1e-6, abs=1e-9
    )


@given(st.floats(1e3, 1e9), st.integers(3, 20))
def test_equal_medians_have_no_error(median, count):
    assert stopping.relative_standard_error([median] * count) == pytest.approx(0, abs=1e-12)


def test_the_error_is_the_standard_error_over_the_mean():
    assert stopping.relative_standard_error([9.0, 10.0, 11.0]) == pytest.approx(0.1 / math.sqrt(3))
    assert stopping.relative_standard_error([1.0, 1.0]) == math.inf


def growing(percent):
    """Each process slower than the one before, one cell more than the others."""
    return lambda cell, process, _: (
        1 + percent / 100 * process * (2 if cell.name == "g1/1:6/x2" else 1)
    )


def test_the_worst_cell_decides():
    run = stopped(growing(1), 1.0)
    name, error = stopping.worst_error(run)
    assert name == "g1/1:6/x2"
    assert error == pytest.approx(math.sqrt(10) * 0.01 / 1.04 / math.sqrt(5), rel=1e-3)
    assert not complete(run)
    assert complete(stopped(growing(1), 1.4))


def test_fewer_rounds_than_asked_for_are_never_enough():
    assert not complete(stopped(growing(0), 1.0, rounds=(5, 5)))
    assert complete(stopped(growing(0), 1.0, rounds=(5, 5, 5)))


def test_the_end_of_an_interrupted_process_says_nothing():
    def times(cell, process, _):
        return 9.0 if process == 3 else 1.0

    assert stopping.worst_error(stopped(times, 1.0, rounds=(5, 5, 5, 2)))[1] == 0
    assert stopping.worst_error(stopped(times, 1.0, rounds=(5, 5, 5, 3)))[1] > 0.5


def test_cells_without_figures_do_not_count():
    assert complete(stopped(growing(1), 1.0, failures={"g1/1:6/x2": "wrong"}))


def test_when_the_time_is_up_the_run_is_done_and_says_how_far_it_came():
    run = stopped(growing(5), 0.5, seconds=4.5)
    assert complete(run)
    assert any("time was up before all medians were within 0.5" in w for w in warnings(run))
    assert any("g1/1:6/x2" in w for w in warnings(run))
    assert "until all medians are within 0.5 % or for 4.5 s" in dict(describe(run))["Protocol"]
    early = stopped(growing(5), 0.5, seconds=0.5, rounds=(2,))
    assert complete(early)
    assert any("before any error was known" in w for w in warnings(early))


def test_without_a_rule_more_rounds_than_planned_are_no_run():
    run = stopped(growing(0), 1.0)
    protocol = run.protocol.model_copy(update={"stop": None})
    with pytest.raises(ValueError, match="more rounds than the protocol"):
        valid(run.model_copy(update={"protocol": protocol}).model_dump())


@pytest.mark.parametrize(
    ("percent", "seconds", "said"),
    [
        (1.0, None, "go together"),
        (None, 60.0, "go together"),
        (0.0, 60.0, "no percentage"),
        (100.0, 60.0, "no percentage"),
        (math.nan, 60.0, "no percentage"),
        (1.0, 0.0, "no time"),
        (1.0, -1.0, "no time"),
        (1.0, math.nan, "no time"),
        (1.0, math.inf, "no time"),
    ],
)
def test_half_a_rule_and_impossible_ones_are_refused(percent, seconds, said):
    with pytest.raises(BadInputError, match=said):
        stopping_rule(percent, seconds)


def test_a_rule_is_optional():
    assert stopping_rule(None, None) is None
    assert stopping_rule(0.5, 60) == StoppingRule(relative_error=0.005, seconds=60)
    with pytest.raises(BadInputError, match="no noise"):
        plan([], "arm-emulated", Options(stop=stopping_rule(0.5, 60)))
