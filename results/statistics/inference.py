"""Estimates of a log ratio with Student's t: intervals, one-sided tests, what could be detected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from guideline_benchmarks.results.statistics.verdict import Interval

Array = NDArray[np.float64]

CONFIDENCE = 0.95
# The chance with which the smallest detectable effect would have been detected.
POWER = 0.8


@dataclass(frozen=True)
class Estimate:
    """A mean of log ratios, its standard error, and the error's degrees of freedom."""

    mean: float
    error: float
    freedom: float

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the log ratio."""
        reach = quantile(1 - (1 - CONFIDENCE) / 2, self.freedom) * self.error
        return self.mean - reach, self.mean + reach

    @property
    def deviation(self) -> float:
        """The standard deviation of the values that it is the mean of (see of_mean)."""
        return self.error * math.sqrt(self.freedom + 1)

    def p_above(self, bound: float) -> float:
        """Return the one-sided p-value of the hypothesis that the log ratio is at most `bound`."""
        if self.error == 0:
            return 0.0 if self.mean > bound else 1.0
        return float(stdtr(self.freedom, (bound - self.mean) / self.error))

    def p_below(self, bound: float) -> float:
        """Return the one-sided p-value of the hypothesis that the log ratio is at least `bound`."""
        return Estimate(-self.mean, self.error, self.freedom).p_above(-bound)

    def detectable(self, bound: float, level: float) -> float:
        """Return the log ratio that a test at `level` against `bound` finds with chance POWER."""
        reach = quantile(1 - level, self.freedom) + quantile(POWER, self.freedom)
        return bound + reach * self.error


def quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's t."""
    return float(stdtrit(freedom, probability))


def of_mean(values: Array) -> Estimate | None:
    """Return the estimate of the mean of independent values, None for fewer than two."""
    count = len(values)
    if count < 2:
        return None
    error = float(values.std(ddof=1)) / math.sqrt(count)
    return Estimate(float(values.mean()), error, count - 1)


def of_difference(values: Array, base: Array) -> Estimate | None:
    """Return Welch's estimate of mean(values) − mean(base), None where either has fewer than two.

    The degrees of freedom are Welch and Satterthwaite's.
    """
    one, other = of_mean(values), of_mean(base)
    if one is None or other is None:
        return None
    parts = [one.error**2, other.error**2]
    variance = sum(parts)
    weighted = parts[0] ** 2 / one.freedom + parts[1] ** 2 / other.freedom
    freedom = variance**2 / weighted if weighted else one.freedom + other.freedom
    return Estimate(one.mean - other.mean, math.sqrt(variance), freedom)


def holm(p_values: Sequence[float], family: int = 0) -> list[float]:
    """Return p-values adjusted for their number, or that of their `family`, by Holm's method.

    Rejecting all whose adjusted value is at most α keeps the chance of any false rejection at most
    α, however they depend on one another (Holm, Scandinavian Journal of Statistics 6, 1979).
    """
    count = max(family, len(p_values))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted
