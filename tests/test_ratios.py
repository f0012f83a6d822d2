"""Quartet ratios: what is corrected cancels, what differs between the sides stays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.results.gate.finding import Row
from guideline_benchmarks.results.gate.ratios import (
    null_ratios,
    quartet_times,
    ratios,
    row_logs,
    typical_log,
)
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY, mixture
from tests.synthetic_trials import noisy_logs, quartet_of, trial_of

CELL = "g4/none/x1"
ROW = Row(CELL, "cell", (CELL,))


def quartets_of(log_times, count=6):
    trial = trial_of()
    return [quartet_times(quartet_of(trial, log_times, number)) for number in range(count)]


def test_the_typical_time_is_that_of_the_faster_half():
    assert typical_log([100, 100, 5000]) == pytest.approx(math.log(100))
    assert typical_log([7]) == pytest.approx(math.log(7))


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.integers(2, 9))
def test_the_typical_time_scales_with_the_times(times, factor):
    scaled = typical_log([factor * ns for ns in times])
    assert scaled == pytest.approx(typical_log(times) + math.log(factor))


def test_a_slower_cell_shows_its_ratio():
    logs = row_logs(ROW, quartets_of(noisy_logs({CELL: 0.05})))
    assert ratios(logs).mean() == pytest.approx(0.05, abs=0.01)


def test_what_slows_everything_of_a_side_cancels_in_cells_and_shows_in_controls():
    slower = dict.fromkeys([CELL, COMPUTE_BOUND, MEMORY_HEAVY], 0.1)
    quartets = quartets_of(noisy_logs(slower))
    assert ratios(row_logs(ROW, quartets)).mean() == pytest.approx(0, abs=0.01)
    control = Row(COMPUTE_BOUND, "absolute", (COMPUTE_BOUND,))
    assert ratios(row_logs(control, quartets)).mean() == pytest.approx(0.1, abs=0.01)


def test_steady_drift_cancels_in_a_quartet_and_in_its_null():
    quartets = quartets_of(lambda name, side, number, place: 0.01 * (4 * number + place))
    drifting = row_logs(Row(CELL, "absolute", (CELL,)), quartets)
    assert ratios(drifting) == pytest.approx(0, abs=1e-6)
    assert null_ratios(drifting) == pytest.approx(0, abs=1e-6)


def test_nulls_know_nothing_of_the_sides_and_vary_as_the_ratios_do():
    random = np.random.default_rng(0)
    logs = random.normal(0, 1, (4000, 4))
    assert null_ratios(np.add(logs, [0, 9, 9, 0])) == pytest.approx(null_ratios(logs))
    assert null_ratios(logs).std() == pytest.approx(ratios(logs).std(), rel=0.05)
    assert len(null_ratios(logs[:7])) == 6


def test_a_cell_follows_the_control_that_it_moves_with():
    def log_time(name, side, number, place):
        state = 0.13 * ((number + place) % 2)
        return state if name in (MEMORY_HEAVY, CELL) else 0.0

    assert ratios(row_logs(ROW, quartets_of(log_time))) == pytest.approx(0, abs=1e-6)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=10), st.floats(0, 1))
def test_the_mixture_is_the_slope_between_0_and_1(apart, slope):
    x = np.array(apart)
    if np.sum(x * x) > 1e-6:
        assert mixture(x, slope * x) == pytest.approx(slope, abs=1e-6)
        assert mixture(x, 3 * x) == 1.0
        assert mixture(x, -x) == 0.0


def test_quartets_without_a_rows_cells_are_passed_over():
    trial = trial_of()
    lacking = quartet_of(trial, noisy_logs(), failures={CELL: "broken"})
    assert CELL not in quartet_times(lacking).logs
    assert row_logs(ROW, [quartet_times(lacking)]).shape == (0, 4)
