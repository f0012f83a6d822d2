"""Blocks as diagrams (Fig. 3, Appendix Fig. 1, 2): boxes are operators, arrows what they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from guideline_benchmarks.reports.document import Section
from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.paper.block_layout import (
    BOX,
    LETTER,
    Layout,
    Operator,
    Point,
    block_layout,
)

UNITS, FRAGMENTS, VARIANTS = "fig3", "appendix-fig1", "appendix-fig2"
_TRACED = (
    "Drawn from the built modules, as they were traced. Norms and activations stand beside the "
    "arrow of what they follow."
)
# Inches: between two blocks, around all, and below them for their titles.
BESIDE, AROUND, TITLES = 0.3, 0.1, 0.3
FILL, LINE = "#DCE9F5", "#333333"
LABEL_SIZE, BESIDE_SIZE = 9, 8


def units_section() -> Section:
    """Return what shows Fig. 3."""
    return Section(
        "Fig. 3: units of ShuffleNet v1 and v2",
        [_TRACED],
        plots=[(UNITS, "Units of ShuffleNet v1 and v2, at stride 1 and at stride 2")],
        notes=[
            "The arrow past the boxes of ShuffleNet v2 is the half of the channels that passes "
            "untouched.",
        ],
        anchor=UNITS,
    )


def fragments_section() -> Section:
    """Return what shows Appendix Fig. 1."""
    return Section(
        "Appendix Fig. 1: blocks of guideline 3",
        [_TRACED],
        plots=[(FRAGMENTS, "Blocks of 1, 2 and 4 convolutions, in series and in parallel")],
        notes=["An Add of four arrows is three additions, one after the other."],
        anchor=FRAGMENTS,
    )


def variants_section() -> Section:
    """Return what shows Appendix Fig. 2."""
    return Section(
        "Appendix Fig. 2: ShuffleNet v2 with SE and residual",
        [_TRACED],
        plots=[(VARIANTS, "Units of ShuffleNet v2 with residual, with SE, and with both")],
        notes=[
            "The arrow past the boxes on the left is the half of the channels that passes "
            "untouched. What is added is the half that goes into the branch.",
            "That SE stands before the ReLU is this project's choice (docs/networks.md).",
        ],
        anchor=VARIANTS,
    )


def block_diagrams(blocks: Mapping[str, Sequence[Operator]]) -> Figure:
    """Return blocks side by side with their titles below them, lettered from (a) on.

    Shorter ones stand in the middle of the height.
    """
    titles = [f"({letter}) {title}" for letter, title in zip(ascii_lowercase, blocks, strict=False)]
    layouts = [block_layout(operators) for operators in blocks.values()]
    widths = [
        max(layout.right - layout.left, LETTER * len(title))
        for title, layout in zip(titles, layouts, strict=True)
    ]
    deepest = max(-layout.bottom for layout in layouts)
    wide = sum(widths) + BESIDE * (len(layouts) - 1) + 2 * AROUND
    high = deepest + TITLES + 2 * AROUND
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(wide, high))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, wide), ylim=(0, high))
        axes.axis("off")
        left = AROUND
        for title, operators, layout, width in zip(
            titles, blocks.values(), layouts, widths, strict=True
        ):
            middle = left + width / 2
            origin = (
                middle - (layout.left + layout.right) / 2,
                high - AROUND - (deepest + layout.bottom) / 2,
            )
            _draw(axes, operators, layout, origin)
            axes.text(middle, AROUND, title, ha="center", va="bottom", size=LABEL_SIZE)
            left += width + BESIDE
    return figure


def _draw(axes: Axes, operators: Sequence[Operator], layout: Layout, origin: Point) -> None:
    """Draw a block whose layout's (0, 0) is at `origin`."""

    def moved(point: Point) -> Point:
        return point[0] + origin[0], point[1] + origin[1]

    for points in layout.arrows:
        path = Path([moved(point) for point in points])
        arrow = FancyArrowPatch(
            path=path, arrowstyle="-|>", mutation_scale=8, linewidth=0.9, color=LINE, shrinkB=0
        )
        arrow.set(joinstyle="miter", capstyle="butt")
        axes.add_patch(arrow)
    for place, middle in layout.boxes.items():
        x, y = moved(middle)
        corner = (x - layout.width / 2, y - BOX / 2)
        style = "round,pad=0,rounding_size=0.05"
        box = FancyBboxPatch(
            corner, layout.width, BOX, boxstyle=style, facecolor=FILL, edgecolor=LINE, linewidth=0.9
        )
        axes.add_patch(box)
        axes.text(x, y, operators[place].label, ha="center", va="center", size=LABEL_SIZE)
    for point, text in layout.texts.items():
        x, y = moved(point)
        axes.text(x + 0.06, y, text, ha="left", va="center", size=BESIDE_SIZE)
