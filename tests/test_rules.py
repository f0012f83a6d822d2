"""The rules of other tools, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from guideline_benchmarks.guidelines.studies.gate.rules import (
    NEVER,
    RULES,
    asv,
    criterion,
    pyperf,
    pytest_benchmark,
)


def sides(ratio, noise=0.02, count=40, cells=6, seed=0):
    random = np.random.default_rng(seed)
    a, b = np.exp(random.normal(0, noise, (2, count, cells)))
    return 1e6 * a, 1e6 * ratio * b


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_alarms_at_a_large_slow_down_and_not_at_a_speed_up(rule):
    assert (rule.score(*sides(1.3)) > rule.threshold).all()
    assert not (rule.score(*sides(0.8)) > rule.threshold).any()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_cells_score_depends_on_no_other_cell(rule):
    a, b = sides(1.03)
    alone = rule.score(a[:, 2:3], b[:, 2:3])
    assert rule.score(a, b)[2] == pytest.approx(alone[0], rel=1e-9)


def test_asv_needs_both_a_tenth_more_and_a_small_p():
    a, b = sides(1.12)
    assert asv(a, b) == pytest.approx(np.median(b, axis=0) / np.median(a, axis=0))
    assert (asv(a[:5], b[:5]) == NEVER).all() or (asv(a[:5], b[:5]) > 1).all()
    assert (asv(*sides(1.0, seed=3)) == NEVER).all()


def test_pytest_benchmark_compares_means():
    a, b = sides(1.04)
    assert pytest_benchmark(a, b) == pytest.approx(b.mean(axis=0) / a.mean(axis=0))


def test_pyperf_is_students_t_test_at_95_percent():
    for seed in range(20):
        a, b = sides(1.008, seed=seed)
        found = scipy.stats.ttest_ind(b, a)
        expected = (found.pvalue < 0.05) & (found.statistic > 0)
        assert ((pyperf(a, b) > 1) == expected).all()


def test_criterion_asks_for_more_than_its_noise_threshold():
    a, b = sides(1.03, noise=0.01)
    low = criterion(a, b)
    change = b.mean(axis=0) / a.mean(axis=0) - 1
    error = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b)) / a.mean(axis=0)
    assert low == pytest.approx(change - 1.96 * error, abs=0.001)
    assert (criterion(*sides(1.0, seed=1)) <= 0.01).all()
