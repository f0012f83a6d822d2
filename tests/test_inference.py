"""Student's t and Holm's method, against scipy and against themselves."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.results.statistics.inference import Estimate, holm, of_difference, of_mean

values = st.lists(st.floats(-1, 1), min_size=3, max_size=12).filter(lambda v: np.std(v) > 1e-3)
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(values, st.floats(-1, 1))
def test_one_sided_p_values_are_those_of_a_t_test(sample, bound):
    estimate = of_mean(np.array(sample))
    above = scipy.stats.ttest_1samp(sample, bound, alternative="greater").pvalue
    below = scipy.stats.ttest_1samp(sample, bound, alternative="less").pvalue
    assert estimate.p_above(bound) == pytest.approx(above, abs=1e-9)
    assert estimate.p_below(bound) == pytest.approx(below, abs=1e-9)


@given(values)
def test_the_interval_is_that_of_a_t_test(sample):
    expected = scipy.stats.ttest_1samp(sample, 0).confidence_interval(0.95)
    assert of_mean(np.array(sample)).interval == pytest.approx((expected.low, expected.high))


@given(values, values)
def test_a_difference_is_welchs(one, other):
    estimate = of_difference(np.array(one), np.array(other))
    expected = scipy.stats.ttest_ind(one, other, equal_var=False, alternative="greater")
    assert estimate.p_above(0) == pytest.approx(expected.pvalue, abs=1e-9)
    assert estimate.freedom == pytest.approx(expected.df)


def test_one_value_gives_no_estimate():
    assert of_mean(np.array([1.0])) is None
    assert of_difference(np.array([1.0, 2.0]), np.array([1.0])) is None


def test_what_never_varies_is_certain():
    same = of_mean(np.full(4, 0.25))
    assert same.interval == (0.25, 0.25)
    assert (same.p_above(0.2), same.p_above(0.25), same.p_below(0.3)) == (0.0, 1.0, 0.0)


def test_the_detectable_effect_is_detected_as_often_as_it_says():
    random = np.random.default_rng(0)
    level, bound, noise, count = 0.01, 0.02, 0.01, 8
    detectable = Estimate(0.0, noise / np.sqrt(count), count - 1).detectable(bound, level)
    found = [
        of_mean(detectable + random.normal(0, noise, count)).p_above(bound) <= level
        for _ in range(2000)
    ]
    assert 0.72 < np.mean(found) < 0.88


@given(probabilities)
def test_holm_is_at_least_the_p_value_and_at_most_bonferronis(p_values):
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert p <= adjusted <= max(p, min(1.0, len(p_values) * p)) + 1e-12


@given(probabilities)
def test_holm_keeps_the_order(p_values):
    adjusted = holm(p_values)
    by_p = [adjusted[i] for i in np.argsort(p_values, kind="stable")]
    assert by_p == sorted(by_p)


def test_holm_of_a_known_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
