"""Intervals cover as often as they say, on real processes; the rest is algebra."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from guideline_benchmarks.results.statistics import intervals
from guideline_benchmarks.results.statistics.intervals import (
    relative_speed,
    relative_speed_interval,
    time_interval,
)

RECORDED = np.load(Path(__file__).parent / "data" / "processes.npz")
BASES = {"g1": "1:1", "g2": "g=1", "g4": "relu+shortcut"}
TRIALS = 80

times = st.lists(
    arrays(float, st.integers(4, 6), elements=st.floats(1e3, 1e9)), min_size=2, max_size=6
)


def recorded_cells():
    return dict(zip(map(str, RECORDED["cells"]), RECORDED["ns"].astype(float), strict=True))


def test_a_time_lies_in_its_interval_to_the_last_bit():
    """Logarithms and back are not exact, and bars of plots must not be negative."""
    for time in np.arange(1.0, 200.0):
        low, high = time_interval([np.full(20, time)] * 3)
        assert low <= time <= high


@pytest.mark.parametrize("processes", [3, 5, 10])
def test_time_intervals_cover_the_common_median_of_real_processes(processes):
    random = np.random.default_rng(processes)
    hits = []
    for samples in recorded_cells().values():
        truth = np.median(samples)
        for _ in range(TRIALS):
            chosen = random.choice(len(samples), processes)
            low, high = time_interval(list(samples[chosen]))
            hits.append(low <= truth <= high)
    assert 0.93 <= np.mean(hits) <= 0.97


@pytest.mark.parametrize("processes", [3, 5, 10])
def test_relative_speed_intervals_cover_the_common_ratio_of_real_processes(processes):
    random = np.random.default_rng(processes)
    cells = recorded_cells()
    hits = []
    for name, samples in cells.items():
        experiment, row, scale = name.split("/")
        if row == BASES[experiment]:
            continue
        base = cells[f"{experiment}/{BASES[experiment]}/{scale}"]
        truth = relative_speed(list(samples), list(base))
        for _ in range(TRIALS):
            chosen = random.choice(len(samples), processes)
            low, high = relative_speed_interval(list(samples[chosen]), list(base[chosen]))
            hits.append(low <= truth <= high)
    assert 0.93 <= np.mean(hits) <= 0.97


def test_an_interval_from_one_process_alone_would_cover_far_too_seldom():
    """The reason for all this: rounds of one process are no substitute for processes."""
    random = np.random.default_rng(0)
    hits = []
    for samples in recorded_cells().values():
        truth = np.median(samples)
        for process in samples[:40]:
            resampled = np.median(random.choice(process, (400, process.size)), axis=1)
            low, high = np.quantile(resampled, [0.025, 0.975])
            hits.append(low <= truth <= high)
    assert np.mean(hits) < 0.75


def test_known_clusters_are_covered_as_well():
    random = np.random.default_rng(1)
    hits = []
    for _ in range(600):
        between = random.normal(0, 0.05, size=(5, 1))
        samples = np.exp(between + random.normal(0, 0.05, size=(5, 20)))
        low, high = time_interval(list(samples))
        hits.append(low <= 1 <= high)
    assert 0.93 <= np.mean(hits) <= 0.97


@given(times, st.floats(0.01, 100))
def test_intervals_scale_with_the_times(samples, factor):
    low, high = time_interval(samples)
    scaled = time_interval([factor * s for s in samples])
    assert scaled == pytest.approx((factor * low, factor * high), rel=1e-6)
    assert low <= high


@given(times)
def test_a_cell_compared_with_itself_is_exactly_as_fast(samples):
    assert relative_speed(samples, samples) == pytest.approx(1)
    assert relative_speed_interval(samples, samples) == pytest.approx((1, 1))


@given(times, st.floats(0.1, 10))
def test_relative_speed_of_a_cell_that_takes_a_multiple(samples, factor):
    slower = [factor * s for s in samples]
    assert relative_speed(slower, samples) == pytest.approx(1 / factor)
    assert relative_speed_interval(slower, samples) == pytest.approx((1 / factor, 1 / factor))


@given(times, times)
def test_base_and_cell_exchanged_give_the_inverse(samples, other):
    base = [np.resize(o, s.size) for s, o in zip(samples, other * 6, strict=False)]
    there, back = relative_speed(samples, base), relative_speed(base, samples)
    assert there * back == pytest.approx(1)


def test_drift_that_hits_both_cells_of_a_process_cancels():
    drift = [np.full(20, 1.0), np.full(20, 1.7), np.full(20, 0.8)]
    assert relative_speed([2 * d for d in drift], drift) == pytest.approx(0.5)
    low, high = relative_speed_interval([2 * d for d in drift], drift)
    assert low == pytest.approx(0.5)
    assert high == pytest.approx(0.5)


def test_one_process_gives_no_interval():
    assert time_interval([np.arange(1.0, 21.0)]) is None
    assert relative_speed_interval([np.ones(20)], [np.ones(20)]) is None


def test_cells_of_different_rounds_are_not_compared():
    with pytest.raises(ValueError, match="same rounds"):
        relative_speed([np.ones(3)], [np.ones(4)])


@pytest.mark.parametrize("rounds", [(20, 20, 1), (20, 10, 5, 1), (20, 20, 7, 13, 20), (20, 19)])
def test_interrupted_runs_are_covered_as_well(rounds):
    random = np.random.default_rng(sum(rounds))
    hits = []
    for _ in range(500):
        samples = [np.exp(random.normal(0, 0.03) + random.normal(0, 0.05, n)) for n in rounds]
        low, high = time_interval(samples)
        hits.append(low <= 1 <= high)
    assert np.mean(hits) >= 0.92


def test_a_few_rounds_of_a_second_process_give_no_interval():
    assert time_interval([np.linspace(1, 2, 99), np.array([1.5])]) is None
    assert time_interval([np.linspace(1, 2, 20), np.linspace(1, 2, 9)]) is None


def test_the_pooled_estimate_lies_in_its_interval():
    groups = [np.full(20, 1.0), np.full(20, 1.0), np.full(20, 1.0), np.full(20, 2.0)]
    low, high = time_interval(groups)
    assert low <= 1.0 <= high


def test_intervals_are_the_same_every_time():
    samples = [np.random.default_rng(i).lognormal(size=20) for i in range(5)]
    assert time_interval(samples) == time_interval(samples)


def test_more_confidence_is_a_wider_interval():
    samples = [np.random.default_rng(i).lognormal(size=20) for i in range(5)]
    low, high = time_interval(samples, confidence=0.95)
    lower, higher = time_interval(samples, confidence=0.99)
    assert lower < low < high < higher
    assert intervals.CONFIDENCE == 0.95
