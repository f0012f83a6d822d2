"""Check times against earlier ones: corrected by the controls, tested with Holm's method.

The error of a row holds how far the two hours lie apart, too (results/gate/between.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate.between import allowed, between, noted, spread_text
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
from guideline_benchmarks.results.statistics.between_runs import widened
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY, mixture
from guideline_benchmarks.results.statistics.verdict import Interval

# A stored run was measured at another time, in another state of the machine: see docs/gate.md.
MARGIN = 0.05
ALPHA = 0.05
ALONE = "A run of a single process does not show how far processes lie apart."


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
) -> tuple[list[Finding], str]:
    """Judge all rows by their times, with Holm's method over them; say with which spread."""
    sides = {row: _sides(row, new, old) for row in rows}
    inside = {
        row: estimate
        for row, found in sides.items()
        if found and (estimate := inference.of_difference(*found))
    }
    apart = between(inside, new, old) if inside else None
    estimates = {row: widened(e, apart.components) for row, e in inside.items()} if apart else {}
    verdicts = decided(estimates, margin, ALPHA)
    level = ALPHA / max(1, len(estimates))
    found_rows = []
    for row, found in sides.items():
        if found is None:
            found_rows.append(without_figures(row, "it has no times"))
        elif apart and row in estimates:
            processes = min(map(len, found))
            verdict = allowed(verdicts.get(row), apart, processes)
            finding = judged(row, verdict, estimates[row], margin, level, processes)
            found_rows.append(noted(finding, apart))
        else:
            ratio = math.exp(float(found[0].mean() - found[1].mean()))
            found_rows.append(Finding(row, Change.INCONCLUSIVE, ratio, None, None, None, 1))
    if apart is None:
        return found_rows, ALONE if any(sides.values()) else ""
    within = {
        row.name: _within(*found)
        for row, found in sides.items()
        if found and row in inside and row.kind == "cell"
    }
    return found_rows, spread_text(found_rows, apart, within) if within else ""


def _sides(
    row: Row, new: Mapping[str, Array], old: Mapping[str, Array]
) -> tuple[Array, Array] | None:
    """Return a row's corrected log times in both runs, one for each process; None without any."""
    known = [cell for cell in row.cells if cell in new and cell in old]
    if not known:
        return None
    sides = [_corrected(cell, new, old) for cell in known]
    return np.mean([run for run, _ in sides], axis=0), np.mean([base for _, base in sides], axis=0)


def _within(*sides: Array) -> float:
    """Return the standard deviation between processes of one run, from both runs."""
    squares = sum(float(np.sum((side - side.mean()) ** 2)) for side in sides)
    return math.sqrt(squares / sum(len(side) - 1 for side in sides))


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
