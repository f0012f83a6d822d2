"""What a calibration to a board found."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.reports.cost_model.errors import HEADINGS, error_entries
from guideline_benchmarks.reports.document import Document, Heading, Section, Table
from guideline_benchmarks.reports.layout import figure_name, significant
from guideline_benchmarks.reports.run.counts import MODELLED
from guideline_benchmarks.results.cost_model.board_model import BoardModel


def document(found: BoardModel, warnings: Sequence[str], remarks: Sequence[str]) -> Document:
    """Return the coefficients, the errors out of sample, and the cells kept aside.

    `warnings` are those of the measured run, `remarks` what else a reader must know.
    """
    tables = [_coefficients(found), _errors(found), _aside(found)]
    title = f"Cost model of {found.model.core}"
    section = Section("", tables=tables, notes=remarks)
    return Document("cost_model", title, [section], warnings=warnings)


def _coefficients(found: BoardModel) -> Table:
    headings = [Heading("event", numeric=False), Heading("ns each"), Heading("95 % interval")]
    rows = [
        [
            figure_name(name),
            significant(c.ns),
            f"{significant(c.ci95_ns[0])} to {significant(c.ci95_ns[1])}",
        ]
        for name, c in found.model.coefficients.items()
    ]
    return Table(f"What an event costs on {found.model.core}", headings, rows)


def _errors(found: BoardModel) -> Table:
    headings = [Heading("tested on", numeric=False), *HEADINGS]
    rows = [[name, *error_entries(errors)] for name, errors in found.model.errors.items()]
    caption = f"How far times ({MODELLED}) are off; fitted were {found.model.cells} cells"
    return Table(caption, headings, rows)


def _aside(found: BoardModel) -> Table:
    headings = [Heading("kept aside", numeric=False), Heading("measured, ms")]
    headings += [Heading("modelled, ms"), Heading("error")]
    rows = []
    for cell in found.aside:
        ms = found.modelled_ms[cell.name]
        rows.append(
            [cell.name, significant(cell.ms), significant(ms), f"{100 * (ms / cell.ms - 1):+.1f} %"]
        )
    return Table("Cells that took no part in the fit", headings, rows)
