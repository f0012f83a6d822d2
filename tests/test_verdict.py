"""Verdicts, on synthetic data where the truth is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.results.statistics.verdict import Verdict, judge, order_agreement
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import noisy, run_of

SLOW, FAST, SAME, WIDE = (0.7, 0.8), (1.2, 1.3), (0.98, 1.02), (0.5, 1.5)
MIRROR = {SLOW: FAST, FAST: SLOW, SAME: SAME, WIDE: WIDE, None: None}


@pytest.mark.parametrize(
    ("intervals", "verdict"),
    [
        ([SLOW, SLOW, SLOW], Verdict.HOLDS),
        ([SLOW, SAME, SLOW], Verdict.HOLDS_AT_THE_EXTREME),
        ([SAME, WIDE, SLOW], Verdict.HOLDS_AT_THE_EXTREME),
        ([FAST, FAST, SLOW], Verdict.HOLDS_AT_THE_EXTREME),
        ([SAME, SAME, SAME], Verdict.NO_EFFECT),
        ([FAST, FAST, FAST], Verdict.REVERSED),
        ([SAME, WIDE, FAST], Verdict.REVERSED),
        ([SLOW, SAME, FAST], Verdict.UNDECIDED),
        ([SLOW, SLOW, WIDE], Verdict.UNDECIDED),
        ([SAME, SAME, WIDE], Verdict.UNDECIDED),
        ([SLOW, SLOW, None], Verdict.UNDECIDED),
        ([None, SLOW], Verdict.HOLDS_AT_THE_EXTREME),
        ([], Verdict.UNDECIDED),
    ],
)
def test_definitions(intervals, verdict):
    assert judge(intervals, slower=True) is verdict
    assert judge([MIRROR[interval] for interval in intervals], slower=False) is verdict


@pytest.mark.parametrize(
    ("intervals", "verdict"),
    [
        ([SLOW, SLOW], Verdict.HOLDS),
        ([SAME, SAME], Verdict.NO_EFFECT),
        ([SAME, SLOW], Verdict.UNDECIDED),
        ([FAST, SAME], Verdict.REVERSED),
        ([SLOW, FAST], Verdict.UNDECIDED),
        ([], Verdict.UNDECIDED),
    ],
)
def test_of_rivals_none_is_the_extreme_one(intervals, verdict):
    for order in (intervals, intervals[::-1]):
        assert judge(order, slower=True, rivals=True) is verdict
        mirrored = [MIRROR[interval] for interval in order]
        assert judge(mirrored, slower=False, rivals=True) is verdict


def test_an_interval_that_touches_1_decides_nothing():
    assert judge([(0.8, 1.0)], slower=True) is Verdict.UNDECIDED
    assert judge([(1.0, 1.2)], slower=False) is Verdict.UNDECIDED


def test_small_but_certain_effects_hold_when_all_rows_show_them():
    assert judge([(0.98, 0.99), (0.975, 0.985)], slower=True) is Verdict.HOLDS


def verdict_of(experiment, truth, noise=0.003):
    run = run_of([experiment], noisy(truth, noise))
    return {column.verdict for column in summarise(run).columns}


def test_truth_every_row_slower():
    assert verdict_of("g1", lambda c: 1.0 if c.row == "1:1" else 1.3) == {Verdict.HOLDS}


def test_truth_only_the_extreme_slower():
    found = verdict_of("g2", lambda c: 1.5 if c.row == "g=8" else 1.0)
    assert found == {Verdict.HOLDS_AT_THE_EXTREME}


def test_truth_no_effect():
    assert verdict_of("g3", lambda c: 1.0) == {Verdict.NO_EFFECT}


def test_truth_reversed():
    found = verdict_of("g3", lambda c: 1.0 if c.row == "1-fragment" else 0.6)
    assert found == {Verdict.REVERSED}


def test_truth_hidden_by_noise():
    run = run_of(["g1"], noisy(lambda c: 1.0 if c.row == "1:1" else 1.02, 0.3, seed=3))
    assert Verdict.HOLDS not in {column.verdict for column in summarise(run).columns}


def test_truth_without_elementwise_operations_faster():
    found = verdict_of("g4", lambda c: 1.0 if c.row == "relu+shortcut" else 0.8)
    assert found == {Verdict.HOLDS}


@given(st.permutations([1.0, 2.0, 3.0, 4.0]))
def test_order_agreement_is_1_for_the_same_order_and_minus_1_for_the_opposite(values):
    assert order_agreement(values, [10 * v for v in values]) == pytest.approx(1)
    assert order_agreement(values, [-v for v in values]) == pytest.approx(-1)


def test_order_agreement_is_undefined_without_an_order():
    assert order_agreement([1.0], [1.0]) is None
    assert order_agreement([1.0, 2.0], [3.0, 3.0]) is None
