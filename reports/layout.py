"""How reports are laid out: figures as text, and tables in the paper's own layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from guideline_benchmarks.reports.document import MISSING, Heading, Table
from guideline_benchmarks.results.statistics.resolution import (
    NOT_RESOLVED,
    WIDEST_RATIO,
    resolves,
    resolves_share,
)
from guideline_benchmarks.results.statistics.verdict import Interval

if TYPE_CHECKING:
    from guideline_benchmarks.results.tables.spread import Spread

    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.tables.summary import CellResult, Column

WHY_NOT_RESOLVED = (
    "Not resolved: an interval whose upper end is more than "
    f"{WIDEST_RATIO:g} times its lower one, or that spans more than half of the whole, says "
    "nothing, nor does a share of more than the whole. Measure again on an idle machine, in more "
    "processes."
)


def significant(value: float, digits: int = 3) -> str:
    """Return `value` to so many significant digits, in plain notation."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits}g}")
    exponent = int(f"{rounded:e}".split("e")[1])
    return f"{rounded:.{max(0, digits - 1 - exponent)}f}"


def millions(value: float) -> str:
    """Return `value` in millions, to four significant digits."""
    return significant(value / 1e6, 4)


def excess(value: float, known: float) -> str:
    """Return by how many percent `value` exceeds a known one, to a tenth: "+0.3 %"."""
    # Adding 0.0 makes a negative zero positive.
    return f"{round(100 * (value / known - 1), 1) + 0.0:+.1f} %"


def printed(speed: float) -> str:
    """Return a published speed as the paper prints it: one decimal on ARM, none on the GPU."""
    return f"{speed:.0f}" if speed >= 100 else f"{speed:.1f}"


def interval_text(
    interval: Interval | None,
    text: Callable[[float], str],
    says_something: Callable[[Interval], bool] = resolves,
) -> str:
    """Return an interval in brackets, its ends written by `text`; "" for None.

    One that is too wide to say anything, by default as that of a time or a ratio, is called so.
    """
    if interval is None:
        return ""
    if not says_something(interval):
        return NOT_RESOLVED
    return f"[{text(interval[0])}, {text(interval[1])}]"


def percents_text(interval: Interval | None, digits: int = 1) -> str:
    """Return the interval of a share, which is in percent, as `interval_text` does."""
    return interval_text(interval, lambda end: f"{end:.{digits}f}", resolves_share)


def machine_text(celsius: float | None, mhz: int | None) -> str:
    """Return how warm a machine is and its clock, "54 °C, 1.8 GHz", as far as that is known."""
    said = [
        *([] if celsius is None else [f"{celsius:.0f} °C"]),
        *([] if mhz is None else [f"{mhz / 1000:.1f} GHz"]),
    ]
    return ", ".join(said)


def spread_text(spread: Spread) -> str:
    """Say with which spread a run's relative speeds were made, and what it can tell by them."""
    said = (
        f"relative speeds of {spread.processes} processes lie {100 * spread.typical:.1f} % apart "
        f"(median cell; worst {100 * spread.worst:.1f} %, {spread.cell})"
    )
    if spread.tells is not None:
        percent = significant(100 * spread.tells, 2)
        said += f"; in the median cell a difference of {percent} % from the base cell shows"
    return f"{said}. Another hour may lie farther apart."


def explained(table: Table, *notes: str) -> Table:
    """Return a table with notes in the line below it, and what "not resolved" means if it is there.

    Notes that are empty are left out.
    """
    unclear = any(NOT_RESOLVED in entry for row in table.rows for entry in row)
    said = [*filter(None, notes), *([WHY_NOT_RESOLVED] if unclear else [])]
    return replace(table, note=" ".join(said))


def figure_name(figure: str) -> str:
    """Return the name of a counted figure in words: "L2 misses" of "l2_misses"."""
    words = figure.replace("_", " ")
    return words[0].upper() + words[1:] if words.startswith("l") else words


def scale_title(column: Column) -> str:
    """Return a column's title, as its experiment names it: "×2", "c = 64", "140 M"."""
    return column.results[0].cell.text(column.experiment.column_label)


def _by_row(columns: Sequence[Column]) -> list[dict[int, CellResult]]:
    """Return, for each row of the table, its results by scale."""
    rows: dict[str, dict[int, CellResult]] = {}
    for column in columns:
        for result in column.results:
            rows.setdefault(result.cell.row, {})[column.scale] = result
    return list(rows.values())


def paper_layout(
    columns: Sequence[Column],
    caption: str,
    titles: Sequence[str],
    entries: Callable[[CellResult], list[str]],
) -> Table:
    """Return the paper's layout: a row's labels, then columns of these titles for each scale."""
    labels = columns[0].experiment.row_labels
    headings = [Heading(label.title, numeric=False) for label in labels]
    for column in columns:
        headings += [Heading(title, group=scale_title(column)) for title in titles]
    rows = []
    for results in _by_row(columns):
        cell = next(iter(results.values())).cell
        row = [cell.text(label.text) for label in labels]
        for column in columns:
            result = results.get(column.scale)
            row += entries(result) if result else [MISSING] * len(titles)
        rows.append(row)
    return explained(Table(caption, headings, rows))


def by_cell(
    columns: Sequence[Column],
    caption: str,
    titles: Sequence[str],
    entries: Callable[[CellResult], list[str]],
) -> Table:
    """Return a table with one row for each cell, scale after scale."""
    headings = [Heading("cell", numeric=False), *(Heading(title) for title in titles)]
    rows = [
        [f"{result.cell.row}, {scale_title(column)}", *entries(result)]
        for column in columns
        for result in column.results
    ]
    return explained(Table(caption, headings, rows))
