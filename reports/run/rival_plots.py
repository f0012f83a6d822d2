"""A plot for each table of rivals: their relative speeds, a line a network."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.layout import scale_title
from guideline_benchmarks.reports.run.plots import (
    FIGURES,
    STYLES,
    eager_figure,
    measured_figure,
    published_figure,
)
from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.statistics.resolution import resolves

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.tables.summary import Column, Summary

LINE_INCHES = 0.42
# The part of a line that the marks of its columns share.
SHARE = 0.62


def rival_plot(summary: Summary, experiment: Experiment) -> Figure:
    """Return the figure of an experiment whose rows are rivals, in the table's order downwards.

    Filled marks are measured, with bars (95 % intervals) where these are wider than a mark, open
    ones are the paper's. Of counts, instructions stand beside the paper's time, not its speed.
    """
    run, metric = summary.run, summary.metric
    columns = summary.columns_of(experiment)
    cells = {result.cell.row: result.cell for column in columns for result in column.results}
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(7.6, 1.4 + LINE_INCHES * len(cells)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.axvline(1.0, color="0.7", linewidth=0.8, zorder=0)
        for place in range(1, len(cells), 2):
            axes.axhspan(place - 0.5, place + 0.5, color="0.95", zorder=-1)
        lines = {row: float(place) for place, row in enumerate(cells)}
        for index, (column, style) in enumerate(
            zip(columns, itertools.cycle(STYLES), strict=False)
        ):
            below = SHARE * ((index + 0.5) / len(columns) - 0.5)
            _draw(axes, column, {row: place + below for row, place in lines.items()}, style)
        axes.set_yticks(range(len(cells)), [c.text(experiment.tick) for c in cells.values()])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(cells) - 0.5, -0.5)
        axes.set_xlabel(f"{metric.axis} relative to {experiment.base}")
        said = f" ({metric.said})" if metric.said else ""
        figure.suptitle(f"{experiment.table}: {experiment.title}, {run.label}{said}")
        handles, labels = axes.get_legend_handles_labels()
        key = _key(summary, columns)
        figure.legend(handles, labels, loc="outside right center", frameon=False, title=key)
    return figure


def _key(summary: Summary, columns: Sequence[Column]) -> str:
    """Say what filled and open marks are, these where the paper has any, and small ones."""
    results = [result for column in columns for result in column.results]
    filled, opened = (text.format(interval="bar") for text in FIGURES[summary.metric.kind])
    said = [f"filled: {filled}"]
    if any(True for result in results for _ in eager_figure(result)):
        said = [f"filled: as one graph,\n{filled}", "small: eager"]
    if any(result.published for result in results):
        said.append(f"open: {opened}\n{PAPER_PLATFORMS[summary.run.protocol.channels]}")
    return "\n".join(said)


def _draw(axes: Axes, column: Column, lines: Mapping[str, float], style: tuple[str, str]) -> None:
    """Draw the marks of a column, each at the height of its row."""
    placed = [(lines[result.cell.row], result) for result in column.results]
    measured = [(y, x, band) for y, result in placed for x, band in measured_figure(result)]
    intervals = [(y, x, band) for y, x, band in measured if band and resolves(band)]
    axes.hlines(
        [y for y, _, _ in intervals],
        [band[0] for _, _, band in intervals],
        [band[1] for _, _, band in intervals],
        color=style[0],
        linewidth=1,
    )
    eager = [(y, x) for y, result in placed for x in eager_figure(result)]
    published = [(y, x) for y, result in placed for x in published_figure(result)]
    _marks(axes, published, style, markerfacecolor="white", markersize=5, zorder=2)
    _marks(axes, eager, style, markersize=3, zorder=2)
    points = [(y, x) for y, x, _ in measured]
    _marks(axes, points, style, markersize=5, zorder=3, label=scale_title(column))


def _marks(
    axes: Axes, points: Sequence[tuple[float, float]], style: tuple[str, str], **how: Any
) -> None:
    colour, mark = style
    axes.plot(
        [x for _, x in points],
        [y for y, _ in points],
        color=colour,
        marker=mark,
        linestyle="",
        **how,
    )
