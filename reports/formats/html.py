"""A document as one self-contained HTML page."""

from __future__ import annotations

import base64
from itertools import groupby
from pathlib import Path

import jinja2

from guideline_benchmarks.reports.document import Document, Table

TEMPLATES = Path(__file__).parent / "templates"


def html(document: Document) -> str:
    """Return the page, which holds the document's drawings."""
    images = {name: _data_uri(svg) for name, svg in document.drawings.items()}
    template = _environment().get_template("document.html")
    return template.render(document=document, images=images)


def _environment() -> jinja2.Environment:
    """Return what renders the templates."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True
    )
    found.filters["groups"] = _groups
    return found


def _groups(table: Table) -> list[tuple[str, int]]:
    """Return the group titles of a table with the number of columns under each."""
    return [
        (title, len(list(members)))
        for title, members in groupby(table.headings, key=lambda heading: heading.group)
    ]


def _data_uri(svg: bytes) -> str:
    """Return an SVG as an address that a page can hold."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
