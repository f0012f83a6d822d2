"""The roofline plot of an experiment: its cells below the ceilings of their machine."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.layout import scale_title
from guideline_benchmarks.reports.run.plots import STYLES
from guideline_benchmarks.reports.run.roofline import GIGA
from guideline_benchmarks.results.record.ceilings import Ceilings
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.tables.roofline import ceilings_of
from guideline_benchmarks.results.tables.summary import Summary

LABEL_SIZE = 6
# The names of more than so many cells need a larger plot.
MOST_CELLS = 20


def roofline(summary: Summary, experiment: Experiment) -> Figure:
    """Return the roofline plot of one experiment.

    Points are cells: multiply-adds a second (by the median time) over multiply-adds a byte of
    memory access cost. The roofs are the matrix product, and streams through memory and through the
    fastest cache.
    """
    run = summary.run
    ceilings = ceilings_of(run)
    assert ceilings is not None
    columns = summary.columns_of(experiment)
    crowded = sum(len(column.results) for column in columns) > MOST_CELLS
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(9.2, 7.0) if crowded else (6.6, 4.0), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            # Labels are text, not formulas.
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())
        for column, (colour, mark) in zip(columns, itertools.cycle(STYLES), strict=False):
            points = [
                (
                    r.bound.intensity,
                    r.cell.multiply_adds / (r.timing.median_ms / 1e3) / GIGA,
                    r.cell.text("{short}"),
                )
                for r in column.results
                if r.bound and r.timing
            ]
            axes.plot(
                [x for x, _, _ in points],
                [y for _, y, _ in points],
                color=colour,
                marker=mark,
                linestyle="",
                label=scale_title(column),
            )
            for x, y, row in points:
                place: Any = {"xytext": (5, -3), "textcoords": "offset points"}
                axes.annotate(row, (x, y), fontsize=LABEL_SIZE, color=colour, **place)
        bounds = [r.bound for column in columns for r in column.results if r.bound]
        if bounds:
            intensities = [bound.intensity for bound in bounds]
            _draw_roofs(axes, ceilings, run.protocol.precision, min(intensities), max(intensities))
        axes.set_xlabel("multiply-adds a byte of memory access cost")
        axes.set_ylabel("G multiply-adds/s")
        axes.set_title(f"{experiment.table}: {experiment.title}, {run.label}")
        figure.legend(loc="outside right center", frameon=False)
    return figure


def _draw_roofs(axes: Axes, ceilings: Ceilings, precision: str, least: float, most: float) -> None:
    x = np.geomspace(least / 2, most * 2, 100)
    product = ceilings.products[precision] / GIGA
    fastest = max(stream.bytes_per_second for stream in ceilings.streams)
    roofs = ((ceilings.memory_bandwidth, "-", "memory"), (fastest, ":", "fastest cache"))
    for bandwidth, line, name in roofs:
        axes.plot(x, np.minimum(product, x * bandwidth / GIGA), "0.4", linestyle=line, label=name)
    axes.axhline(product, color="0.4", linewidth=0.8, linestyle="--", label="matrix product")
