"""Write every output of a run: its document in all formats, CSV, and the plots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from guideline_benchmarks.reports.advice.width_plots import staircases
from guideline_benchmarks.reports.advice.widths import measured_sweeps
from guideline_benchmarks.reports.formats.registry import write
from guideline_benchmarks.reports.run.accuracy_plots import accuracy_plot
from guideline_benchmarks.reports.run.decomposition import measured_networks
from guideline_benchmarks.reports.run.decomposition_plots import bars, pies
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.plots import plot
from guideline_benchmarks.reports.run.quoted import accuracy_name, shows_accuracy
from guideline_benchmarks.reports.run.rival_plots import rival_plot
from guideline_benchmarks.reports.run.roofline import plot_name
from guideline_benchmarks.reports.run.roofline_plots import roofline
from guideline_benchmarks.results.tables.json_objects import (
    cell_objects,
    part_objects,
    share_objects,
    swap_objects,
    width_objects,
)
from guideline_benchmarks.results.tables.roofline import ceilings_of
from guideline_benchmarks.results.tables.summary import Summary


def write_report(summary: Summary, folder: Path) -> Path:
    """Write the report of a run into `folder` and return its HTML page.

    report.html, report.md, report.tex, each plot as NAME.png and NAME.svg, and as CSV the cells of
    tables, the shares and operators of decompositions, the pairs of networks that stand in another
    order than in the paper, and the widths of a sweep. Raises the errors of
    results.store.files.write_file.
    """
    whole = replace(document(summary), figures=_figures(summary), data=csv_files(summary))
    return write(whole, folder)


def _figures(summary: Summary) -> dict[str, Figure]:
    """Return the figures that a run's sections show, by name."""
    figures = {e.name: (rival_plot if e.rivals else plot)(summary, e) for e in summary.experiments}
    if ceilings_of(summary.run) is not None:
        figures |= {plot_name(e): roofline(summary, e) for e in summary.experiments}
    for experiment in summary.experiments:
        if shows_accuracy(summary.columns_of(experiment)):
            figures[accuracy_name(experiment)] = accuracy_plot(summary, experiment)
    for experiment in summary.decomposed:
        if measured_networks(summary, experiment):
            figures[experiment.name] = pies(summary, experiment)
            figures[f"{experiment.name}-bars"] = bars(summary, experiment)
    for experiment in summary.swept:
        if measured_sweeps(summary):
            figures[experiment.name] = staircases(summary)
    return figures


def csv_files(summary: Summary) -> dict[str, str]:
    """Return the CSV files of a report by name, those alone that have lines.

    cells.csv, shares.csv and widths.csv have the columns of `guidelines show --json`.
    """
    objects = {
        "cells.csv": cell_objects(summary),
        "shares.csv": share_objects(summary),
        "operators.csv": part_objects(summary),
        "swaps.csv": swap_objects(summary),
        "widths.csv": width_objects(summary),
    }
    return {name: pd.DataFrame(o).to_csv(index=False) for name, o in objects.items() if o}
