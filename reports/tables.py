"""The tables of a report as plain data, laid out as in the paper; exporters only set them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from results.schema import Cell, Experiment, Run
from results.summary import CellResult, Column, Summary, multiply_adds_per_second

MISSING = "–"
PAPER_PLATFORMS = {"gpu": "GeForce GTX 1080 Ti", "arm": "Snapdragon 810"}


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
}
_OTHER_LABELS: _Labels = (["row"], lambda cell: [cell.row])
# Tables 3 and 4 name their columns by the channel number, Tables 1 and 2 by the scale.
_SCALES_BY_WIDTH = ("g3", "g4")


def significant(value: float, digits: int = 3) -> str:
    """Return `value` to so many significant digits, in plain notation."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits}g}")
    exponent = int(f"{rounded:e}".split("e")[1])
    return f"{rounded:.{max(0, digits - 1 - exponent)}f}"


def _millions(value: float) -> str:
    return significant(value / 1e6, 4)


def _printed(speed: float) -> str:
    """Return a published speed as the paper prints it: one decimal on ARM, none on the GPU."""
    return f"{speed:.0f}" if speed >= 100 else f"{speed:.1f}"


def interval_text(interval: tuple[float, float] | None, text: Callable[[float], str]) -> str:
    """Return an interval in brackets, its ends written by `text`; "" for None."""
    return f"[{text(interval[0])}, {text(interval[1])}]" if interval else ""


def scale_title(column: Column) -> str:
    """Return a column's title: "×2", or "c = 64" where the paper names columns by width."""
    if column.experiment.name in _SCALES_BY_WIDTH:
        return f"c = {column.results[0].cell.axes.get('c')}"
    return f"×{column.scale}"


def guideline_sections(summary: Summary) -> list[Section]:
    """Return every experiment of a run that compares rows as a section."""
    return [_section(summary, experiment) for experiment in summary.experiments]


def overview(summary: Summary) -> Table:
    """Return the verdicts of all guidelines, a row each, smallest scale first."""
    rows = []
    for experiment in summary.experiments:
        columns = summary.columns_of(experiment)
        verdicts = [f"{scale_title(column)}: {column.verdict.value}" for column in columns]
        rows.append([f"{experiment.name.upper()} {experiment.title}", *verdicts])
    scales = max((len(row) for row in rows), default=1) - 1
    titles = ("smallest", "middle", "largest") if scales == 3 else [""] * scales
    headings = [Heading("guideline", numeric=False)]
    caption = "What each column of the tables says of its guideline"
    return Table(caption, headings + [Heading(t, numeric=False) for t in titles], rows)


def _section(summary: Summary, experiment: Experiment) -> Section:
    columns = summary.columns_of(experiment)
    run = summary.run
    # For instance "Table 1 · G1: Channel ratio".
    title = f"{experiment.table} · {experiment.name.upper()}: {experiment.title}"
    return Section(
        experiment=experiment,
        title=title,
        tables=[_speeds(run, columns), _relative_speeds(columns), _costs(columns), _times(columns)],
        verdicts=[_verdict_line(column) for column in columns],
        notes=_notes(columns, experiment, run.protocol.g4_unit),
        plots=[(experiment.name, f"{title}: speed relative to {experiment.base}")],
    )


def _by_row(columns: Sequence[Column]) -> list[list[CellResult]]:
    """Return, for each row of the table, its results at every scale."""
    rows: dict[str, list[CellResult]] = {}
    for column in columns:
        for result in column.results:
            rows.setdefault(result.cell.row, []).append(result)
    return list(rows.values())


def _paper_layout(
    columns: Sequence[Column],
    caption: str,
    pair: Sequence[str],
    entries: Callable[[CellResult], list[str]],
) -> Table:
    """Return the paper's layout: a row's labels, then a pair of columns for each scale."""
    titles, label = _LABELS.get(columns[0].experiment.name, _OTHER_LABELS)
    headings = [Heading(title, numeric=False) for title in titles]
    for column in columns:
        headings += [Heading(title, group=scale_title(column)) for title in pair]
    rows = [
        [*label(results[0].cell), *(text for result in results for text in entries(result))]
        for results in _by_row(columns)
    ]
    return Table(caption, headings, rows)


