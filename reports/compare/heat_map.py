"""The heat map of a comparison: one panel a guideline, a row a cell, a column a platform."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from guideline_benchmarks.reports.compare.marks import marked
from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.results.compare.comparison import Comparison
from guideline_benchmarks.results.compare.entrants import CellKey
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.tables.metric import Standing

# Half as fast is as dark as twice as fast; beyond a factor of 4 colours stay the same.
SPAN = Normalize(-2, 2)
COLOURS = "PuOr"
DARK = 1.1
# With more columns than these, figures would not be legible.
WITH_FIGURES = 8
LEGEND = (
    "relative to the base cell, on a logarithmic scale"
    "\n† executed instructions, no time"
    "\n§ modelled, not measured; ‡ published, not measured here"
)
LEGEND_OF_FIGURES = "\nslanted: the 95 % interval holds 1, so that neither is shown to be faster"
LEGEND_OF_COLOURS = "\ngrey: no figure"


# Panels beside each other: with more, figures would not be legible on a page.
ACROSS = 2
# Inches: a letter of a small label, a row of cells, margins above and below, and the colour bar.
LETTER, ROW, ABOVE, BELOW, BAR = 0.073, 0.24, 0.4, 0.8, 1.1
# Inches: above a panel its heading, below one what keeps its columns' names from the next.
HEADING, GAP = 0.3, 0.25
# Points: a panel's heading, what names rows and columns, a figure.
HEADING_SIZE, LABEL_SIZE, FIGURE_SIZE = 11, 9, 8.5


def heat_map(comparison: Comparison) -> Figure:
    """Return relative speeds as colours: brown is slower than the base cell, violet faster.

    What was counted or published is marked in the names of its columns; grey is unknown. A figure
    whose interval does not tell it from the base cell's is slanted. Panels are placed by the length
    of their labels: solving for a layout takes longer than drawing.
    """
    names = [marked(entrant) for entrant in comparison.entrants]
    figures = len(names) <= WITH_FIGURES
    width = (0.5 if figures else 0.17) * len(names)
    legend = LEGEND + (LEGEND_OF_FIGURES if figures else LEGEND_OF_COLOURS)
    keys = {experiment.name: comparison.keys(experiment) for experiment in comparison.experiments}
    labels = 0.15 + LETTER * max(len(_label(key)) for found in keys.values() for key in found)
    below = GAP + LETTER * max(map(len, names))
    found = comparison.experiments
    lines = [found[start : start + ACROSS] for start in range(0, len(found), ACROSS)]
    tall = [ROW * max(len(keys[experiment.name]) for experiment in line) for line in lines]
    across = min(ACROSS, len(comparison.experiments)) * (labels + width)
    wide = across + BAR
    high = ABOVE + sum(HEADING + height + below for height in tall) + BELOW

    def box(
        left: float, top: float, width: float, height: float
    ) -> tuple[float, float, float, float]:
        """Return a box of inches from the left and the top in the figure's own units."""
        return left / wide, 1 - (top + height) / high, width / wide, height / high

    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(wide, high))
        FigureCanvasAgg(figure)
        top = ABOVE
        for line, height in zip(lines, tall, strict=True):
            top += HEADING
            for column, experiment in enumerate(line):
                place = box(labels + column * (labels + width), top, width, height)
                panel = figure.add_axes(place)
                _draw(panel, comparison, experiment, keys[experiment.name], names)
            top += height + below
        colours = mpl.cm.ScalarMappable(norm=SPAN, cmap=COLOURS)
        place = box(across + 0.3, ABOVE + HEADING, 0.15, tall[0])
        bar = figure.colorbar(colours, cax=figure.add_axes(place), ticks=[-2, -1, 0, 1, 2])
        bar.ax.set_yticklabels(["≤ 0.25", "0.5", "1", "2", "≥ 4"], fontsize=LABEL_SIZE)
        figure.text(0.5, 1 - 0.25 / high, "Speed relative to the base cell", ha="center", size=11)
        figure.text(0.5, 0.12 / high, legend, ha="center", size=LABEL_SIZE)
    return figure


def _label(key: CellKey) -> str:
    return f"{key[1]} ×{key[2]}"


def _open(standing: Standing) -> bool:
    """Whether a cell is shown to be neither faster nor slower than its base cell."""
    interval = standing.interval
    return interval is not None and interval[0] < 1 < interval[1]


def _draw(
    panel: Axes,
    comparison: Comparison,
    experiment: Experiment,
    keys: Sequence[CellKey],
    names: Sequence[str],
) -> None:
    values = np.full((len(keys), len(comparison.entrants)), math.nan)
    styles: dict[tuple[int, ...], Literal["normal", "italic"]] = {}
    for y, key in enumerate(keys):
        for x, entrant in enumerate(comparison.entrants):
            standing = entrant.standings.get(key)
            if standing is not None and standing.relative is not None:
                values[y, x] = standing.relative
                styles[y, x] = "italic" if _open(standing) else "normal"
    panel.set_facecolor("0.85")
    panel.imshow(np.log2(values), norm=SPAN, cmap=COLOURS, aspect="auto")
    panel.set_xticks(range(len(names)), names, rotation=90, fontsize=LABEL_SIZE)
    panel.set_yticks(range(len(keys)), [_label(key) for key in keys], fontsize=LABEL_SIZE)
    panel.tick_params(length=0)
    panel.set_title(f"{experiment.short_name} {experiment.title}", fontsize=HEADING_SIZE)
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
                    fontsize=FIGURE_SIZE,
                    fontstyle=styles[y, x],
                    color="white" if dark else "black",
                )
