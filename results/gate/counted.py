"""Check counted instructions against earlier ones: they have no noise worth the name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from guideline_benchmarks.results.gate.finding import Change, Figure, Finding, Row, without_figures
from guideline_benchmarks.results.gate.ratios import Array
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.counts import counts_of


def logs(run: Run) -> dict[str, Array]:
    """Return the logarithm of each cell's instructions, by its name."""
    found = {cell.name: counts_of(run, cell, None) for cell in run.cells}
    return {name: np.array([math.log(c.instructions)]) for name, c in found.items() if c}


def findings(
    rows: Sequence[Row], new: Mapping[str, Array], old: Mapping[str, Array], margin: float
) -> tuple[list[Finding], str]:
    """Judge every row by its instructions alone, which have no spread to tell of."""
    return [_finding(row, new, old, margin) for row in rows], ""


def _finding(
    row: Row, new: Mapping[str, Array], old: Mapping[str, Array], margin: float
) -> Finding:
    known = [cell for cell in row.cells if cell in new and cell in old]
    if not known:
        return without_figures(row, "it was not counted")
    difference = float(np.mean([new[cell][0] - old[cell][0] for cell in known]))
    bound = math.log1p(margin)
    verdict = Change.SAME
    if abs(difference) > bound:
        verdict = Change.SLOWER if difference > 0 else Change.FASTER
    return Finding(row, verdict, math.exp(difference), None, None, 1 + margin, len(known))


def figures(run: Run) -> dict[str, Figure]:
    """Return every cell's instructions."""
    found = {cell.name: counts_of(run, cell, None) for cell in run.cells}
    return {n: Figure(c.instructions, None, "instructions") for n, c in found.items() if c}


def amount(run: Run) -> str:
    """Say how much was counted."""
    return f"{len(run.counts)} networks counted"
