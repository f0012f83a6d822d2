"""How far a run's processes lie apart in what its tables compare, and what that lets it tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.inference import CONFIDENCE, Estimate, of_mean
from guideline_benchmarks.results.statistics.intervals import Samples, process_log_ratios
from guideline_benchmarks.results.statistics.resolution import WIDEST_RATIO


@dataclass(frozen=True)
class Spread:
    """How far processes lie apart in a cell's speed relative to its base cell.

    `typical` is the standard deviation of its logarithm in the median cell, `worst` that of `cell`,
    `processes` how many there are. `tells` is the least fraction by which the median cell has to
    differ from its base cell for its 95 % interval to leave 1 out with a chance of 80 %; None
    beyond WIDEST_RATIO.
    """

    typical: float
    worst: float
    cell: str
    processes: int
    tells: float | None


def spread_of(run: Run) -> Spread | None:
    """Return the spread of a run's relative speeds; None without any, or of one process."""
    samples = samples_by_cell(run)
    apart = {}
    for experiment in run.experiments:
        cells = [cell for cell in run.cells if cell.experiment == experiment.name]
        bases = {cell.scale: cell for cell in cells if cell.row == experiment.base}
        for cell in cells:
            base = bases.get(cell.scale)
            estimate = _estimate(cell, base, samples) if base and base is not cell else None
            if estimate is not None:
                apart[cell.name] = estimate
    if not apart:
        return None
    deviations = {name: estimate.deviation for name, estimate in apart.items()}
    worst = max(deviations, key=lambda name: deviations[name])
    level = (1 - CONFIDENCE) / 2
    tells = median(estimate.detectable(0.0, level) for estimate in apart.values())
    return Spread(
        typical=median(deviations.values()),
        worst=deviations[worst],
        cell=worst,
        processes=int(apart[worst].freedom) + 1,
        tells=math.expm1(tells) if tells <= math.log(WIDEST_RATIO) else None,
    )


def _estimate(cell: Cell, base: Cell, samples: Mapping[str, Samples]) -> Estimate | None:
    """Return the estimate of a log relative speed over processes, as its interval is made."""
    own, other = samples.get(cell.name), samples.get(base.name)
    if own is None or other is None:
        return None
    return of_mean(process_log_ratios(own, other))
