"""The heat map of a comparison: one panel a guideline, a row a cell, a column a platform."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from reports.formats.images import SETTINGS
from results.compare.comparison import Comparison
from results.compare.entrants import CellKey
from results.record.cells import Experiment

# Half as fast is as dark as twice as fast; beyond a factor of 4 colours stay the same.
SPAN = Normalize(-2, 2)
COLOURS = "PuOr"
DARK = 1.1
# With more columns than these, figures would not be legible.
WITH_FIGURES = 8
MARKS = {"measured": "", "counted": " †", "modelled": " §", "published": " ‡"}
LEGEND = (
    "relative to the base cell, on a logarithmic scale"
    "\n† instructions on an emulated core, no time    § modelled, not measured"
    "    ‡ published, not measured here"
)


# Inches: a letter of a small label, a row of cells, margins above and below, and the colour bar.
LETTER, ROW, ABOVE, BELOW, BAR = 0.058, 0.21, 0.7, 0.6, 1.3


def heat_map(comparison: Comparison) -> Figure:
    """Return relative speeds as colours: brown is slower than the base cell, violet faster.

    What was counted or published is marked in the names of its columns; grey is unknown. Panels are
    placed by the length of their labels: solving for a layout takes longer than drawing.
    """
    names = [f"{entrant.label}{MARKS[entrant.kind]}" for entrant in comparison.entrants]
    each = 0.42 if len(names) <= WITH_FIGURES else 0.17
    keys = {experiment.name: comparison.keys(experiment) for experiment in comparison.experiments}
    labels = {
        name: 0.15 + LETTER * max(len(_label(key)) for key in found) for name, found in keys.items()
    }
    tall = ROW * max(len(found) for found in keys.values())
    below = BELOW + LETTER * max(map(len, names))
    wide, high = sum(labels.values()) + len(keys) * each * len(names) + BAR, ABOVE + tall + below
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(wide, high))
        FigureCanvasAgg(figure)
        left = 0.0
        for experiment in comparison.experiments:
            left += labels[experiment.name]
            width = each * len(names)
            box = (left / wide, below / high, width / wide, tall / high)
            _draw(figure.add_axes(box), comparison, experiment, keys[experiment.name], names)
            left += width
        colours = mpl.cm.ScalarMappable(norm=SPAN, cmap=COLOURS)
        place = figure.add_axes(
            ((left + 0.3) / wide, (below + 0.2 * tall) / high, 0.15 / wide, 0.6 * tall / high)
        )
        bar = figure.colorbar(colours, cax=place, ticks=[-2, -1, 0, 1, 2])
        bar.ax.set_yticklabels(["≤ 0.25", "0.5", "1", "2", "≥ 4"])
        figure.text(0.5, 1 - 0.25 / high, "Speed relative to the base cell", ha="center", size=11)
        figure.text(0.5, 0.12 / high, LEGEND, ha="center", size=8)
    return figure


def _label(key: CellKey) -> str:
    return f"{key[1]} ×{key[2]}"


def _draw(
    panel: Axes,
    comparison: Comparison,
    experiment: Experiment,
    keys: Sequence[CellKey],
    names: Sequence[str],
) -> None:
    values = np.full((len(keys), len(comparison.entrants)), math.nan)
    for y, key in enumerate(keys):
        for x, entrant in enumerate(comparison.entrants):
            standing = entrant.standings.get(key)
            if standing is not None and standing.relative is not None:
                values[y, x] = standing.relative
    panel.set_facecolor("0.85")
    panel.imshow(np.log2(values), norm=SPAN, cmap=COLOURS, aspect="auto")
    panel.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    panel.set_yticks(range(len(keys)), [_label(key) for key in keys], fontsize=7)
    panel.tick_params(length=0)
    panel.set_title(f"{experiment.short_name} {experiment.title}", fontsize=9)
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
