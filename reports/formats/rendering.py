"""What renders HTML pages from their templates."""

from __future__ import annotations

import base64
from itertools import groupby
from pathlib import Path

import jinja2

from reports.layout import Table

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
