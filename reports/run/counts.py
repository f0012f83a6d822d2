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
    scale_title,
    significant,
)
from guideline_benchmarks.reports.run.beside_paper import (
    beside_paper,
    device_beside,
    paper_ms,
    paper_relative_speed,
    paper_relative_time,
    paper_speed,
)
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.metric import MODELLED_TIME, metric_of

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.tables.summary import CellResult, Column

MODELLED = MODELLED_TIME.said


def count_tables(run: Run, columns: Sequence[Column]) -> list[Table]:
    """Return the tables of one experiment's counts, the paper's figures beside them."""
    captions = (
        f"Relative to {columns[0].experiment.base}: executed instructions ({metric_of(run).said})",
        ", and the time on the paper's {device}",
    )
    relative = relative_counts(run, columns, captions, ("instructions", "paper's time"))
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
        counts = result.counts
        if counts is None:
            return [MISSING] * 2
        return [millions(counts.instructions), f"{counts.per_multiply_add:.3f}"]

    captions = (
        f"Executed instructions, in millions and per multiply-add (m-a; {metric_of(run).said})",
        ", and the speed of the paper's {device} ({unit})",
    )
    titles = ("M instr.", "per m-a", "paper")
    return beside_paper(run, columns, captions, titles, entries, paper_speed)


def _modelled(run: Run, columns: Sequence[Column]) -> Table:
    # The core of the model and the paper's ARM core run the same networks; its GPU runs others.
    comparable = run.protocol.channels == "arm"
    device = device_beside(run, columns)

    def entries(result: CellResult) -> list[str]:
        found, published = result.modelled, result.published_ms
        said = [MISSING, MISSING, paper_ms(result), MISSING]
        if found is not None:
            said[:2] = significant(found.ms), interval_text(found.ci95_ms, significant)
            said[3] = difference_text(found.ms, published if comparable else None)
        return said if device else said[:2]

    caption = f"Time in ms ({MODELLED}) with its 95 % prediction interval"
    titles = ["modelled", "interval"]
    if device:
        caption += f", the time on the paper's {device}, and by how much they differ"
        titles += ["paper", "difference"]
    return by_cell(columns, caption, titles, entries)


def difference_text(ms: float, known: float | None) -> str:
    """Return by how many percent a time exceeds a known one, "–" without one."""
    if known is None:
        return MISSING
    # Adding 0.0 makes a negative zero positive.
    return f"{round(100 * (ms / known - 1)) + 0.0:+.0f} %"


def modelled_speeds(run: Run, columns: Sequence[Column]) -> Table:
    """Return modelled speeds relative to the base cell, beside the paper's."""

    def entries(result: CellResult) -> list[str]:
        relative = result.modelled and result.modelled.relative_speed
        return [f"{relative:.3f}" if relative else MISSING]

    captions = (
        f"Speed relative to {columns[0].experiment.base}: {MODELLED}",
        ", and on the paper's {device}",
    )
    titles = ("modelled", "paper")
    return beside_paper(run, columns, captions, titles, entries, paper_relative_speed)


def relative_counts(
    run: Run, columns: Sequence[Column], captions: tuple[str, str], titles: tuple[str, str]
) -> Table:
    """Return instructions relative to the base cell, beside the paper's time, under two titles.

    For `captions` see reports.run.paper.
    """

    def entries(result: CellResult) -> list[str]:
        relative = result.counts and result.counts.relative
        return [f"{relative:.3f}" if relative else MISSING]

    return beside_paper(run, columns, captions, titles, entries, paper_relative_time)


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