def _speeds(run: Run, columns: Sequence[Column]) -> Table:
    def entries(result: CellResult) -> list[str]:
        measured = significant(result.timing.speed) if result.timing else MISSING
        paper = _printed(result.published.speed) if result.published else MISSING
        return [measured, paper]

    device = PAPER_PLATFORMS[run.protocol.channels]
    paper = next((r.published.unit for c in columns for r in c.results if r.published), "")
    caption = (
        f"Speed, {run.platform.unit} by the mean time: this machine, "
        f"and the paper's {device} ({paper})"
    )
    return _paper_layout(columns, caption, ("measured", "paper"), entries)


def _relative_speeds(columns: Sequence[Column]) -> Table:
    def entries(result: CellResult) -> list[str]:
        timing, paper = result.timing, result.paper_relative_speed
        measured = MISSING
        if timing and timing.relative_speed is not None:
            measured = f"{timing.relative_speed:.3f}"
            if result.cell.row != columns[0].experiment.base:
                measured += " " + interval_text(timing.relative_speed_ci95, "{:.3f}".format)
        return [measured.rstrip(), f"{paper:.3f}" if paper is not None else MISSING]

    caption = f"Speed relative to {columns[0].experiment.base}, with 95 % intervals over processes"
    return _paper_layout(columns, caption, ("measured", "paper"), entries)


def _by_cell(
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


def _costs(columns: Sequence[Column]) -> Table:
    fragmented = "width" in columns[0].results[0].cell.axes

    def entries(result: CellResult) -> list[str]:
        cell = result.cell
        bound = cell.memory_access_bound
        return [
            *([str(cell.axes["width"])] if fragmented else []),
            _millions(cell.multiply_adds),
            f"{100 * result.multiply_adds_deviation:+.1f} %",
            _millions(cell.memory_access_cost),
            significant(cell.memory_access_bytes / 2**20, 4),
            f"{cell.memory_access_cost / bound:.2f}" if bound else MISSING,
        ]

    titles = ["multiply-adds, M", "against base", "MAC, M elements", "MAC, MiB", "MAC / bound"]
    caption = "Cost by Eq. (1) and (2); the bound is Eq. (1)'s"
    return _by_cell(columns, caption, (["width"] if fragmented else []) + titles, entries)


def _times(columns: Sequence[Column]) -> Table:
    def entries(result: CellResult) -> list[str]:
        timing, rate = result.timing, multiply_adds_per_second(result)
        if timing is None or rate is None:
            return [MISSING] * 5
        return [
            significant(timing.mean_ms),
            significant(timing.median_ms),
            interval_text(timing.ci95_ms, significant) or MISSING,
            significant(timing.min_ms),
            significant(rate / 1e9),
        ]

    titles = ["mean, ms", "median, ms", "95 % interval", "minimum, ms", "G multiply-adds/s"]
    caption = "Time, the interval being the median's, and speed with the work divided out"
    return _by_cell(columns, caption, titles, entries)


def _verdict_line(column: Column) -> str:
    order = "" if column.tau is None else f"; order against the paper's: τ = {column.tau:+.2f}"
    return f"{scale_title(column)}: {column.verdict.value}{order}"


_G4_UNITS = {
    "bottleneck": "c → c/4 → c/4 → c",
    "equal-width": "c → c → c → c",
}


def _notes(columns: Sequence[Column], experiment: Experiment, g4_unit: str) -> list[str]:
    notes = []
    first = columns[0].results[0].cell
    if experiment.name == "g4":
        height, width = first.network.input_shape[2:]
        notes.append(
            f"The unit is read as {_G4_UNITS[g4_unit]} at {height}×{width} (docs/protocol.md, 4)."
        )
    for column in columns:
        for result in column.results:
            cell = result.cell
            if result.failure:
                notes.append(f"{cell.name} has no figure: {result.failure}.")
            elif result.timing is None:
                notes.append(f"{cell.name} was not measured yet.")
            printed = result.published.axes.get("c") if result.published else None
            if experiment.name == "g2" and printed not in (None, str(cell.axes.get("c"))):
                notes.append(
                    f"{cell.name}: the paper prints c = {printed}, which {cell.axes.get('groups')} "
                    f"groups do not divide; c = {cell.axes.get('c')} was measured."
                )
    return notes
