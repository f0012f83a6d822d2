"""Pure statistics of samples that come in clusters: rounds inside fresh processes.

Samples of one process are not independent (docs/protocol.md, "Intervals"), so the unit of
replication is the process, and every interval here is taken over processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import scipy.stats
from numpy.typing import NDArray

Array = NDArray[np.float64]

# One array of times for each process, any number of rounds in each.
Samples = Sequence[Array]

CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 0

# Reduces the last axis, the rounds.
Reduction = Callable[..., Array]


def time_interval(
    samples: Samples, reduction: Reduction = np.median, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Return a confidence interval of the typical (median) time, in the samples' unit.

    `reduction` makes one figure of a process's rounds. Hierarchical bootstrap with the corrections
    of `hierarchical_interval`, on logarithms. None for fewer than two processes.

    Of real processes it covers the common median as often as it says. No interval from five
    processes does so for the mean: rare disturbed processes, which five seldom include, carry
    much of it (docs/protocol.md, "Intervals").
    """

    def log_time(times: Array) -> Array:
        result: Array = np.log(reduction(times[..., 0, :], axis=-1))
        return result

    found = hierarchical_interval([times[None, :] for times in samples], log_time, confidence)
    return _including(found, math.log(float(reduction(np.concatenate(samples)))))


def relative_speed(samples: Samples, base: Samples) -> float:
    """Return the speed relative to the base cell: base time over own time, inside each process.

    The median of the ratios of all rounds, each of two samples of one round: what disturbs a whole
    round cancels, and one hiccup of the machine does not spoil it as it would a mean.
    Both cells must have the same rounds in the same processes; raises ValueError otherwise.
    """
    pooled = np.concatenate(_paired(samples, base), axis=1)
    return math.exp(float(_log_relative(pooled)))


def relative_speed_interval(
    samples: Samples, base: Samples, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Return a confidence interval of `relative_speed`, or None for fewer than two processes.

    Rounds are resampled in pairs, so that what slows both cells of a round cancels.
    """
    found = hierarchical_interval(_paired(samples, base), _log_relative, confidence)
    return _including(found, math.log(relative_speed(samples, base)))


def hierarchical_interval(
    processes: Sequence[Array],
    statistic: Callable[[Array], Array],
    confidence: float = CONFIDENCE,
) -> tuple[float, float] | None:
    """Return a confidence interval of one statistic's mean over processes.

    As `hierarchical_intervals`, of a `statistic` that reduces (..., k, rounds) to (...).
    """

    def single(times: Array) -> Array:
        return statistic(times)[..., None]

    found = hierarchical_intervals(processes, single, confidence)
    return found[0] if found is not None else None


def hierarchical_intervals(
    processes: Sequence[Array],
    statistic: Callable[[Array], Array],
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> list[tuple[float, float]] | None:
    """Return confidence intervals of several statistics' means over processes.

    Each process is an array (k, rounds) of k quantities measured together; `statistic` reduces
    (..., k, rounds) to (..., m). The hierarchical bootstrap draws processes, then rounds inside
    each, with replacement, and gives the intervals their shape. Their width is corrected twice,
    because few processes make it wrong both ways:

    - the standard error is set to the one between processes, s/sqrt(P): the bootstrap's own lacks
      a factor sqrt((P-1)/P) and counts the noise inside processes twice;
    - normal quantiles are widened to Student's with P-1 degrees of freedom.

    Processes of fewer than half the longest one's rounds (the ends of interrupted ones) are left
    out, since the spread between processes says nothing of theirs. None for fewer than two
    processes. Deterministic: the resampling has a fixed seed.
    """
    longest = max((process.shape[-1] for process in processes), default=0)
    processes = [process for process in processes if 2 * process.shape[-1] >= longest]
    count = len(processes)
    if count < 2:
        return None
    estimates = np.stack([statistic(process) for process in processes])
    centres = estimates.mean(axis=0)
    errors = estimates.std(axis=0, ddof=1) / math.sqrt(count)

    replicates = _replicates(processes, statistic, resamples)
    spreads = replicates.std(axis=0)
    tail = (1 - confidence) / 2
    student = float(scipy.stats.t.ppf(1 - tail, count - 1))
    normal = float(scipy.stats.norm.ppf(1 - tail))
    quantiles = np.quantile(replicates, [tail, 1 - tail], axis=0) - replicates.mean(axis=0)
    # A statistic that never varies has its own value for an interval.
    scales = student / normal * np.divide(errors, spreads, out=0 * errors, where=spreads > 0)
    lows, highs = centres + scales * quantiles
    return list(zip(lows.tolist(), highs.tolist(), strict=True))


def _replicates(
    processes: Sequence[Array],
    statistic: Callable[[Array], Array],
    resamples: int,
) -> Array:
    """Return (resamples, m) bootstrap replicates of the statistics' means over processes."""
    random = np.random.default_rng(SEED)
    count = len(processes)
    inside = []
    for process in processes:
        rounds = process.shape[1]
        drawn = process[:, random.integers(rounds, size=(resamples, rounds))]
        inside.append(statistic(np.moveaxis(drawn, 0, 1)))
    chosen = random.integers(count, size=(resamples, count))
    values = np.stack(inside)[chosen, random.integers(resamples, size=chosen.shape)]
    result: Array = values.mean(axis=1)
    return result


def _including(
    interval: tuple[float, float] | None, log_estimate: float
) -> tuple[float, float] | None:
    """Return an interval of logarithms as one of figures, widened to hold the pooled estimate.

    Of figures in two far groups, the pooled median can lie outside the interval over processes.
    """
    if interval is None:
        return None
    return math.exp(min(interval[0], log_estimate)), math.exp(max(interval[1], log_estimate))


def _paired(samples: Samples, base: Samples) -> list[Array]:
    if [len(times) for times in samples] != [len(times) for times in base]:
        raise ValueError("the two cells were not measured in the same rounds")
    return [np.stack(pair) for pair in zip(samples, base, strict=True)]


def _log_relative(pair: Array) -> Array:
    logs = np.log(pair)
    result: Array = np.median(logs[..., 1, :] - logs[..., 0, :], axis=-1)
    return result
