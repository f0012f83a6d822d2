"""Changes of level are found where they are, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.results.history.change_points import SHORTEST, change_points, noise


def series(levels, each, sigma=0.01, seed=0):
    random = np.random.default_rng(seed)
    return np.repeat(levels, each) + random.normal(0, sigma, len(levels) * each)


def test_levels_are_found_where_they_begin():
    found = change_points(np.stack([series([0, 0.05, 0.02], 30), series([0.3, 0.3, 0.3], 30)]))
    assert found[1] == []
    assert len(found[0]) == 2
    assert found[0] == pytest.approx([30, 60], abs=2)


def test_one_odd_run_is_no_change():
    values = series([0.0], 60)
    values[20] += 0.3
    assert change_points(values[None]) == [[]]


def test_steady_series_seldom_seem_to_change():
    random = np.random.default_rng(1)
    found = change_points(random.normal(0, 0.02, (500, 100)))
    assert sum(bool(changes) for changes in found) <= 5


def test_noise_with_heavy_tails_seldom_seems_to_change():
    random = np.random.default_rng(2)
    found = change_points(0.01 * random.standard_t(4, (300, 100)))
    assert sum(bool(changes) for changes in found) <= 15


@given(st.integers(0, 2 * SHORTEST - 1))
def test_short_series_have_no_changes(length):
    assert change_points(np.zeros((2, length))) == [[], []]


@given(st.floats(-3, 3), st.floats(0.1, 10), st.integers(0, 50))
def test_changes_do_not_depend_on_unit_or_offset(offset, factor, seed):
    values = series([0, 1.0], 12, sigma=0.1, seed=seed)[None]
    assert change_points(offset + factor * values) == change_points(values)


def test_noise_is_that_about_the_levels():
    values = series([0, 5], 500, sigma=0.02)[None]
    assert noise(values)[0] == pytest.approx(0.02, rel=0.15)


def test_counts_that_never_vary_have_a_floor_of_noise():
    values = np.log(np.repeat([1e6, 1.002e6], 10))[None]
    assert change_points(values) == [[10]]
    assert change_points(np.log(np.repeat([1e6, 1.00005e6], 10))[None]) == [[]]
