"""The rules by which other benchmark tools call something slower, from their published sources.

They take samples of two sides as arrays (samples, cells), whichever processes these came from, and
return a score for each cell: the rule says "slower" where the score is above its `threshold`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ASV_P = 0.002
# Up to so many samples it computes the p-value exactly.
ASV_EXACT = 20
CRITERION_P = 0.05
CRITERION_CONFIDENCE = 0.95
# criterion.rs draws 100 000; so many settle which side of its thresholds a result lies on.
RESAMPLES = 1000
NEVER = -np.inf


@dataclass(frozen=True)
class Rule:
    """A tool's rule: how it scores each cell, above what it alarms, and where that is written."""

    name: str
    score: Callable[[Array, Array], Array]
    threshold: float
    source: str


def asv(a: Array, b: Array) -> Array:
    """Return the ratio of medians where a Mann-Whitney test has p < 0.002, else NEVER."""
    from scipy.stats import mannwhitneyu

    few = max(len(a), len(b)) <= ASV_EXACT
    method: Literal["exact", "asymptotic"] = "exact" if few else "asymptotic"
    p = mannwhitneyu(a, b, axis=0, method=method).pvalue
    ratios = np.median(b, axis=0) / np.median(a, axis=0)
    return np.where(p < ASV_P, ratios, NEVER)


def pytest_benchmark(a: Array, b: Array) -> Array:
    """Return the ratio of means."""
    result: Array = b.mean(axis=0) / a.mean(axis=0)
    return result


def pyperf(a: Array, b: Array) -> Array:
    """Return Student's t of the means with pooled variance over its critical value at 95 %."""
    from scipy.special import stdtrit

    count = len(a)
    pooled = (a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / 2
    score = (b.mean(axis=0) - a.mean(axis=0)) / np.sqrt(2 * pooled / count)
    result: Array = score / float(stdtrit(2 * count - 2, 0.975))
    return result


def criterion(a: Array, b: Array) -> Array:
    """Return the low end of the bootstrapped change of the mean, where a t-test has p < 0.05.

    The change is a fraction of a's mean; the test's distribution of t is that of both samples
    mixed, resampled.
    """
    random = np.random.default_rng(0)
    mixed = np.concatenate([a, b])
    observed = _welch(a.mean(axis=0), b.mean(axis=0), a.var(axis=0, ddof=1), b.var(axis=0, ddof=1))
    first, first_var = _resampled(mixed, len(a), random)
    second, second_var = _resampled(mixed, len(b), random)
    null = _welch(first, second, first_var, second_var)
    share = np.mean(null < observed, axis=0)
    p = 2 * np.minimum(share, 1 - share)
    changes = _resampled(b, len(b), random)[0] / _resampled(a, len(a), random)[0] - 1
    low = np.quantile(changes, (1 - CRITERION_CONFIDENCE) / 2, axis=0)
    return np.where(p < CRITERION_P, low, NEVER)


def _welch(a: Array, b: Array, a_var: Array, b_var: Array) -> Array:
    result: Array = (b - a) / np.sqrt(a_var + b_var)
    return result


def _resampled(values: Array, size: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Return means and variances (resamples, cells) of `size` draws with replacement."""
    weights = random.multinomial(size, [1 / len(values)] * len(values), RESAMPLES) / size
    means = weights @ values
    return means, (weights @ values**2 - means**2) * size / (size - 1)


RULES = (
    Rule(
        "asv",
        asv,
        1.1,
        "asv compare: Mann-Whitney p < 0.002 and a ratio of medians above 1.1 (asv/_stats.py, "
        "asv/commands/compare.py; defaults of asv continuous)",
    ),
    Rule(
        "pytest-benchmark",
        pytest_benchmark,
        1.05,
        "pytest-benchmark --benchmark-compare-fail=mean:5% (pytest_benchmark/utils.py, "
        "PercentageRegressionCheck)",
    ),
    Rule(
        "criterion",
        criterion,
        0.01,
        "criterion.rs: bootstrapped t-test at 5 %, and the 95 % interval of the change of the mean "
        "above the noise threshold of 1 % (src/analysis/compare.rs, src/report.rs)",
    ),
    Rule(
        "pyperf",
        pyperf,
        1.0,
        "pyperf compare_to: two-sided t-test at 95 % (pyperf/_utils.py, is_significant)",
    ),
)
