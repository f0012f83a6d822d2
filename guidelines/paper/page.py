"""The page of the whole paper: what is covered, what was measured, and what is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guideline_benchmarks.guidelines.paper.coverage import NAME, TITLE, coverage_section
from guideline_benchmarks.guidelines.paper.drawn import drawn
from guideline_benchmarks.reports.document import MISSING, Document, Heading, Section, Table
from guideline_benchmarks.reports.layout import scale_title
from guideline_benchmarks.reports.run.tables import section_title
from guideline_benchmarks.results.tables.summary import Column, Summary


def page(*measured: Section) -> Document:
    """Return the page, with what was `measured` if anything."""
    sections, figures = drawn()
    return Document(NAME, TITLE, [coverage_section(), *measured, *sections], figures=figures)


def measured_section(summaries: Mapping[str, Summary]) -> Section:
    """Return what every column of every measured table says, and where its report is.

    `summaries` are those of the measured parts by name.
    """
    headings = [
        Heading("table", numeric=False),
        Heading("column", numeric=False),
        Heading("verdict", numeric=False),
        Heading("order against the paper's, τ"),
        Heading("report", numeric=False),
    ]
    rows = [
        [section_title(experiment), scale_title(column), *_said(column), f"{name}/report"]
        for name, summary in summaries.items()
        for experiment in summary.experiments
        for column in summary.columns_of(experiment)
    ]
    label = next(iter(summaries.values())).run.label
    table = Table(f"What each column says of its claim on {label}", headings, rows)
    return Section("Measured", tables=[table], anchor="measured")


def _said(column: Column) -> Sequence[str]:
    verdict = column.verdict.value if column.verdict else "counts have none"
    return (verdict, MISSING if column.tau is None else f"{column.tau:+.2f}")
