"""Fig. 2 drawn twice: as the paper's pies, and as stacked bars that can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reports.decomposition import papers
from reports.plots import SETTINGS
from results.decomposition import UNATTRIBUTED, Decomposition
from results.operators import Category
from results.schema import Experiment
from results.summary import Summary

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
    measured: list[Pie] = [
        {share.category: share.percent for share in found.categories} for found in networks
    ]
    return [
        *((f"paper: {device}", [own.get(device, {}) for own in published]) for device in devices),
        (f"measured: {summary.run.platform.name}", measured),
    ]


def _known(summary: Summary, experiment: Experiment) -> list[Decomposition]:
    return [found for found in summary.decompositions_of(experiment) if found.categories]


def pies(summary: Summary, experiment: Experiment) -> Figure:
    """Return a row of pies for each network: the paper's GPU and ARM, then the measured one."""
    networks = _known(summary, experiment)
    columns = _columns(summary, networks)
    with mpl.rc_context(SETTINGS):
        size = (2.8 * len(columns) + 1.4, 2.7 * len(networks) + 0.5)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(networks), len(columns), squeeze=False)
        for axes_row, found, index in zip(grid, networks, range(len(networks)), strict=True):
            for axes, (title, column) in zip(axes_row, columns, strict=True):
                _draw_pie(axes, column[index])
                if not index:
                    axes.set_title(title)
            axes_row[0].text(
                -0.12, 0.5, found.cell.row, rotation=90, va="center", ha="right",
                transform=axes_row[0].transAxes,
            )  # fmt: skip
        figure.suptitle(f"{experiment.table}: {experiment.title}, percent of run time")
        _add_legend(figure)
    return figure


def _draw_pie(axes: Axes, pie: Pie) -> None:
    names = [name for name in _COLOURS if pie.get(name)]
    values = [pie[name] for name in names]
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


def _label(percent: float) -> str:
    return f"{round(percent, 1):g}" if percent >= _LEAST_LABEL else ""


def _add_legend(figure: Figure) -> None:
    handles = [Patch(color=colour, label=name) for name, colour in _COLOURS.items()]
    figure.legend(handles=handles, loc="outside right center", frameon=False)


def bars(summary: Summary, experiment: Experiment) -> Figure:
    """Return a stacked bar for each pie, those of one network together."""
    networks = _known(summary, experiment)
    columns = _columns(summary, networks)
    with mpl.rc_context(SETTINGS):
        height = 0.9 + len(networks) * (0.45 * len(columns) + 0.35)
        figure = Figure(figsize=(9.0, height), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(len(networks), 1, squeeze=False, sharex=True)[:, 0]
        for panel, found, index in zip(panels, networks, range(len(networks)), strict=True):
            titles = [title for title, _ in columns]
            _draw_bars(panel, titles, [column[index] for _, column in columns])
            panel.set_title(found.cell.row, loc="left")
        panels[-1].set_xlabel("percent of run time")
        figure.suptitle(f"{experiment.table}: {experiment.title}")
        _add_legend(figure)
    return figure


def _draw_bars(panel: Axes, titles: Sequence[str], stacks: Sequence[Pie]) -> None:
    for position, stack in enumerate(stacks):
        left = 0.0
        for name, colour in _COLOURS.items():
            value = stack.get(name, 0.0)
            panel.barh(
                position, value, left=left, color=colour, height=0.75, edgecolor="white",
                linewidth=0.6,
            )  # fmt: skip
            if value >= _LEAST_LABEL:
                dark = name == Category.CONV.value
                panel.text(
                    left + value / 2, position, _label(value), ha="center", va="center",
                    color="white" if dark else "black",
                )  # fmt: skip
            left += value
    panel.set_yticks(range(len(titles)), titles)
    panel.invert_yaxis()
    panel.set_xlim(0, 100)
