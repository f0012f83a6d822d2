"""The paper's figures beside a run's, where it prints any of the cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from guideline_benchmarks.reports.document import MISSING, Table
from guideline_benchmarks.reports.layout import paper_layout, printed, significant
from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.record.schema import Run

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.tables.summary import CellResult, Column


def device_beside(run: Run, columns: Sequence[Column]) -> str | None:
    """Return what the paper measured some columns on, None where it prints none of their cells."""
    in_paper = any(column.in_paper for column in columns)
    return PAPER_PLATFORMS.get(run.protocol.channels) if in_paper else None


def beside_paper(
    run: Run,
    columns: Sequence[Column],
    captions: tuple[str, str],
    titles: Sequence[str],
    entries: Callable[[CellResult], list[str]],
    paper: Callable[[CellResult], str],
) -> Table:
    """Return a table in the paper's layout, its own figures in the last column below each scale.

    `captions` are the table's, and how it goes on where there are such figures, with "{device}" and
    "{unit}" for what they are of; the last of `titles` is then theirs.
    """
    device = device_beside(run, columns)
    if device is None:
        return paper_layout(columns, captions[0], titles[:-1], entries)
    unit = next((r.published.unit for c in columns for r in c.results if r.published), "")
    caption = captions[0] + captions[1].format(device=device, unit=unit)
    return paper_layout(columns, caption, titles, lambda one: [*entries(one), paper(one)])


def paper_speed(result: CellResult) -> str:
    """Return a cell's published speed as it is printed."""
    return printed(result.published.speed) if result.published else MISSING


def paper_relative_speed(result: CellResult) -> str:
    """Return a cell's published speed relative to its base cell's."""
    relative = result.paper_relative_speed
    return MISSING if relative is None else f"{relative:.3f}"


def paper_relative_time(result: CellResult) -> str:
    """Return a cell's published time relative to its base cell's."""
    relative = result.paper_relative_speed
    return MISSING if relative is None else f"{1 / relative:.3f}"


def paper_ms(result: CellResult) -> str:
    """Return a published time to three digits, which is what published speeds have at most."""
    return MISSING if result.published_ms is None else significant(result.published_ms)
