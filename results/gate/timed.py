"""Check times against earlier ones: corrected by the controls, tested with Holm's method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate.finding import (
    Change,
    Figure,
    Finding,
    Row,
    decided,
    judged,
    without_figures,
)
from guideline_benchmarks.results.gate.ratios import Array, typical_log
from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics import inference, intervals
from guideline_benchmarks.results.statistics.inference import Estimate
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY, mixture
from guideline_benchmarks.results.statistics.verdict import Interval

# A stored run was measured at another time, in another state of the machine: see docs/gate.md.
MARGIN = 0.05
ALPHA = 0.05


def logs(run: Run) -> dict[str, Array]:
    """Return typical log times (of ns) by network, one for each representative process.

    Raises BadInputError where a control has no times.
    """
    found = {
        name: np.array([typical_log(ns) for ns in intervals.representative(times)])
        for name, times in samples_by_cell(run).items()
    }
    missing = [control for control in (COMPUTE_BOUND, MEMORY_HEAVY) if control not in found]
    if found and missing:
        started = run.sessions[0].started if run.sessions else "never"
        raise BadInputError(
            f"{missing[0]} has no times in the run begun {started}, and without the controls "
            "a regression cannot be told from a drift of the machine: measure it again."
        )
    return found


def findings(
    rows: Sequence[Row], new: Mapping[str, Array], old: Mapping[str, Array], margin: float
) -> list[Finding]:
    """Judge all rows by their times, with Holm's method over them."""
    differences = {row: _difference(row, new, old) for row in rows}
    estimates = {row: found for row, found in differences.items() if isinstance(found, Estimate)}
    verdicts = decided(estimates, margin, ALPHA)
    level = ALPHA / max(1, len(estimates))
    found_rows = []
    for row, found in differences.items():
        if isinstance(found, Estimate):
            processes = min(len(new[row.cells[0]]), len(old[row.cells[0]]))
            verdict = verdicts.get(row, Change.INCONCLUSIVE)
            found_rows.append(judged(row, verdict, found, margin, level, processes))
        elif found is None:
            found_rows.append(without_figures(row, "it has no times"))
        else:
            ratio = math.exp(found)
            found_rows.append(Finding(row, Change.INCONCLUSIVE, ratio, None, None, None, 1))
    return found_rows


def _difference(
    row: Row, new: Mapping[str, Array], old: Mapping[str, Array]
) -> Estimate | float | None:
    """Return the estimate of a row's log ratio, a bare one from single processes, None without."""
    known = [cell for cell in row.cells if cell in new and cell in old]
    if not known:
        return None
    sides = [_corrected(cell, new, old) for cell in known]
    run = np.mean([side[0] for side in sides], axis=0)
    base = np.mean([side[1] for side in sides], axis=0)
    return inference.of_difference(run, base) or float(run.mean() - base.mean())


def _corrected(
    cell: str, new: Mapping[str, Array], old: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Return a cell's log times in both runs less those of the controls' mixture.

    The mixture is chosen by how processes of one run differ from their mean.
    """
    own = [side[cell] - side[MEMORY_HEAVY] for side in (new, old)]
    apart = [side[COMPUTE_BOUND] - side[MEMORY_HEAVY] for side in (new, old)]
    x, y = (np.concatenate([part - part.mean() for part in parts]) for parts in (apart, own))
    weight = mixture(x, y)
    return own[0] - weight * apart[0], own[1] - weight * apart[1]


def drifts(
    new: Mapping[str, Array], old: Mapping[str, Array]
) -> dict[str, tuple[float, Interval | None]]:
    """Return how the controls changed: the machine's state, which is taken off every cell."""
    found: dict[str, tuple[float, Interval | None]] = {}
    for control in (COMPUTE_BOUND, MEMORY_HEAVY):
        estimate = inference.of_difference(new[control], old[control])
        mean = float(new[control].mean() - old[control].mean())
        low, high = estimate.interval if estimate else (mean, mean)
        found[control] = math.exp(mean), (math.exp(low), math.exp(high)) if estimate else None
    return found


def figures(run: Run) -> dict[str, Figure]:
    """Return every cell's median time in ms with its interval."""
    cells = {cell.name for cell in run.cells}
    found = {}
    for name, times in samples_by_cell(run).items():
        if name in cells:
            interval = intervals.time_interval(times)
            ends = interval and (interval[0] / 1e6, interval[1] / 1e6)
            found[name] = Figure(float(np.median(np.concatenate(times))) / 1e6, ends, "ms")
    return found


def amount(run: Run) -> str:
    """Say how much was measured."""
    return f"{len(run.processes)} processes, {len(run.rounds)} rounds"
