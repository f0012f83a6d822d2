"""Write every output of a run: Markdown, LaTeX, CSV, one HTML page, and the plots."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reports.html import html
from reports.latex import latex
from reports.markdown import markdown
from reports.plots import image, plot
from results.store import write_file
from results.summary import Summary, json_objects


def write_report(summary: Summary, folder: Path) -> Path:
    """Write the report of a run into `folder` and return its HTML page.

    report.html, report.md, report.tex, cells.csv, and for each experiment NAME.png and NAME.svg.
    Raises the errors of results.store.write_file.
    """
    figures = {e.name: plot(summary, e) for e in summary.experiments}
    drawings = {name: image(figure, "svg") for name, figure in figures.items()}
    for name, figure in figures.items():
        write_file(folder / f"{name}.svg", drawings[name])
        write_file(folder / f"{name}.png", image(figure, "png"))
    write_file(folder / "report.md", markdown(summary, {name: f"{name}.svg" for name in figures}))
    write_file(folder / "report.tex", latex(summary))
    write_file(folder / "cells.csv", cells_csv(summary))
    page = folder / "report.html"
    write_file(page, html(summary, drawings))
    return page


def cells_csv(summary: Summary) -> str:
    """Return one line per cell with the columns of `guidelines show --json`."""
    table: str = pd.DataFrame(json_objects(summary)).to_csv(index=False)
    return table
