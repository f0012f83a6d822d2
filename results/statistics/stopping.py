"""When a run is done: all is measured, or with a stopping rule its figures are good enough."""

from __future__ import annotations

import math
from statistics import fmean, median, stdev

from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.intervals import representative

# What a standard error is said from.
FEWEST_PROCESSES = 3


def relative_standard_error(medians: list[float]) -> float:
    """Return s/(m·√P) of the medians of P processes, infinite for fewer than FEWEST_PROCESSES."""
    if len(medians) < FEWEST_PROCESSES:
        return math.inf
    return stdev(medians) / fmean(medians) / math.sqrt(len(medians))


def worst_error(run: Run) -> tuple[str, float]:
    """Return the cell whose process medians have the largest relative standard error, and that.

    Of representative processes; cells that failed their proof, and controls, do not count. An
    infinite error, of no cell, before anything is known.
    """
    cells = {cell.name for cell in run.cells}
    errors = {
        name: relative_standard_error([median(own.tolist()) for own in representative(samples)])
        for name, samples in samples_by_cell(run).items()
        if name in cells
    }
    return max(errors.items(), key=lambda pair: pair[1], default=("", math.inf))


def time_is_up(run: Run) -> bool:
    """Whether the seconds of the run's stopping rule are spent; never without a rule."""
    stop = run.protocol.stop
    return stop is not None and sum(p.seconds for p in run.processes) >= stop.seconds


def complete(run: Run) -> bool:
    """Whether every planned round was measured, or every network counted.

    With a stopping rule: whether its time is up, or it has the rounds that it asks for at least and
    no cell's error is too large.
    """
    if run.platform.counts:
        return len(run.counts) == len(run.networks)
    whole, stop = len(run.rounds) >= run.protocol.runs, run.protocol.stop
    if stop is None:
        return whole
    return time_is_up(run) or (whole and worst_error(run)[1] <= stop.relative_error)
