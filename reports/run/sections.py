"""All that a report says, experiment after experiment; exporters only set it."""

from __future__ import annotations

from reports.layout import Section
from reports.run.decomposition import decomposition_sections
from reports.run.tables import guideline_sections
from results.tables.summary import Summary


def sections(summary: Summary) -> list[Section]:
    """Return the tables of guidelines, then the decompositions, each as a section."""
    return [*guideline_sections(summary), *decomposition_sections(summary)]
