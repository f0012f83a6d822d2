"""Pure statistics of samples that come in clusters: rounds inside fresh processes.

Samples of one process are not independent (docs/protocol.md, "Intervals"), so the unit of
replication is the process, and every interval here is taken over processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Array = NDArray[np.float64]

# One array of times for each process, any number of rounds in each.
Samples = Sequence[Array]

CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 0


def time_interval(samples: Samples, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Return a confidence interval of the typical (median) time, in the samples' unit.

    Hierarchical bootstrap with the corrections of `hierarchical_intervals`, on logarithms. None for
    fewer than two processes.

    Of real processes it covers the common median as often as it says. No interval from five
    processes does so for the mean: rare disturbed processes, which five seldom include, carry
    much of it (docs/protocol.md, "Intervals").
    """
    found = median_interval([np.log(times) for times in samples], confidence)
    return _including(found, float(np.median(np.concatenate(samples))))


def relative_speed(samples: Samples, base: Samples) -> float:
    """Return the speed relative to the base cell: base time over own time, inside each process.

    The median of the ratios of all rounds, each of two samples of one round: what disturbs a whole
    round cancels, and one hiccup of the machine does not spoil it as it would a mean.
    Both cells must have the same rounds in the same processes; raises ValueError otherwise.
    """
    return math.exp(float(np.median(np.concatenate(log_ratios(samples, base)))))


def relative_speed_interval(
    samples: Samples, base: Samples, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Return a confidence interval of `relative_speed`, or None for fewer than two processes.

    Rounds are resampled in pairs, so that what slows both cells of a round cancels.
    """
    found = median_interval(log_ratios(samples, base), confidence)
    return _including(found, relative_speed(samples, base))


def median_interval(
    processes: Sequence[Array], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Return a confidence interval of the mean over processes of their rounds' medians.

    The same as `hierarchical_intervals` of the median, with its replicates drawn directly: the
    middle of n values drawn with replacement from n is an order statistic, whose place among the
    sorted values is that of an order statistic of n uniform numbers, a beta variate.
    """
    processes = representative(processes)
    if len(processes) < 2:
        return None
    ordered = [np.sort(values) for values in processes]
    middles = [
        (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2 for values in ordered
    ]
    estimates = np.array(middles)[:, None]
    inside = []
    for number, values in enumerate(ordered):
        lower, upper = _median_places(len(values), number)
        inside.append((values[lower] + values[upper])[:, None] / 2)
    return _intervals(estimates, _over_processes(inside), confidence)[0]


@cache
def _median_places(rounds: int, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the two middle ones of resampled rounds stand among all, sorted.

    RESAMPLES times for process `number`; of an odd number of rounds both are the same.
    """
    random = np.random.default_rng((SEED, rounds, number))
    middle = (rounds + 1) // 2
    lower = random.beta(middle, rounds - middle + 1, RESAMPLES)
    if rounds % 2:
        upper = lower
    else:
        # The least of the rest, which lie above it.
        rest = rounds - middle
        upper = 1 - (1 - lower) * random.uniform(size=RESAMPLES) ** (1 / rest)
    places = [np.minimum((rounds * at).astype(np.int64), rounds - 1) for at in (lower, upper)]
    return places[0], places[1]


def representative(samples: Samples) -> list[Array]:
    """Return the samples without processes of fewer than half the longest one's rounds.

    What an interrupted process left says too little of a process to count as one. Rounds are the
    last axis.
    """
    longest = max((own.shape[-1] for own in samples), default=0)
    return [own for own in samples if 2 * own.shape[-1] >= longest]


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
    processes = representative(processes)
    if len(processes) < 2:
        return None
    estimates = np.stack([statistic(process) for process in processes])
    random = np.random.default_rng(SEED)
    inside = []
    for process in processes:
        rounds = process.shape[1]
        drawn = process[:, random.integers(rounds, size=(resamples, rounds))]
        inside.append(statistic(np.moveaxis(drawn, 0, 1)))
    return _intervals(estimates, _over_processes(inside), confidence)


def _over_processes(inside: Sequence[Array]) -> Array:
    """Return bootstrap replicates (resamples, m) of the mean over processes.

    `inside` holds each process's own replicates, (resamples, m).
    """
    count, resamples = len(inside), len(inside[0])
    chosen, drawn = _process_draws(count, resamples)
    result: Array = np.stack(inside)[chosen, drawn].mean(axis=1)
    return result


@cache
def _process_draws(count: int, resamples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which of `count` processes each replicate takes, and which replicate of theirs."""
    random = np.random.default_rng((SEED, count))
    chosen = random.integers(count, size=(resamples, count))
    return chosen, random.integers(resamples, size=chosen.shape)


def _intervals(estimates: Array, replicates: Array, confidence: float) -> list[tuple[float, float]]:
    """Return intervals shaped by replicates (resamples, m), their width by estimates (P, m)."""
    count = len(estimates)
    centres = estimates.mean(axis=0)
    errors = estimates.std(axis=0, ddof=1) / math.sqrt(count)
    spreads = replicates.std(axis=0)
    tail = (1 - confidence) / 2
    student, normal = float(stdtrit(count - 1, 1 - tail)), float(ndtri(1 - tail))
    quantiles = np.quantile(replicates, [tail, 1 - tail], axis=0) - replicates.mean(axis=0)
    # A statistic that never varies has its own value for an interval.
    scales = student / normal * np.divide(errors, spreads, out=0 * errors, where=spreads > 0)
    lows, highs = centres + scales * quantiles
    return list(zip(lows.tolist(), highs.tolist(), strict=True))


def _including(interval: tuple[float, float] | None, estimate: float) -> tuple[float, float] | None:
    """Return an interval of logarithms as one of figures, widened to hold the pooled estimate.

    Of figures in two far groups, the pooled median can lie outside the interval over processes.
    """
    if interval is None:
        return None
    low, high = map(math.exp, interval)
    return min(low, estimate), max(high, estimate)


def log_ratios(samples: Samples, base: Samples) -> list[Array]:
    """Return the logarithm of base time over own time of every round, process by process."""
    if [len(times) for times in samples] != [len(times) for times in base]:
        raise ValueError("the two cells were not measured in the same rounds")
    return [np.log(other) - np.log(own) for own, other in zip(samples, base, strict=True)]


def process_log_ratios(samples: Samples, base: Samples) -> Array:
    """Return the median of `log_ratios` of each representative process: values to take means of."""
    processes = representative(log_ratios(samples, base))
    return np.array([float(np.median(ratios)) for ratios in processes])
