"""The history of a platform: what changed and when, as tables, plots and CSV."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from rich.console import Console

from guideline_benchmarks.reports.document import Document, Heading, Section, Table
from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.formats.registry import write
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.results.history.history import SAME, History, Trend

# The heat map's darkest colours: 15 % faster and slower.
SPAN = Normalize(-0.15, 0.15)
SHOWN = 8
COLUMNS = ("cell", "run", "started", "relative", "change")


def changes_of(history: History, trends: Sequence[Trend]) -> list[dict[str, Any]]:
    """Return one object for each change: which cell, at which run, by how much."""
    objects = []
    for trend in trends:
        levels = trend.levels()
        for index in trend.changes:
            run, before = history.runs[index], history.runs[index - 1]
            objects.append(
                {
                    "cell": trend.name,
                    "run": run.folder,
                    "started": run.started,
                    "ratio": math.exp(float(levels[index] - levels[index - 1])),
                    "runtimes": run.runtimes,
                    "runtimes_before": before.runtimes,
                }
            )
    return sorted(objects, key=lambda change: (change["started"], change["cell"]))


def history_csv(history: History) -> str:
    """Return one line for each cell and run: how it stands to the cell's first level."""
    lines = [",".join(COLUMNS)]
    for trend in history.trends:
        relative = np.exp(trend.values - trend.levels()[0]).tolist()
        changes = set(trend.changes)
        for index, (run, value) in enumerate(zip(history.runs, relative, strict=True)):
            figure = "" if math.isnan(value) else f"{value:.6f}"
            lines.append(f"{trend.name},{run.folder},{run.started},{figure},{index in changes}")
    return "\n".join(lines) + "\n"


def document(history: History) -> Document:
    """Return all that a history says, without its figures and its data."""
    plots = [("heatmap", f"Heat map of {_metric(history)} over the runs")]
    if _changed(history):
        plots.append(("changes", "The cells that changed most, run by run"))
    trends = Section("Trends", plots=plots, tables=[_trends(history)])
    return _of_sections(history, [*_told(history), trends])


def _of_sections(history: History, sections: Sequence[Section]) -> Document:
    title = f"History of {history.runs[0].platform}"
    return Document("history", title, sections, left_out=["latex"])


def _metric(history: History) -> str:
    return "instructions" if history.runs[0].counted else "time, corrected by the controls"


def _changed(history: History) -> list[Trend]:
    return [trend for trend in history.trends if trend.changes]


def _told(history: History) -> list[Section]:
    """Return what a history is of, and what has changed in it."""
    first, last = history.runs[0], history.runs[-1]
    processor = first.machine[SAME.index("cpu_model")]
    lines = [
        f"{len(history.runs)} runs of {first.platform} on {first.called} ({processor}), "
        f"{first.started} to {last.started}.",
        *history.left_out,
    ]
    sections = [Section("What it is of", lines)]
    changes = changes_of(history, history.trends)
    if changes:
        caption = f"Changes of {_metric(history)}"
        sections.append(Section("Changes", tables=[_table(caption, changes)]))
    else:
        sections.append(Section("Changes", ["No cell has changed its level."]))
    drifts = changes_of(history, history.drifts)
    if drifts:
        caption = "Drift of the machine: changes of the controls' own times"
        sections.append(Section("Drift", tables=[_table(caption, drifts)]))
    return sections


def _table(caption: str, changes: Sequence[dict[str, Any]]) -> Table:
    headings = [
        Heading("from run", numeric=False),
        Heading("cell", numeric=False),
        Heading("ratio"),
        Heading("software that changed with it", numeric=False),
    ]
    rows = [
        [
            f"{change['started']} {change['run']}",
            change["cell"],
            f"{change['ratio']:.4f}",
            ""
            if change["runtimes"] == change["runtimes_before"]
            else f"{change['runtimes_before']} → {change['runtimes']}",
        ]
        for change in changes
    ]
    return Table(caption, headings, rows)


def _trends(history: History) -> Table:
    """Return each cell's level now over its first, and its noise from run to run."""
    rows = []
    for trend in history.trends:
        levels = trend.levels()
        spread = float(np.nanstd(trend.values - levels))
        ratio = math.exp(float(levels[-1] - levels[0]))
        runs = int(np.sum(~np.isnan(trend.values)))
        rows.append(
            [trend.name, str(runs), str(len(trend.changes)), f"{ratio:.4f}", f"{100 * spread:.2f}"]
        )
    headings = [Heading("cell", numeric=False), Heading("runs"), Heading("changes")]
    headings += [Heading("last level over first"), Heading("spread about the levels, %")]
    return Table("Every cell", headings, rows)


