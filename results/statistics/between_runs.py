"""How far two runs of different hours lie apart beyond what the processes of each can show.

Processes of one run share an hour: the state of the machine, its neighbours, where the system laid
out memory. So their spread says nothing of how far two hours lie apart, and that is estimated
here, from all cells of both runs together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from guideline_benchmarks.results.statistics.inference import Array, Estimate

# Fewer cells say too little of how far cells lie apart.
FEWEST_CELLS = 8
# The median of the chi-square distribution with one degree of freedom.
TYPICAL_SQUARE = 0.4549364
# How much less a median of squares makes of values than their mean does, where they are normal: the
# efficiency of the median absolute deviation (Rousseeuw and Croux, JASA 88, 1993).
EFFICIENCY = 0.37
_HALVINGS = 100


@dataclass(frozen=True)
class Component:
    """A further standard deviation of a log ratio.

    `doubt` is half the variance with which its square is known: of a square s² known from f degrees
    of freedom, s⁴/f.
    """

    deviation: float
    doubt: float = 0.0


def between_runs(estimates: Sequence[Estimate]) -> Component | None:
    """Return by how much cells' log ratios vary beyond their errors, None of too few cells.

    The τ with which half of the cells lie no farther from their median than half of normal values
    with variances error² + τ² do. So a cell that did change counts no more than another, however
    much it changed: of a quarter of them τ grows by less than two thirds, and it has no bound only
    where half of them changed. 0 where the errors explain all.
    """
    if len(estimates) < FEWEST_CELLS:
        return None
    ratios = np.array([estimate.mean for estimate in estimates])
    squares = np.array([estimate.error**2 for estimate in estimates])
    extra = _excess((ratios - np.median(ratios)) ** 2, squares)
    # What is estimated is the whole, errors and all, of which the errors are taken off: its doubt
    # remains where nothing is left.
    whole = extra + float(np.median(squares))
    return Component(math.sqrt(extra), whole**2 / (EFFICIENCY * len(estimates)))


def _excess(deviations: Array, squares: Array) -> float:
    """Return τ² from squared deviations and squared errors, by halving what it lies in."""

    def explains(extra: float) -> bool:
        return float(np.median(deviations - TYPICAL_SQUARE * (squares + extra))) <= 0

    if explains(0.0):
        return 0.0
    low, high = 0.0, float(deviations.max()) / TYPICAL_SQUARE
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if explains(middle) else (middle, high)
    return high


def widened(estimate: Estimate, components: Sequence[Component]) -> Estimate:
    """Return an estimate whose error holds further components.

    Its degrees of freedom are Satterthwaite's, of the error's and of the components' doubts. At
    least one: a cell whose own error is far below the typical one knows it from few processes.
    """
    square = estimate.error**2
    variance = square + sum(component.deviation**2 for component in components)
    doubt = square**2 / estimate.freedom + sum(component.doubt for component in components)
    freedom = max(1.0, variance**2 / doubt) if doubt else estimate.freedom
    return Estimate(estimate.mean, math.sqrt(variance), freedom)
