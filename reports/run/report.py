"""Write every output of a run: Markdown, LaTeX, CSV, one HTML page, and the plots."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reports.formats.html import html
from reports.formats.latex import latex
from reports.formats.markdown import markdown
from reports.formats.page import write_images
from reports.run.decomposition import decomposition_sections
from reports.run.decomposition_plots import bars, pies
from reports.run.plots import plot
from reports.run.roofline import plot_name
from reports.run.roofline_plots import roofline
from results.store.files import write_file
from results.tables.json_objects import cell_objects, part_objects, share_objects
from results.tables.roofline import ceilings_of
from results.tables.summary import Summary


def write_report(summary: Summary, folder: Path) -> Path:
    """Write the report of a run into `folder` and return its HTML page.

    report.html, report.md, report.tex, each plot as NAME.png and NAME.svg, and as CSV the cells of
    Tables 1 to 4, the shares and operators of decompositions. Raises the errors of
    results.store.files.write_file.
    """
    figures = {e.name: plot(summary, e) for e in summary.experiments}
    if ceilings_of(summary.run) is not None:
        figures |= {plot_name(e): roofline(summary, e) for e in summary.experiments}
    for section in decomposition_sections(summary):
        for (name, _), draw in zip(section.plots, (pies, bars), strict=False):
            figures[name] = draw(summary, section.experiment)
    drawings = write_images(figures, folder)
    write_file(folder / "report.md", markdown(summary, {name: f"{name}.svg" for name in figures}))
    write_file(folder / "report.tex", latex(summary))
    for name, lines in csv_files(summary).items():
        write_file(folder / name, lines)
    page = folder / "report.html"
    write_file(page, html(summary, drawings))
    return page


def csv_files(summary: Summary) -> dict[str, str]:
    """Return the CSV files of a report by name, those alone that have lines.

    cells.csv and shares.csv have the columns of `guidelines show --json`.
    """
    objects = {
        "cells.csv": cell_objects(summary),
        "shares.csv": share_objects(summary),
        "operators.csv": part_objects(summary),
    }
    return {name: pd.DataFrame(o).to_csv(index=False) for name, o in objects.items() if o}
