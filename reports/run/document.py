"""All that is said of one run."""

from __future__ import annotations

from guideline_benchmarks.reports.advice.widths import width_sections
from guideline_benchmarks.reports.document import Document
from guideline_benchmarks.reports.run.decomposition import decomposition_sections
from guideline_benchmarks.reports.run.heading import describe, warnings
from guideline_benchmarks.reports.run.tables import guideline_sections, overview
from guideline_benchmarks.results.tables.summary import Summary


def document(summary: Summary) -> Document:
    """Return the document of a run, without its figures and its data."""
    return Document(
        "report",
        f"Guidelines on {summary.run.label}",
        [
            *guideline_sections(summary),
            *decomposition_sections(summary),
            *width_sections(summary),
        ],
        facts=describe(summary.run),
        warnings=warnings(summary.run),
        overview=overview(summary),
    )