# Inches: a letter of a small label, a row of cells, margins, and the colour bar.
LETTER, ROW, ABOVE, BELOW, BAR, WIDE = 0.055, 0.155, 0.5, 0.6, 1.2, 9.5


def heat_map(history: History) -> Figure:
    """Return a figure: a row a cell, a column a run; black lines are changes."""
    trends = history.trends
    left = 0.2 + LETTER * max(len(trend.name) for trend in trends)
    tall = ROW * len(trends)
    high = ABOVE + tall + BELOW
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDE, high))
        FigureCanvasAgg(figure)
        box = (left / WIDE, BELOW / high, (WIDE - left - BAR) / WIDE, tall / high)
        panel = figure.add_axes(box)
        values = np.stack([trend.values - trend.levels()[0] for trend in trends])
        shown = panel.imshow(values, norm=SPAN, cmap="PuOr_r", aspect="auto", interpolation="none")
        panel.set_facecolor("0.85")
        marks = [(index, row) for row, trend in enumerate(trends) for index in trend.changes]
        panel.vlines(
            [index - 0.5 for index, _ in marks],
            [row - 0.5 for _, row in marks],
            [row + 0.5 for _, row in marks],
            color="black",
            linewidth=2,
        )
        panel.set_yticks(range(len(trends)), [trend.name for trend in trends], fontsize=6)
        panel.tick_params(length=0)
        panel.set_xlabel("run, oldest first")
        bar_box = (1 - (BAR - 0.2) / WIDE, BELOW / high, 0.15 / WIDE, tall / high)
        ticks = np.log([0.87, 0.95, 1, 1.05, 1.15])
        bar = figure.colorbar(shown, cax=figure.add_axes(bar_box), ticks=ticks)
        bar.ax.set_yticklabels(["0.87", "0.95", "1", "1.05", "1.15"])
        bar.set_label("relative to the first level (brown: slower)")
        panel.set_title(f"{history.runs[0].platform}: black lines are changes of level")
    return figure


def step_plots(history: History) -> Figure:
    """Return the cells that changed most, run by run, with their levels."""
    by_size = sorted(_changed(history), key=lambda t: float(np.ptp(t.levels())), reverse=True)
    chosen = by_size[:SHOWN]
    with mpl.rc_context(SETTINGS):
        rows = -(-len(chosen) // 2)
        high = 0.7 + 1.7 * rows
        figure = Figure(figsize=(WIDE, high))
        FigureCanvasAgg(figure)
        figure.subplots_adjust(0.09, 0.5 / high, 0.98, 1 - 0.3 / high, 0.15, 0.4)
        panels = list(figure.subplots(rows, 2, squeeze=False, sharex=True).flat)
        for panel, trend in zip(panels, chosen, strict=False):
            base = trend.levels()[0]
            runs = np.arange(len(trend.values))
            panel.plot(runs, np.exp(trend.values - base), ".", color="0.55", markersize=3)
            panel.step(runs, np.exp(trend.levels() - base), where="mid", color="#0072B2")
            panel.set_title(trend.name, fontsize=8)
            panel.tick_params(labelsize=7)
        for panel in panels[len(chosen) :]:
            panel.set_visible(False)
        figure.supylabel("relative to the first level", fontsize=8)
        figure.supxlabel("run, oldest first", fontsize=8)
    return figure


def write_history(
    history: History, folder: Path, meanwhile: Callable[[], None] = lambda: None
) -> Path:
    """Write history.html, history.md, history.csv and the plots; return the HTML page."""
    figures = {"heatmap": heat_map(history)}
    if _changed(history):
        figures["changes"] = step_plots(history)
    data = {"history.csv": history_csv(history)}
    return write(replace(document(history), figures=figures, data=data), folder, meanwhile)


def print_history(history: History, console: Console | None = None) -> None:
    """Print what has changed on the terminal; the cells that never changed are counted."""
    steady = len(history.trends) - len(_changed(history))
    counted = f"{steady} of {len(history.trends)} cells never changed their level."
    show(_of_sections(history, [*_told(history), Section("", [counted])]), console)
