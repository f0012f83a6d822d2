"""How reports are laid out: tables, sections, figures as text, and the paper's own layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from results.record.cells import Cell, Experiment

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from results.tables.summary import CellResult, Column

MISSING = "–"


@dataclass(frozen=True)
class Heading:
    """A column's title, under a `group` title that neighbouring columns may share."""

    title: str
    group: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A caption, headings, and rows of text, one entry for each heading."""

    caption: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """One experiment in a report: its claim, its tables, and a line for each column's verdict.

    `plots` are the names of its figures with what they show, in words.
    """

    experiment: Experiment
    title: str
    tables: Sequence[Table]
    verdicts: Sequence[str]
    notes: Sequence[str]
    plots: Sequence[tuple[str, str]]


# How the paper labels the rows of each table: titles, and the entries for a row's first cell.
_Labels = tuple[list[str], Callable[[Cell], list[str]]]
_LABELS: dict[str, _Labels] = {
    "g1": (
        ["c1:c2", "(c1, c2) at ×1"],
        lambda cell: [cell.row, f"({cell.axes.get('c1')}, {cell.axes.get('c2')})"],
    ),
    "g2": (["g", "c at ×1"], lambda cell: [str(cell.axes.get("groups")), str(cell.axes.get("c"))]),
    "g3": (["block"], lambda cell: [cell.row]),
    "g4": (
        ["ReLU", "shortcut"],
        lambda cell: ["yes" if cell.axes.get(axis) else "no" for axis in ("relu", "shortcut")],
    ),
    "table8": (["network"], lambda cell: [cell.row]),
    "units-56": (["unit of"], lambda cell: [cell.row]),
    "units-28": (["unit of"], lambda cell: [cell.row]),
}
_OTHER_LABELS: _Labels = (["row"], lambda cell: [cell.row])
# Tables 1 and 2 name their columns by the scale, others by the channel number or the multiply-adds.
_SCALES_BY_WIDTH = ("g3", "g4", "units-56", "units-28")


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


def printed(speed: float) -> str:
    """Return a published speed as the paper prints it: one decimal on ARM, none on the GPU."""
    return f"{speed:.0f}" if speed >= 100 else f"{speed:.1f}"


def interval_text(interval: tuple[float, float] | None, text: Callable[[float], str]) -> str:
    """Return an interval in brackets, its ends written by `text`; "" for None."""
    return f"[{text(interval[0])}, {text(interval[1])}]" if interval else ""


def figure_name(figure: str) -> str:
    """Return the name of a counted figure in words: "L2 misses" of "l2_misses"."""
    words = figure.replace("_", " ")
    return words[0].upper() + words[1:] if words.startswith("l") else words


def scale_title(column: Column) -> str:
    """Return a column's title: "×2", "c = 64", or "140 M" multiply-adds, as the paper names it."""
    if column.experiment.name in _SCALES_BY_WIDTH:
        return f"c = {column.results[0].cell.axes.get('c')}"
    if column.experiment.name == "table8":
        return f"{column.scale} M"
    return f"×{column.scale}"


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
    labels, label = _LABELS.get(columns[0].experiment.name, _OTHER_LABELS)
    headings = [Heading(title, numeric=False) for title in labels]
    for column in columns:
        headings += [Heading(title, group=scale_title(column)) for title in titles]
    rows = []
    for results in _by_row(columns):
        row = label(next(iter(results.values())).cell)
        for column in columns:
            result = results.get(column.scale)
            row += entries(result) if result else [MISSING] * len(titles)
        rows.append(row)
    return Table(caption, headings, rows)


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
    return Table(caption, headings, rows)


@dataclass(frozen=True)
class Part:
    """A part of a page: a title, sentences, plots (names, with what they show), and tables."""

    title: str
    lines: Sequence[str] = ()
    plots: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
