"""What pairs say of a network: log ratios of samples that were taken right after one another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from guideline_benchmarks.results.gate.finding import Row
from guideline_benchmarks.results.gate.ratios import Array, Choice, Reading, as_timed
from guideline_benchmarks.results.gate.trial import Replicate

# Of the log ratios of a pair's rounds, one.
Typical = Callable[[Array], float]


def middle_half(values: Array) -> float:
    """Return the mean of the middle half of some values: a quarter at either end is left out.

    A disturbance that begins or ends between two samples makes their ratio an outlier in either
    direction. It repeats a little better than the median (docs/gate_study.md).
    """
    ordered = np.sort(values)
    outer = len(ordered) // 4
    return float(ordered[outer : len(ordered) - outer].mean())


def read(pair: Replicate, choose: Choice = as_timed, typical: Typical = middle_half) -> Reading:
    """Return the log ratio of B to A of each network of one pair."""
    a, b = sorted(pair.processes, key=lambda process: process.side)
    return Reading(
        {
            name: np.array([typical(np.log(choose(b, name)) - np.log(choose(a, name)))])
            for name in sorted(set(a.ns) & set(b.ns))
        }
    )


def ratios(row: Row, pairs: Sequence[Reading]) -> Array:
    """Return a row's log ratio of B to A in each pair that has all its cells."""
    chosen = [pair for pair in pairs if pair.has(row.cells)]
    return np.array([np.mean([pair.of[cell] for cell in row.cells]) for pair in chosen])


def null_ratios(row: Row, pairs: Sequence[Reading]) -> Array:
    """Return log ratios of like to like, two for every four pairs, whatever B's ratio to A is.

    They are differences of a pair and the next but one, whose sides were started in the same order,
    scaled to vary as one ratio does.
    """
    values = ratios(row, pairs)
    fours = values[: len(values) // 4 * 4].reshape(-1, 2, 2)
    result: Array = (fours[:, 0] - fours[:, 1]).ravel() / math.sqrt(2)
    return result
