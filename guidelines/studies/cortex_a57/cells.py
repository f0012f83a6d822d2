"""Cells of the cost model's validation as tables."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.guidelines.studies.cortex_a57.sets import TITLES
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import ValidatedCell
from guideline_benchmarks.reports.document import MISSING, Heading, Table
from guideline_benchmarks.reports.layout import significant


def relative_table(caption: str, cells: Sequence[ValidatedCell]) -> Table:
    """Return published and modelled relative speeds of cells of several sets."""
    headings = [Heading("set", numeric=False), Heading("cell", numeric=False)]
    headings += [Heading("published"), Heading("modelled")]
    rows = [
        [TITLES[c.group], _name(c), _relative(c.relative_published), _relative(c.relative_modelled)]
        for c in cells
    ]
    return Table(f"{caption}: speed relative to the base cell", headings, rows)


def cells_table(caption: str, cells: Sequence[ValidatedCell]) -> Table:
    """Return published and modelled times of cells of several sets."""
    headings, rows = cells_content(cells)
    return Table(
        caption,
        [Heading("set", numeric=False), *headings],
        [[TITLES[c.group], *row] for c, row in zip(cells, rows, strict=True)],
    )


def cells_content(cells: Sequence[ValidatedCell]) -> tuple[list[Heading], list[list[str]]]:
    """Return the headings and rows of the times of cells of one set."""
    headings = [Heading("cell", numeric=False), Heading("published, ms"), Heading("modelled, ms")]
    headings += [Heading("error"), Heading("relative speed, published"), Heading("modelled")]
    rows = [
        [
            _name(cell),
            significant(cell.published_ms),
            significant(cell.modelled_ms),
            f"{100 * cell.error:+.0f} %",
            _relative(cell.relative_published),
            _relative(cell.relative_modelled),
        ]
        for cell in cells
    ]
    return headings, rows


def _name(cell: ValidatedCell) -> str:
    """Return a network's name, or a cell's row and scale; say where multiply-adds are others."""
    network = cell.cell.axes.get("network")
    if network is None:
        return f"{cell.cell.row}, ×{cell.cell.scale}"
    size = cell.cell.axes["size"]
    return f"{network}, {size}×{size}{'' if cell.same_network else ' (other multiply-adds)'}"


def _relative(speed: float | None) -> str:
    return MISSING if speed is None else f"{speed:.3f}"
