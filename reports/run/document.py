"""All that is said of one run."""

from __future__ import annotations

from reports.document import Document
from reports.run.decomposition import decomposition_sections
from reports.run.heading import describe, warnings
from reports.run.tables import guideline_sections, overview
from results.tables.summary import Summary


def document(summary: Summary) -> Document:
    """Return the document of a run, without its figures and its data."""
    return Document(
        "report",
        f"Guidelines on {summary.run.platform.name}",
        [*guideline_sections(summary), *decomposition_sections(summary)],
        facts=describe(summary.run),
        warnings=warnings(summary.run),
        overview=overview(summary),
    )
