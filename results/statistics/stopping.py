"""When a run with a stopping rule is done: its figures are good enough, or its time is up."""

from __future__ import annotations

import math
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from results.record.schema import Run

# What a standard error is said from.
FEWEST_PROCESSES = 3


def relative_standard_error(medians: list[float]) -> float:
    """Return s/(m·√P) of the medians of P processes, infinite for fewer than FEWEST_PROCESSES."""
    if len(medians) < FEWEST_PROCESSES:
        return math.inf
    return stdev(medians) / fmean(medians) / math.sqrt(len(medians))


def worst_error(run: Run) -> tuple[str, float]:
    """Return the cell whose process medians have the largest relative standard error, and that.

    Processes of fewer than half the longest one's rounds are left out; cells that failed their
    proof, and controls, do not count. An infinite error, of no cell, before anything is known.
    """
    failures = run.failures
    times: dict[str, dict[int, list[int]]] = {}
    for entry in run.rounds:
        for index, ns in zip(entry.order, entry.ns, strict=True):
            if index < len(run.cells) and run.cells[index].name not in failures:
                by_process = times.setdefault(run.cells[index].name, {})
                by_process.setdefault(entry.process, []).append(ns)
    errors = {
        name: relative_standard_error(
            [
                median(taken)
                for taken in by_process.values()
                if 2 * len(taken) >= max(map(len, by_process.values()))
            ]
        )
        for name, by_process in times.items()
    }
    return max(errors.items(), key=lambda pair: pair[1], default=("", math.inf))


def time_is_up(run: Run) -> bool:
    """Whether the seconds of the run's stopping rule are spent; never without a rule."""
    stop = run.protocol.stop
    return stop is not None and sum(p.seconds for p in run.processes) >= stop.seconds


def fulfilled(run: Run) -> bool:
    """Whether a run that has a stopping rule needs no further process.

    Its time is up, or it has the rounds that it asks for at least and no cell's error is too large.
    """
    stop = run.protocol.stop
    if stop is None or time_is_up(run):
        return True
    return len(run.rounds) >= run.protocol.runs and worst_error(run)[1] <= stop.relative_error
