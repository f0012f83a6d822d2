"""The plots of the study of the gate: rates against one another, and against the slow-down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from guideline_benchmarks.guidelines.studies.gate.curves import CurvePoint
from guideline_benchmarks.guidelines.studies.gate.evidence import Rate
from guideline_benchmarks.reports.formats.images import SETTINGS

# Okabe and Ito's palette; marks tell the lines apart in grey.
_STYLES = (
    ("#000000", "o", "-"),
    ("#0072B2", "s", "--"),
    ("#E69F00", "^", "-."),
    ("#009E73", "D", ":"),
    ("#CC79A7", "v", "--"),
)


@dataclass(frozen=True)
class Curve:
    """A rule's rates at all its settings, and where it stands by default."""

    name: str
    points: Sequence[CurvePoint]
    operating: CurvePoint


def roc_plot(curves: Mapping[tuple[str, float], Sequence[Curve]]) -> Figure:
    """Return sessions with a false alarm against slow-downs found.

    A column of panels for each slow-down, a row for each condition.
    """
    conditions = list(dict.fromkeys(condition for condition, _ in curves))
    fractions = list(dict.fromkeys(fraction for _, fraction in curves))
    with mpl.rc_context(SETTINGS):
        size = (1.4 + 3.6 * len(fractions), 3.4 * len(conditions))
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(
            len(conditions), len(fractions), sharex=True, sharey=True, squeeze=False
        )
        for (condition, fraction), drawn in curves.items():
            panel = panels[conditions.index(condition)][fractions.index(fraction)]
            _draw_curves(panel, drawn)
            panel.set_title(f"{100 * fraction:g} % in one cell, {condition}", fontsize=9)
            panel.set_xlim(-3, 103)
            panel.set_ylim(-3, 104)
        figure.supxlabel("A/A sessions with any false alarm, %", fontsize=9)
        figure.supylabel("slow-downs found, %", fontsize=9)
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", frameon=False)
    return figure


def _draw_curves(panel: Axes, drawn: Sequence[Curve]) -> None:
    for curve, (colour, mark, line) in zip(drawn, _STYLES, strict=False):
        points = sorted(curve.points, key=lambda p: (p.false_alarms, p.found))
        panel.plot(
            [100 * p.false_alarms for p in points],
            [100 * p.found for p in points],
            color=colour,
            linestyle=line,
            linewidth=1.3,
        )
        panel.plot(
            [100 * curve.operating.false_alarms],
            [100 * curve.operating.found],
            color=colour,
            marker=mark,
            markersize=8,
            linestyle=line,
            label=curve.name,
            clip_on=False,
            zorder=3,
        )


def power_plot(found: Mapping[str, Mapping[float, Rate]]) -> Figure:
    """Return the share of sessions that found a slow-down, with 95 % intervals, by its size."""
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        FigureCanvasAgg(figure)
        panel = figure.subplots()
        panel.axvline(2, color="0.7", linewidth=0.8)
        panel.text(2.05, 3, "margin", color="0.45", fontsize=8)
        for (name, rates), (colour, mark, line) in zip(found.items(), _STYLES, strict=False):
            sizes = [100 * fraction for fraction in rates]
            shares = [100 * rate.share for rate in rates.values()]
            ends = [rate.interval for rate in rates.values()]
            below = [share - 100 * low for share, (low, _) in zip(shares, ends, strict=True)]
            above = [100 * high - share for share, (_, high) in zip(shares, ends, strict=True)]
            panel.errorbar(
                sizes,
                shares,
                yerr=[below, above],
                color=colour,
                marker=mark,
                linestyle=line,
                label=name,
                capsize=2,
                clip_on=False,
            )
        panel.set_xlabel("extra work in one cell of side B, % of its time")
        panel.set_ylabel("sessions that found it, %")
        panel.set_ylim(0, 102)
        panel.set_xlim(0, 10.5)
        panel.legend(frameon=False, loc="lower right")
    return figure


def spread_plot(by_condition: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Return how far replicates of each design lie apart under each condition, a dot a cell.

    On a logarithmic scale in percent; a line is the median cell.
    """
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(6.4, 1.0 + 0.75 * len(by_condition)), layout="constrained")
        FigureCanvasAgg(figure)
        panel = figure.subplots()
        ticks = []
        for row, (condition, by_design) in enumerate(by_condition.items()):
            ticks.append(condition)
            for place, (design, spreads) in enumerate(by_design.items()):
                colour, mark, _ = _STYLES[place + 1]
                height = row + 0.3 * (place - 0.5)
                percents = sorted(100 * spread for spread in spreads)
                jitter = [height + 0.1 * (i % 3 - 1) for i in range(len(percents))]
                label = design if row == 0 else None
                panel.plot(
                    percents, jitter, mark, color=colour, markersize=3, alpha=0.7, label=label
                )
                middle = percents[len(percents) // 2]
                panel.plot([middle] * 2, [height - 0.17, height + 0.17], color="black")
        panel.set_yticks(range(len(ticks)), ticks)
        panel.invert_yaxis()
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter("{x:g}")
        panel.set_xlabel("standard deviation of one replicate's log ratio, %")
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
    return figure
