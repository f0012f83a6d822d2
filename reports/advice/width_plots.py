"""The staircase: time of a multiply-add against the width, a panel for each kind of layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from guideline_benchmarks.reports.advice.widths import measured_sweeps
from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.run.plots import STYLES

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.advice.widths import Sweep
    from guideline_benchmarks.results.tables.summary import Summary

# Widths between two labels of the axis.
LABELLED = 8
# The end of an axis, as a factor of the largest median.
HEADROOM = 1.3
WIDTHS, MULTIPLES = STYLES[0][0], STYLES[2][0]
TITLES = {None: "block unknown", 1: "any width does"}


def staircases(summary: Summary) -> Figure:
    """Return the figure of a run's sweeps, with an axis from 0 for each kind.

    It ends little above the largest median: an interval far beyond it would dwarf the steps.
    """
    sweeps = measured_sweeps(summary)
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(1.0 + 3.6 * len(sweeps), 3.6), layout="constrained")
        FigureCanvasAgg(figure)
        for panel, sweep in zip(
            figure.subplots(1, len(sweeps), squeeze=False)[0], sweeps, strict=True
        ):
            _draw(panel, sweep)
        handles = {label: handle for panel in figure.axes for handle, label in _legend(panel)}
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            ncols=len(handles),
            frameon=False,
        )
        figure.suptitle(f"{summary.swept[0].title}, {summary.run.label}")
    return figure


def _legend(panel: Axes) -> Iterator[tuple[Artist, str]]:
    return zip(*panel.get_legend_handles_labels(), strict=True)


def _draw(panel: Axes, sweep: Sweep) -> None:
    widths, block = sweep.widths, sweep.block or 1
    multiples = [width for width in widths if block > 1 and width.c % block == 0]
    for width in multiples:
        panel.axvline(width.c, color="0.85", linewidth=0.8, zorder=0)
    ends = [width.ps_ci95 or (width.ps, width.ps) for width in widths]
    panel.errorbar(
        [width.c for width in widths],
        [width.ps for width in widths],
        yerr=[
            [width.ps - low for width, (low, _) in zip(widths, ends, strict=True)],
            [high - width.ps for width, (_, high) in zip(widths, ends, strict=True)],
        ],
        color=WIDTHS,
        ecolor="0.6",
        marker="o",
        markersize=3,
        linewidth=0.8,
        label="median time, 95 % interval",
    )
    if multiples:
        panel.plot(
            [width.c for width in multiples],
            [width.ps for width in multiples],
            color=MULTIPLES,
            marker="o",
            linestyle="",
            zorder=4,
            label="multiples of the block",
        )
    panel.set_ylim(0, HEADROOM * max(width.ps for width in widths))
    panel.xaxis.set_major_locator(MultipleLocator(LABELLED))
    panel.set_title(f"{sweep.kind}: {TITLES.get(sweep.block, f'round to {sweep.block}')}")
    panel.set_xlabel("channels")
    panel.set_ylabel("ps a multiply-add")
