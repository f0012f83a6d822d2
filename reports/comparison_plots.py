"""The heat map of a comparison: one panel a guideline, a row a cell, a column a platform."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from reports.plots import SETTINGS
from results.comparison import Comparison
from results.schema import Experiment

# Half as fast is as dark as twice as fast; beyond a factor of 4 colours stay the same.
SPAN = Normalize(-2, 2)
COLOURS = "PuOr"
DARK = 1.1
# With more columns than these, figures would not be legible.
WITH_FIGURES = 8
MARKS = {"measured": "", "counted": " †", "published": " ‡"}
LEGEND = (
    "relative to the base cell, on a logarithmic scale"
    "\n† instructions on an emulated core, no time    ‡ published, not measured here"
)


def heat_map(comparison: Comparison) -> Figure:
    """Return relative speeds as colours: brown is slower than the base cell, violet faster.

    What was counted or published is marked in the names of its columns; grey is unknown.
    """
    columns = len(comparison.entrants)
    panels = max(1, len(comparison.experiments))
    height = max((_count(comparison, e) for e in comparison.experiments), default=1)
    with mpl.rc_context(SETTINGS):
        size = (1.4 + panels * (1.6 + 0.42 * columns), 1.9 + 0.21 * height)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for panel, experiment in zip(axes, comparison.experiments, strict=False):
            _draw(panel, comparison, experiment)
        colours = mpl.cm.ScalarMappable(norm=SPAN, cmap=COLOURS)
        bar = figure.colorbar(colours, ax=list(axes), shrink=0.6, ticks=[-2, -1, 0, 1, 2])
        bar.ax.set_yticklabels(["≤ 0.25", "0.5", "1", "2", "≥ 4"])
        figure.suptitle("Speed relative to the base cell")
        figure.supxlabel(LEGEND, fontsize=8)
    return figure


def _count(comparison: Comparison, experiment: Experiment) -> int:
    return len(comparison.rows(experiment)) * len(comparison.scales(experiment))


def _draw(panel: Axes, comparison: Comparison, experiment: Experiment) -> None:
    keys = [
        (experiment.name, row, scale)
        for scale in comparison.scales(experiment)
        for row in comparison.rows(experiment)
    ]
    values = np.full((len(keys), len(comparison.entrants)), math.nan)
    for y, key in enumerate(keys):
        for x, entrant in enumerate(comparison.entrants):
            standing = entrant.standings.get(key)
            if standing is not None and standing.relative is not None:
                values[y, x] = standing.relative
    panel.set_facecolor("0.85")
    panel.imshow(np.log2(values), norm=SPAN, cmap=COLOURS, aspect="auto")
    names = [f"{entrant.label}{MARKS[entrant.kind]}" for entrant in comparison.entrants]
    panel.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    panel.set_yticks(range(len(keys)), [f"{row} ×{scale}" for _, row, scale in keys], fontsize=7)
    panel.tick_params(length=0)
    panel.set_title(f"{experiment.name.upper()} {experiment.title}", fontsize=9)
    rows = len(comparison.rows(experiment))
    for border in range(rows, len(keys), rows):
        panel.axhline(border - 0.5, color="white", linewidth=2)
    if len(names) <= WITH_FIGURES:
        for (y, x), value in np.ndenumerate(values):
            if not math.isnan(value):
                dark = abs(math.log2(value)) > DARK
                panel.text(
                    x,
                    y,
                    f"{value:.2f}",
                    ha="center",
                    va="center",
                    fontsize=6,
                    color="white" if dark else "black",
                )
