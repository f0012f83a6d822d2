"""Where series change their level: optimal partitioning under squared error.

The segmentation that minimises the squared error plus a penalty for each change, found exactly by
dynamic programming (B. Jackson et al., "An algorithm for optimal partitioning of data on an
interval", IEEE Signal Processing Letters 12, 2005; the penalty after R. Killick et al., "Optimal
detection of changepoints with a linear computational cost", JASA 107, 2012, which prunes the same
search). All series are searched at once, which is faster here than pruning each.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]

# A level lasts at least so many runs: a single odd one is no change.
SHORTEST = 3
# In units of the noise's variance times log(n). 2 would be the Bayesian information criterion for
# Gaussian noise; runs have heavier tails, and many series are searched.
PENALTY = 6.0
# Of fewer runs the noise is known too badly for the penalty to shrink with them.
FEW_RUNS = 50
# A run further from the median of its WINDOW neighbours than ODD standard deviations is taken to be
# just so far.
WINDOW, ODD = 5, 3.0
# Noise below this is taken to be this much (0.01 %): counts hardly vary at all.
LEAST_NOISE = 1e-4


def noise(series: Array) -> Array:
    """Return the standard deviation of each series' noise, by the median of its steps.

    `series` is (m, n). A level that changes now and then does not disturb it. A few runs can look
    calmer than they are, so no series is taken to be calmer than half of all are.
    """
    steps = np.abs(np.diff(series, axis=1))
    found: Array = np.median(steps, axis=1) / (0.6745 * math.sqrt(2))
    return np.maximum(found, max(LEAST_NOISE, float(np.median(found))))


def _without_odd_runs(series: Array, sigma: Array) -> Array:
    """Return series in which no run is further than ODD from the median of its neighbourhood.

    Squared error would take one wild run for a level of its own.
    """
    around = WINDOW // 2
    padded = np.pad(series, ((0, 0), (around, around)), mode="edge")
    medians = np.median(sliding_window_view(padded, WINDOW, axis=1), axis=2)
    reach = ODD * sigma[:, None]
    return np.clip(series, medians - reach, medians + reach)


def change_points(series: Array) -> list[list[int]]:
    """Return, for each series of (m, n), the indexes at which a new level begins."""
    count, length = series.shape
    if length < 2 * SHORTEST:
        return [[] for _ in range(count)]
    sigma = noise(series)
    calm = _without_odd_runs(series, sigma)
    scaled = (calm - calm[:, :1]) / sigma[:, None]
    sums = np.concatenate([np.zeros((count, 1)), np.cumsum(scaled, axis=1)], axis=1)
    squares = np.concatenate([np.zeros((count, 1)), np.cumsum(scaled**2, axis=1)], axis=1)
    penalty = PENALTY * math.log(max(length, FEW_RUNS))
    best = np.full((count, length + 1), math.inf)
    best[:, 0] = -penalty
    last = np.zeros((count, length + 1), dtype=np.int64)
    every = np.arange(count)
    for end in range(SHORTEST, length + 1):
        starts = slice(0, end - SHORTEST + 1)
        sizes = end - np.arange(end - SHORTEST + 1)
        inside = squares[:, end : end + 1] - squares[:, starts]
        inside -= (sums[:, end : end + 1] - sums[:, starts]) ** 2 / sizes
        costs = best[:, starts] + inside + penalty
        last[:, end] = np.argmin(costs, axis=1)
        best[:, end] = costs[every, last[:, end]]
    return [_traced(row, length) for row in last]


def _traced(last: NDArray[np.int64], length: int) -> list[int]:
    """Follow the beginnings of segments back from the end."""
    found: list[int] = []
    at = int(last[length])
    while at > 0:
        found.append(at)
        at = int(last[at])
    return found[::-1]
