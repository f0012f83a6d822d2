"""A report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping

from reports.formats.rendering import data_uri, environment
from reports.run.heading import describe, warnings
from reports.run.sections import sections
from reports.run.tables import overview
from results.tables.summary import Summary


def html(summary: Summary, plots: Mapping[str, bytes]) -> str:
    """Return the page; `plots` gives each figure by name as SVG, which the page embeds."""
    title, table = overview(summary)
    return (
        environment()
        .get_template("report.html")
        .render(
            platform=summary.run.platform.name,
            description=describe(summary.run),
            warnings=warnings(summary.run),
            overview_title=title,
            overview=table,
            parts=[
                (section, [(text, data_uri(plots[name])) for name, text in section.plots])
                for section in sections(summary)
            ],
        )
    )
