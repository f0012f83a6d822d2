"""Tables of a run that counted instructions: no figure in them was timed.

With a cost model there are modelled times, and they are called so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from guideline_benchmarks.reports.document import MISSING, Table
from guideline_benchmarks.reports.layout import (
    by_cell,
    interval_text,
    millions,
    paper_layout,
    printed,
    scale_title,
    significant,
)
from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.metric import MODELLED_TIME, metric_of

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.tables.summary import CellResult, Column

MODELLED = MODELLED_TIME.said


def count_tables(run: Run, columns: Sequence[Column]) -> list[Table]:
    """Return the tables of one experiment's counts, the paper's figures beside them."""
    relative = relative_counts(run, columns, ("instructions", "paper's time"))
    return [_instructions(run, columns), relative, _by_cell(run, columns)]


def modelled_tables(run: Run, columns: Sequence[Column]) -> list[Table]:
    """Return the tables of one experiment's modelled times, the paper's figures beside them."""
    return [_modelled(run, columns), modelled_speeds(run, columns), _by_cell(run, columns)]


def order_line(column: Column) -> str:
    """Say how far the order of a column's rows by each figure agrees with the paper's."""
    agreements = [
        f"{'undefined' if tau is None else f'{tau:+.2f}'} by {figure}"
        for figure, tau in column.orders.items()
    ]
    return f"{scale_title(column)}: order against the paper's: τ = {', '.join(agreements)}"


def _instructions(run: Run, columns: Sequence[Column]) -> Table:
    def entries(result: CellResult) -> list[str]:
        counts, paper = result.counts, result.published
        return [
            millions(counts.instructions) if counts else MISSING,
            f"{counts.per_multiply_add:.3f}" if counts else MISSING,
            printed(paper.speed) if paper else MISSING,
        ]

    paper = next((r.published.unit for c in columns for r in c.results if r.published), "")
    device = PAPER_PLATFORMS[run.protocol.channels]
    caption = (
        f"Executed instructions, in millions and per multiply-add (m-a; {metric_of(run).said}), "
        f"and the speed of the paper's {device} ({paper})"
    )
    return paper_layout(columns, caption, ("M instr.", "per m-a", "paper"), entries)


def _modelled(run: Run, columns: Sequence[Column]) -> Table:
    # The core of the model and the paper's ARM core run the same networks; its GPU runs others.
    comparable = run.protocol.channels == "arm"

    def entries(result: CellResult) -> list[str]:
        found, published = result.modelled, result.published_ms
        if found is None:
            return [MISSING, MISSING, printed_ms(published), MISSING]
        return [
            significant(found.ms),
            interval_text(found.ci95_ms, significant),
            printed_ms(published),
            difference_text(found.ms, published if comparable else None),
        ]

    device = PAPER_PLATFORMS[run.protocol.channels]
    caption = (
        f"Time in ms ({MODELLED}) with its 95 % prediction interval, the time on the paper's "
        f"{device}, and by how much they differ"
    )
    return by_cell(columns, caption, ["modelled", "interval", "paper", "difference"], entries)


def difference_text(ms: float, known: float | None) -> str:
    """Return by how many percent a time exceeds a known one, "–" without one."""
    if known is None:
        return MISSING
    # Adding 0.0 makes a negative zero positive.
    return f"{round(100 * (ms / known - 1)) + 0.0:+.0f} %"


def printed_ms(ms: float | None) -> str:
    """Return a published time to three digits, which is what published speeds have at most."""
    return MISSING if ms is None else significant(ms)


def modelled_speeds(run: Run, columns: Sequence[Column]) -> Table:
    """Return modelled speeds relative to the base cell, beside the paper's."""

    def entries(result: CellResult) -> list[str]:
        relative = result.modelled and result.modelled.relative_speed
        paper = result.paper_relative_speed
        return [
            f"{relative:.3f}" if relative else MISSING,
            f"{paper:.3f}" if paper else MISSING,
        ]

    base, device = columns[0].experiment.base, PAPER_PLATFORMS[run.protocol.channels]
    caption = f"Speed relative to {base}: {MODELLED}, and on the paper's {device}"
    return paper_layout(columns, caption, ("modelled", "paper"), entries)


def relative_counts(run: Run, columns: Sequence[Column], titles: tuple[str, str]) -> Table:
    """Return instructions relative to the base cell, beside the paper's time, under two titles."""

    def entries(result: CellResult) -> list[str]:
        relative = result.counts and result.counts.relative
        paper = result.paper_relative_speed
        return [
            f"{relative:.3f}" if relative else MISSING,
            f"{1 / paper:.3f}" if paper else MISSING,
        ]

    base, device = columns[0].experiment.base, PAPER_PLATFORMS[run.protocol.channels]
    counted = f"executed instructions ({metric_of(run).said})"
    caption = f"Relative to {base}: {counted}, and the time on the paper's {device}"
    return paper_layout(columns, caption, titles, entries)


def _by_cell(run: Run, columns: Sequence[Column]) -> Table:
    caches = run.protocol.caches

    def entries(result: CellResult) -> list[str]:
        counts = result.counts
        if counts is None:
            return [MISSING] * (5 if caches else 3)
        misses = [str(n) for n in (counts.l1d_misses, counts.l2_misses) if n is not None]
        spread = f"{100 * counts.spread:.3f} %"
        return [str(counts.instructions), f"{counts.per_multiply_add:.4f}", *misses, spread]

    titles = ["instructions", "per multiply-add"]
    titles += ["L1d misses", "L2 misses"] if caches else []
    # Of a run whose times are modelled, too, these are counts.
    said = run.platform.counter.said if run.platform.counter else metric_of(run).said
    least = f"The least of {run.protocol.runs} executions ({said})"
    caption = f"{least}, and how far they lie apart"
    return by_cell(columns, caption, [*titles, "spread"], entries)
