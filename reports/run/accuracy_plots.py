"""Fig. 1: accuracy, speed and multiply-adds of whole networks, here and on the paper's platforms.

Speed is measured here. Accuracy never is: it is what the paper prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.run.plots import STYLES
from guideline_benchmarks.reports.run.quoted import ACCURACY_TITLE, with_accuracy
from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.paper.networks import FIGURE_1
from guideline_benchmarks.results.record.cells import Experiment

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.tables.summary import Column, Summary


@dataclass(frozen=True)
class Point:
    """A network in one place: its speed there, accuracy in percent, and millions an image."""

    speed: float
    accuracy: float
    multiply_adds: float


@dataclass(frozen=True)
class Place:
    """Where networks ran, in what unit their speeds are (with the batch), and they by row."""

    title: str
    unit: str
    points: Mapping[str, Sequence[Point]]


def accuracy_plot(summary: Summary, experiment: Experiment) -> Figure:
    """Return Fig. 1: a column for this platform, and one for each of the paper's.

    Above is accuracy against speed, below speed against multiply-adds, with a line for each of the
    paper's four families of networks; open marks are its networks with a smaller input.
    """
    columns = summary.columns_of(experiment)
    run = summary.run
    places = [_here(columns, f"{run.label}, measured here", run.platform.unit)]
    places += [_published(columns, channels) for channels in PAPER_PLATFORMS]
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(10.6, 6.0), layout="constrained")
        FigureCanvasAgg(figure)
        above, below = figure.subplots(2, len(places))
        figure.suptitle(f"{ACCURACY_TITLE}, {run.label}")
        for place, top, bottom in zip(places, above, below, strict=True):
            _draw(top, place, accuracy=True)
            _draw(bottom, place, accuracy=False)
            top.set_title(place.title)
            top.set_xlabel(f"speed, {place.unit}")
            bottom.set_xlabel("multiply-adds, M")
            bottom.set_ylabel(f"speed, {place.unit}")
        above[0].set_ylabel("top-1 accuracy, %\n(published, not measured)")
        handles, labels = above[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure


def _here(columns: Sequence[Column], title: str, unit: str) -> Place:
    points: dict[str, list[Point]] = {}
    said = unit
    for result, error, _ in with_accuracy(columns):
        cell, timing = result.cell, result.timing
        if timing is not None:
            batch = cell.network.batch
            point = Point(timing.speed, 100 - error, cell.multiply_adds / batch / 1e6)
            points.setdefault(cell.row, []).append(point)
            said = _unit(unit, batch)
    return Place(title, said, points)


def _published(columns: Sequence[Column], channels: str) -> Place:
    points: dict[str, list[Point]] = {}
    unit = ""
    for result, error, quoted in with_accuracy(columns):
        published = quoted.speeds.get(channels)
        if published is not None and quoted.multiply_adds:
            unit = _unit(published.unit, published.batch)
            point = Point(published.speed, 100 - error, quoted.multiply_adds / 1e6)
            points.setdefault(result.cell.row, []).append(point)
    return Place(f"the paper's {PAPER_PLATFORMS[channels]}", unit, points)


def _unit(unit: str, batch: int) -> str:
    return unit if batch == 1 else f"{unit}, batch {batch}"


def _draw(axes: Axes, place: Place, accuracy: bool) -> None:
    """Draw the networks of a place: accuracy against speed, or speed against multiply-adds."""
    for family, (colour, mark) in zip(FIGURE_1, STYLES, strict=True):
        for row, points in place.points.items():
            if row.split(",")[0] == family:
                axes.plot(
                    [point.speed if accuracy else point.multiply_adds for point in points],
                    [point.accuracy if accuracy else point.speed for point in points],
                    color=colour,
                    marker=mark,
                    linestyle="-" if row == family else "",
                    markerfacecolor=colour if row == family else "white",
                    label=row,
                )
    axes.set_xscale("log")
    if not accuracy:
        axes.set_yscale("log")
    for axis in (axes.xaxis,) if accuracy else (axes.xaxis, axes.yaxis):
        # Labels are text, not formulas.
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
