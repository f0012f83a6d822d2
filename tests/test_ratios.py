"""Ratios of pairs and quartets: what disturbs both sides cancels, what differs stays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.results.gate import pair_ratios, quartet_ratios
from guideline_benchmarks.results.gate.finding import Row
from guideline_benchmarks.results.gate.pair_ratios import middle_half
from guideline_benchmarks.results.gate.quartet_ratios import null_ratios, ratios, row_logs
from guideline_benchmarks.results.gate.ratios import Reading, typical_log
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY, mixture
from tests.synthetic_trials import noisy_logs, replicate_of, trial_of

CELL = "g4/none/x1"
ROW = Row(CELL, "cell", (CELL,))


def quartets_of(log_times, count=6):
    trial = trial_of(design="quartets")
    return [quartet_ratios.read(replicate_of(trial, log_times, number)) for number in range(count)]


def pairs_of(log_times, count=6):
    trial = trial_of()
    return [pair_ratios.read(replicate_of(trial, log_times, number)) for number in range(count)]


def test_the_typical_time_is_that_of_the_faster_half():
    assert typical_log([100, 100, 5000]) == pytest.approx(math.log(100))
    assert typical_log([7]) == pytest.approx(math.log(7))


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.integers(2, 9))
def test_the_typical_time_scales_with_the_times(times, factor):
    scaled = typical_log([factor * ns for ns in times])
    assert scaled == pytest.approx(typical_log(times) + math.log(factor))


def test_a_slower_cell_shows_its_ratio():
    logs = noisy_logs({CELL: 0.05})
    assert ratios(ROW, quartets_of(logs)).mean() == pytest.approx(0.05, abs=0.01)
    assert pair_ratios.ratios(ROW, pairs_of(logs)).mean() == pytest.approx(0.05, abs=0.01)


def test_what_slows_everything_of_a_side_cancels_in_cells_and_shows_in_controls():
    slower = dict.fromkeys([CELL, COMPUTE_BOUND, MEMORY_HEAVY], 0.1)
    quartets = quartets_of(noisy_logs(slower))
    assert ratios(ROW, quartets).mean() == pytest.approx(0, abs=0.01)
    control = Row(COMPUTE_BOUND, "absolute", (COMPUTE_BOUND,))
    assert ratios(control, quartets).mean() == pytest.approx(0.1, abs=0.01)


def test_steady_drift_cancels_in_a_quartet_and_in_its_null():
    quartets = quartets_of(lambda name, side, number, place: 0.01 * (4 * number + place))
    drifting = Row(CELL, "absolute", (CELL,))
    assert ratios(drifting, quartets) == pytest.approx(0, abs=1e-6)
    assert null_ratios(drifting, quartets) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("of", "shape", "b", "fewer"),
    [(quartet_ratios, 4, [0, 9, 9, 0], 6), (pair_ratios, 1, [9], 2)],
)
def test_nulls_know_nothing_of_the_sides_and_vary_as_the_ratios_do(of, shape, b, fewer):
    def readings(logs):
        return [Reading({CELL: log}) for log in logs]

    row = Row(CELL, "absolute", (CELL,))
    logs = np.random.default_rng(0).normal(0, 1, (4000, shape))
    nulls = of.null_ratios(row, readings(logs))
    assert of.null_ratios(row, readings(np.add(logs, b))) == pytest.approx(nulls)
    assert nulls.std() == pytest.approx(of.ratios(row, readings(logs)).std(), rel=0.05)
    assert len(of.null_ratios(row, readings(logs[:7]))) == fewer


def test_what_disturbs_a_round_of_a_pair_cancels():
    trial = trial_of()
    pair = replicate_of(trial, noisy_logs({CELL: 0.03}, noise=0.0))
    # The second round of both sides is 10 % slower.
    assert pair_ratios.read(pair).of[CELL] == pytest.approx([0.03], abs=1e-6)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.floats(-1, 1))
def test_the_middle_half_moves_with_its_values_and_lies_among_them(values, by):
    middle = middle_half(np.array(values))
    assert min(values) - 1e-9 <= middle <= max(values) + 1e-9
    assert middle_half(np.add(values, by)) == pytest.approx(middle + by)
    assert middle_half(-np.array(values)) == pytest.approx(-middle)


def test_the_middle_half_knows_nothing_of_a_quarter_at_either_end():
    assert middle_half(np.array([0.0, 1.0, 2.0, 1e9])) == 1.5


def test_a_cell_follows_the_control_that_it_moves_with():
    def log_time(name, side, number, place):
        state = 0.13 * ((number + place) % 2)
        return state if name in (MEMORY_HEAVY, CELL) else 0.0

    assert ratios(ROW, quartets_of(log_time)) == pytest.approx(0, abs=1e-6)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=10), st.floats(0, 1))
def test_the_mixture_is_the_slope_between_0_and_1(apart, slope):
    x = np.array(apart)
    if np.sum(x * x) > 1e-6:
        assert mixture(x, slope * x) == pytest.approx(slope, abs=1e-6)
        assert mixture(x, 3 * x) == 1.0
        assert mixture(x, -x) == 0.0


def test_replicates_without_a_rows_cells_are_passed_over():
    failures = {CELL: "broken"}
    quartet = replicate_of(trial_of(design="quartets"), noisy_logs(), failures=failures)
    assert not quartet_ratios.read(quartet).has([CELL])
    assert row_logs(ROW, [quartet_ratios.read(quartet)]).shape == (0, 4)
    pair = replicate_of(trial_of(), noisy_logs(), failures=failures)
    assert pair_ratios.ratios(ROW, [pair_ratios.read(pair)]).shape == (0,)
