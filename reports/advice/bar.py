"""The network as a bar of time along its layers, with its findings marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from guideline_benchmarks.reports.advice.wording import GUIDELINES, clipped, title
from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.layout import significant
from guideline_benchmarks.results.advice.judged import Finding, Judged
from guideline_benchmarks.results.advice.ranking import ranks, standing
from guideline_benchmarks.results.advice.record import Guideline

# Okabe and Ito's palette for colour-blind readers, and hatches for print in grey.
STYLES: dict[Guideline, tuple[str, str]] = {
    "G0": ("#E69F00", "xxxx"),
    "G1": ("#0072B2", "////"),
    "G2": ("#009E73", "\\\\\\\\"),
    "G3": ("#CC79A7", "|||"),
    "G4": ("#D55E00", "----"),
}
GREY, PALE = "#BBBBBB", "white"
# A finding's guideline, and whether it costs time; None for no finding.
Look = tuple[Guideline, bool] | None
# A row of the bar holds about so many operators; there are no more rows than these.
OPERATORS, MOST_ROWS = 40, 12
# Inches: a row's length and height, a letter of a label, and what is around all rows: solving for a
# layout takes longer than drawing.
LENGTH, ROW, LETTER = 10.0, 0.85, 0.085
LEFT, RIGHT, ABOVE, BELOW = 1.1, 0.15, 0.3, 1.35
# In parts of a row: half the bar's height, and how far the lines of its labels lie apart.
HALF, STEP, LABEL_LINES = 0.2, 0.17, 3
# How far below its middle a row ends; what is above it has room for the labels.
LOWEST = 0.27
# Inches that an operator must take for a line between it and the next.
LEAST_SEEN = 0.04


@dataclass(frozen=True)
class Stretch:
    """Neighbouring operators of the same findings, from `start` to `end` in ms.

    `ranks` are those of the findings, the first of which gives it its colour.
    """

    start: float
    end: float
    ranks: tuple[int, ...]

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return (self.start + self.end) / 2

    @property
    def text(self) -> str:
        """How it is labelled: "3", "1+4", "" for no finding."""
        return "+".join(map(str, self.ranks))


def bar(judged: Judged) -> Figure:
    """Return the figure: time runs from left to right, and on in the next row.

    Full colours are findings that cost time (or may, where nothing is decided), open ones break a
    guideline without; grey is no finding. Numbers are those of the tables.
    """
    edges = _edges(judged)
    rows = max(1, min(MOST_ROWS, round(len(judged.segments) / OPERATORS)))
    span = edges[-1] / rows
    stretches = _stretches(judged, edges)
    with mpl.rc_context(SETTINGS):
        width, height = LEFT + LENGTH + RIGHT, ABOVE + ROW * rows + BELOW
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        place = LEFT / width, BELOW / height, LENGTH / width, ROW * rows / height
        axes = figure.add_axes(place)
        without_room = 0
        for row in range(rows):
            parts = _within(stretches, row * span, (row + 1) * span)
            _draw(axes, judged, row, parts)
            without_room += _label(axes, row, parts, span / LENGTH)
        _separate(axes, edges, rows, span)
        _set_axes(axes, rows, span)
        heading = f"{title(judged)}: {significant(edges[-1])} ms in operators"
        figure.text(0.5, 1 - 0.2 / height, clipped(heading, 110), ha="center", va="center", size=11)
        _add_legend(figure, judged, without_room)
    return figure


def _edges(judged: Judged) -> list[float]:
    """Return when each operator begins, in ms, and when the last ends."""
    edges = [0.0]
    for segment in judged.segments:
        edges.append(edges[-1] + segment.ms)
    return edges


def _stretches(judged: Judged, edges: Sequence[float]) -> list[Stretch]:
    """Return operators in their order, neighbours that belong to the same findings as one."""
    rank_of = ranks(judged)
    found, last = [], 0
    for numbers, members in groupby(judged.segments, lambda segment: {*segment.findings}):
        first, last = last, last + len(list(members))
        ranked = tuple(sorted(rank_of[number] for number in numbers))
        found.append(Stretch(edges[first], edges[last], ranked))
    return found


def _within(stretches: Sequence[Stretch], start: float, end: float) -> list[Stretch]:
    """Return the parts of stretches between two times, in ms from the first of them on."""
    cut = [
        Stretch(max(one.start, start) - start, min(one.end, end) - start, one.ranks)
        for one in stretches
    ]
    return [one for one in cut if one.end > one.start]


def _draw(axes: Axes, judged: Judged, row: int, stretches: Sequence[Stretch]) -> None:
    """Draw a row of the bar, all stretches of one look at once."""
    places: dict[Look, list[tuple[float, float]]] = {}
    for one in stretches:
        look = _look(judged.findings[one.ranks[0] - 1]) if one.ranks else None
        places.setdefault(look, []).append((one.start, one.end - one.start))
    for look, found in places.items():
        axes.broken_barh(found, (row - HALF, 2 * HALF), **_style(look))


def _look(finding: Finding) -> Look:
    return finding.found.guideline, standing(finding) in ("gain", "undecided")


def _style(look: Look) -> dict[str, Any]:
    """Return how a stretch is filled: in full if its finding costs time, else open."""
    if look is None:
        return {"facecolor": GREY, "linewidth": 0}
    colour, hatch = STYLES[look[0]]
    if look[1]:
        return {"facecolor": colour, "hatch": hatch, "edgecolor": PALE, "linewidth": 0}
    return {"facecolor": PALE, "hatch": hatch, "edgecolor": colour, "linewidth": 0.7}


def _label(axes: Axes, row: int, stretches: Sequence[Stretch], inch: float) -> int:
    """Write the numbers of findings above a row, costliest first; an `inch` is so many ms.

    Those that have no room over their stretch stand higher. Returns how many have room nowhere.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(LABEL_LINES)]
    without_room = 0
    for one in sorted(filter(lambda one: one.ranks, stretches), key=lambda one: one.ranks):
        half = (len(one.text) + 1) * LETTER * inch / 2
        place = one.middle - half, one.middle + half
        free = [line for line, others in enumerate(taken) if not _overlaps(place, others)]
        if not free:
            without_room += 1
            continue
        taken[free[0]].append(place)
        y = row - HALF - STEP * (free[0] + 0.5)
        if free[0]:
            axes.plot([one.middle] * 2, [row - HALF, y], color="0.6", linewidth=0.5, zorder=1)
        axes.text(
            one.middle, y, one.text, ha="center", va="center", fontsize=8, zorder=2,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip
    return without_room


def _overlaps(place: tuple[float, float], others: Sequence[tuple[float, float]]) -> bool:
    return any(place[0] < end and start < place[1] for start, end in others)


def _separate(axes: Axes, edges: Sequence[float], rows: int, span: float) -> None:
    """Draw lines between operators where both are long enough to be seen."""
    least = LEAST_SEEN * span / LENGTH
    seen = [
        (min(int(edge / span), rows - 1), edge)
        for before, edge, after in zip(edges, edges[1:], edges[2:], strict=False)
        if min(edge - before, after - edge) >= least
    ]
    axes.vlines(
        [edge - row * span for row, edge in seen],
        [row - HALF for row, _ in seen],
        [row + HALF for row, _ in seen],
        color="white",
        linewidth=0.7,
    )


def _set_axes(axes: Axes, rows: int, span: float) -> None:
    axes.set_xlim(0, span)
    axes.set_ylim(rows - 1 + LOWEST, LOWEST - 1)
    axes.set_yticks(range(rows), [f"from {significant(row * span)} ms" for row in range(rows)])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("ms" if rows == 1 else "ms from the row's beginning")


def _add_legend(figure: Figure, judged: Judged, without_room: int) -> None:
    """Name the guidelines that occur, in full and open, and say how many labels are missing."""
    drawn = {number for segment in judged.segments for number in segment.findings}
    looks = {_look(finding) for finding in judged.findings if finding.number in drawn}
    ordered = sorted(filter(None, looks), key=lambda look: (look[0], not look[1]))
    handles = [Patch(label=_name(look), **_style(look)) for look in [*ordered, None]]
    if without_room:
        said = f"numbers without room: {without_room}"
        handles.append(Patch(facecolor="none", edgecolor="none", label=said))
    figure.legend(
        handles=handles,
        loc="lower center",
        ncols=min(3, math.ceil(len(handles) / 2)),
        frameon=False,
    )


def _name(look: Look) -> str:
    if look is None:
        return "no finding"
    guideline, costs = look
    return f"{guideline} {GUIDELINES[guideline]}{'' if costs else ', no gain shown'}"
