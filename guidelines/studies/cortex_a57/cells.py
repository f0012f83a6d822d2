"""Cells of the cost model's validation as tables."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.guidelines.studies.cortex_a57.sets import TITLES
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import (
    ValidatedCell,
    Validation,
)
from guideline_benchmarks.reports.document import MISSING, Heading, Table
from guideline_benchmarks.reports.layout import significant


def relative_table(caption: str, cells: Sequence[ValidatedCell]) -> Table:
    """Return published and modelled relative speeds of cells of several sets."""
    headings = [Heading("set", numeric=False), Heading("cell", numeric=False)]
    headings += [Heading("published"), Heading("modelled")]
    rows = [
        [TITLES[c.group], _name(c), relative(c.relative_published), relative(c.relative_modelled)]
        for c in cells
    ]
    return Table(f"{caption}: speed relative to the base cell", headings, rows)


def cells_table(caption: str, cells: Sequence[ValidatedCell]) -> Table:
    """Return published and modelled times of cells of several sets."""
    headings = [Heading("set", numeric=False), Heading("cell", numeric=False)]
    headings += [Heading("published, ms"), Heading("modelled, ms"), Heading("error")]
    headings += [Heading("relative speed, published"), Heading("modelled")]
    rows = [
        [
            TITLES[cell.group],
            _name(cell),
            significant(cell.published_ms),
            *_modelled(cell),
            relative(cell.relative_published),
            relative(cell.relative_modelled),
        ]
        for cell in cells
    ]
    return Table(caption, headings, rows)


def set_table(validations: Sequence[Validation], group: str) -> Table:
    """Return published and modelled times of all cells of one set, by whose kernels.

    The first validation has all of them; MISSING stands where another has not.
    """
    headings = [Heading("cell", numeric=False), Heading("published, ms")]
    for validation in validations:
        headings += [Heading(part, group=validation.runtime) for part in ("modelled, ms", "error")]
    headings.append(Heading("published", group="relative speed"))
    headings += [Heading(v.runtime, group="relative speed") for v in validations]
    rows = []
    found = [{cell.cell.name: cell for cell in v.of(group)} for v in validations]
    for name, first in found[0].items():
        cells = [of.get(name) for of in found]
        rows.append(
            [
                _name(first),
                significant(first.published_ms),
                *(entry for cell in cells for entry in _modelled(cell)),
                relative(first.relative_published),
                *(relative(cell.relative_modelled if cell else None) for cell in cells),
            ]
        )
    return Table(TITLES[group], headings, rows)


def _modelled(cell: ValidatedCell | None) -> list[str]:
    if cell is None:
        return [MISSING, MISSING]
    return [significant(cell.modelled_ms), f"{100 * cell.error:+.0f} %"]


def _name(cell: ValidatedCell) -> str:
    """Return a network's name, or a cell's row and scale; say where multiply-adds are others."""
    network = cell.cell.axes.get("network")
    if network is None:
        return f"{cell.cell.row}, ×{cell.cell.scale}"
    size = str(cell.cell.axes["size"])
    shape = size if "×" in size else f"{size}×{size}"
    return f"{network}, {shape}{'' if cell.same_network else ' (other multiply-adds)'}"


def relative(speed: float | None) -> str:
    """Return a relative speed as text."""
    return MISSING if speed is None else f"{speed:.3f}"
