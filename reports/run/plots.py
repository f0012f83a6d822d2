"""A plot for each table: relative speed against the axis, one line a scale."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.layout import scale_title
from guideline_benchmarks.reports.run.beside_paper import device_beside
from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.statistics.resolution import resolves
from guideline_benchmarks.results.statistics.verdict import Interval

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.tables.metric import Kind
    from guideline_benchmarks.results.tables.summary import CellResult, Column, Summary

# Okabe and Ito's palette for colour-blind readers, dark to light so that it also reads in grey.
STYLES = (("#000000", "o"), ("#0072B2", "s"), ("#E69F00", "^"), ("#009E73", "D"))
# Labels longer than so many letters do not fit side by side.
LEVEL_LABELS = 13


# What a run's own figures are in a plot, and what the paper's beside them are.
FIGURES: Mapping[Kind, tuple[str, str]] = {
    "measured": ("measured,\n{interval}: 95 % interval", "the paper's"),
    "counted": ("counted instructions", "time on the paper's"),
    "modelled": ("modelled", "the paper's"),
}


def plot(summary: Summary, experiment: Experiment) -> Figure:
    """Return the figure of one experiment.

    Solid lines with filled marks and bands (95 % intervals) are measured; dashed lines with open
    marks are the paper's, where it prints any of the cells. Of counts, instructions stand beside
    the paper's time, not its speed, and with a cost model modelled speeds beside its speed. G3 has
    a panel for each arrangement of its fragments.
    """
    run = summary.run
    metric = summary.metric
    columns = summary.columns_of(experiment)
    panels = _panels(experiment, [r.cell for column in columns for r in column.results])
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(3.6 + 3.0 * len(panels), 3.6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for panel, (title, rows) in zip(axes, panels, strict=True):
            _draw_panel(panel, experiment, columns, rows)
            panel.set_title(title)
        axes[0].set_ylabel(f"{metric.axis} relative to {experiment.base}")
        said = f" ({metric.said})" if metric.said else ""
        figure.suptitle(f"{experiment.table}: {experiment.title}, {run.label}{said}")
        solid, dashed = (text.format(interval="band") for text in FIGURES[metric.kind])
        if any(
            True for column in columns for result in column.results for _ in eager_figure(result)
        ):
            solid = f"as one graph,\n{solid}\ndotted: eager"
        device = device_beside(run, columns)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside right center",
            frameon=False,
            title=f"solid: {solid}" + (f"\ndashed: {dashed}\n{device}" if device else ""),
        )
    return figure


def _panels(experiment: Experiment, cells: Sequence[Cell]) -> list[tuple[str, list[str]]]:
    """Return titles and rows of the panels: one, or one for each value of the panels' axis."""
    rows = list(dict.fromkeys(cell.row for cell in cells))
    if experiment.panels is None:
        return [("", rows)]
    kind_of = {cell.row: cell.text(f"{{{experiment.panels}}}") for cell in cells}
    shared = experiment.in_every_panel
    kinds = [kind for kind in dict.fromkeys(kind_of.values()) if kind != shared]
    return [
        (
            f"{experiment.panel_title} {kind}",
            [row for row in rows if kind_of[row] in (shared, kind)],
        )
        for kind in kinds
    ] or [("", rows)]


def _draw_panel(
    panel: Axes, experiment: Experiment, columns: Sequence[Column], rows: list[str]
) -> None:
    panel.axhline(1.0, color="0.7", linewidth=0.8, zorder=0)
    for column, (colour, mark) in zip(columns, itertools.cycle(STYLES), strict=False):
        by_row = {result.cell.row: result for result in column.results}
        chosen = [(x, by_row[row]) for x, row in enumerate(rows) if row in by_row]
        measured = [(x, y, band) for x, result in chosen for y, band in measured_figure(result)]
        published = [(x, y) for x, result in chosen for y in published_figure(result)]
        panel.plot(
            [x for x, _, _ in measured],
            [y for _, y, _ in measured],
            color=colour,
            marker=mark,
            label=scale_title(column),
            zorder=3,
        )
        # A band has a gap where an interval says nothing; it would dwarf all else.
        panel.fill_between(
            [x for x, _, _ in measured],
            [i[0] if i and resolves(i) else math.nan for _, _, i in measured],
            [i[1] if i and resolves(i) else math.nan for _, _, i in measured],
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
        eager = [(x, y) for x, result in chosen for y in eager_figure(result)]
        if eager:
            panel.plot(
                [x for x, _ in eager],
                [y for _, y in eager],
                color=colour,
                marker=mark,
                markersize=3,
                linestyle=":",
                linewidth=1,
                zorder=2,
            )
        panel.plot(
            [x for x, _ in published],
            [y for _, y in published],
            color=colour,
            marker=mark,
            linestyle="--",
            linewidth=1,
            markerfacecolor="white",
            zorder=2,
        )
    cells = {result.cell.row: result.cell for column in columns for result in column.results}
    labels = [cells[row].text(experiment.tick) for row in rows]
    panel.set_xticks(range(len(rows)), labels)
    if max(map(len, labels)) > LEVEL_LABELS:
        for label in panel.get_xticklabels():
            label.set(rotation=25, ha="right", rotation_mode="anchor")
    panel.margins(x=0.08)


def measured_figure(result: CellResult) -> Iterator[tuple[float, Interval | None]]:
    """Yield what is drawn of a cell with its interval, if there is anything."""
    if result.modelled and result.modelled.relative_speed is not None:
        yield result.modelled.relative_speed, None
    elif result.counts and result.counts.relative is not None:
        yield result.counts.relative, None
    elif result.timing and result.timing.relative_speed is not None:
        yield result.timing.relative_speed, result.timing.relative_speed_ci95


def eager_figure(result: CellResult) -> Iterator[float]:
    """Yield the speed operator by operator that was measured beside that of a graph, if it was."""
    timing = result.beside.get("eager")
    if timing and timing.relative_speed is not None:
        yield timing.relative_speed


def published_figure(result: CellResult) -> Iterator[float]:
    """Yield the paper's figure that is drawn beside it, if there is one."""
    relative = result.paper_relative_speed
    if relative is not None:
        yield 1 / relative if result.counts and not result.modelled else relative
