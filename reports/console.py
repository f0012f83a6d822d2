"""A table on the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from reports.layout import Table

# On a narrower terminal long lines wrap; rich would cut figures and names instead.
WIDTH = 120


def rich_table(table: Table) -> RichTable:
    """Return a table set for a terminal; group titles stand above their columns' own."""
    result = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in table.headings:
        title = f"{heading.group}\n{heading.title}" if heading.group else heading.title
        result.add_column(Text(title), justify="right" if heading.numeric else "left", no_wrap=True)
    for row in table.rows:
        result.add_row(*(Text(entry) for entry in row))
    return result
