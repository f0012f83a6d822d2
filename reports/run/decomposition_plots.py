"""Fig. 2 drawn twice: as the paper's pies, and as stacked bars that can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from guideline_benchmarks.reports.document import MISSING
from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.run.decomposition import (
    measured_networks,
    papers,
    printed_categories,
)
from guideline_benchmarks.results.decomposition.operators import Category
from guideline_benchmarks.results.decomposition.shares import UNATTRIBUTED, Decomposition
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.statistics.resolution import NOT_RESOLVED
from guideline_benchmarks.results.tables.summary import Summary

# Okabe and Ito's palette for colour-blind readers; grey for what is not known.
_COLOURS = {
    Category.CONV.value: "#0072B2",
    Category.DATA.value: "#E69F00",
    Category.SHUFFLE.value: "#009E73",
    Category.ELEMWISE.value: "#CC79A7",
    Category.OTHER.value: "#F0E442",
    UNATTRIBUTED: "#BBBBBB",
}
# Slices smaller than this many percent have no room for their figure.
_LEAST_LABEL = 4.0

Pie = Mapping[str, float]


def _columns(summary: Summary, networks: Sequence[Decomposition]) -> list[tuple[str, list[Pie]]]:
    """Return titled columns of pies, the paper's devices first; a pie for each network."""
    published: list[Mapping[str, Pie]] = [papers(found) for found in networks]
    devices = list(published[0]) if published else []
    measured: list[Pie] = [printed_categories(f) if f.resolved else {} for f in networks]
    return [
        *((f"paper: {device}", [own.get(device, {}) for own in published]) for device in devices),
        (f"measured: {summary.run.label}", measured),
    ]


def pies(summary: Summary, experiment: Experiment) -> Figure:
    """Return a row of pies for each network: the paper's GPU and ARM, then the measured one."""
    networks = measured_networks(summary, experiment)
    columns = _columns(summary, networks)
    with mpl.rc_context(SETTINGS):
        size = (max(2.8 * len(columns) + 1.4, 6.0), 2.7 * len(networks) + 0.5)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(networks), len(columns), squeeze=False)
        for axes_row, found, index in zip(grid, networks, range(len(networks)), strict=True):
            for axes, (title, column) in zip(axes_row, columns, strict=True):
                _draw_pie(axes, column[index], MISSING if found.resolved else NOT_RESOLVED)
                if not index:
                    axes.set_title(title)
            axes_row[0].text(
                -0.12, 0.5, _short(found.cell.row, 30), rotation=90, va="center", ha="right",
                transform=axes_row[0].transAxes,
            )  # fmt: skip
        figure.suptitle(f"{experiment.table}: {experiment.title}, percent of run time")
        _add_legend(figure)
    return figure


def _draw_pie(axes: Axes, pie: Pie, instead: str) -> None:
    """Draw a pie, or write what stands `instead` of one without slices."""
    names = [name for name in _COLOURS if pie.get(name)]
    values = [pie[name] for name in names]
    if not values:
        axes.set_axis_off()
        axes.text(0.5, 0.5, instead, ha="center", va="center")
        return
    axes.pie(
        values,
        colors=[_COLOURS[name] for name in names],
        labels=[_label(value) for value in values],
        labeldistance=1.12,
        startangle=90,
        counterclock=False,
        wedgeprops={"linewidth": 0.6, "edgecolor": "white"},
        normalize=True,
    )


def _short(name: str, longest: int = 80) -> str:
    """Return a network's name, of a long one (a path, say) the end."""
    return name if len(name) <= longest else "…" + name[1 - longest :]


def _label(percent: float) -> str:
    return f"{percent:g}" if percent >= _LEAST_LABEL else ""


def _add_legend(figure: Figure, *more: Patch) -> None:
    handles = [Patch(color=colour, label=name) for name, colour in _COLOURS.items()]
    handles += more
    figure.legend(handles=handles, loc="outside right center", frameon=False)


def bars(summary: Summary, experiment: Experiment) -> Figure:
    """Return a stacked bar for each pie, those of one network together."""
    networks = measured_networks(summary, experiment)
    columns = _columns(summary, networks)
    with mpl.rc_context(SETTINGS):
        height = 0.9 + len(networks) * (0.45 * len(columns) + 0.35)
        figure = Figure(figsize=(9.0, height), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(len(networks), 1, squeeze=False, sharex=True)[:, 0]
        for panel, found, index in zip(panels, networks, range(len(networks)), strict=True):
            for position, (_, column) in enumerate(columns):
                _draw_bar(panel, position, column[index])
            if found.resolved:
                _hatch_depthwise(panel, len(columns) - 1, found)
            else:
                panel.text(1, len(columns) - 1, NOT_RESOLVED, va="center")
            _label_bars(panel, [title for title, _ in columns])
            panel.set_title(_short(found.cell.row), loc="left")
        panels[-1].set_xlabel("percent of run time")
        figure.suptitle(f"{experiment.table}: {experiment.title}")
        hatched = Patch(facecolor="#888888", hatch="///", edgecolor="white")
        hatched.set_label("hatched: depthwise")
        _add_legend(figure, hatched)
    return figure


def _draw_bar(panel: Axes, position: int, stack: Pie) -> None:
    left = 0.0
    for name, colour in _COLOURS.items():
        value = stack.get(name, 0.0)
        panel.barh(position, value, left=left, color=colour, edgecolor="white", linewidth=0.6)
        text_colour = "white" if name == Category.CONV.value else "black"
        middle = left + value / 2
        panel.text(
            middle, position, _label(value), ha="center", va="center", color=text_colour, zorder=5,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5} if _label(value) else None,
        )  # fmt: skip
        left += value


def _hatch_depthwise(panel: Axes, position: int, found: Decomposition) -> None:
    """Hatch the depthwise part of the measured bar, at the end of the category it counts as."""
    by_name = {share.category: share for share in found.categories}
    end = 0.0
    for name in _COLOURS:
        share = by_name[name]
        end += share.percent
        deep = share.depthwise_percent
        if deep:
            panel.barh(
                position, deep, left=end - deep, fill=False, hatch="///", edgecolor="white",
                linewidth=0.0,
            )  # fmt: skip


def _label_bars(panel: Axes, titles: Sequence[str]) -> None:
    panel.set_yticks(range(len(titles)), titles)
    panel.invert_yaxis()
    panel.set_xlim(0, 100)
