"""A report as one self-contained HTML page."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import jinja2

from reports.heading import describe, warnings
from reports.layout import Table
from reports.sections import sections
from reports.tables import overview
from results.summary import Summary

TEMPLATES = Path(__file__).parent / "templates"


def _groups(table: Table) -> list[tuple[str, int]]:
    """Return the group titles of a table with the number of columns under each."""
    return [
        (title, len(list(members)))
        for title, members in groupby(table.headings, key=lambda heading: heading.group)
    ]


def data_uri(svg: bytes) -> str:
    """Return an SVG as an address that a page can hold."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()


def environment() -> jinja2.Environment:
    """Return what renders the templates."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True
    )
    found.filters["groups"] = _groups
    return found


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
