"""A table on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from reports.layout import Part, Table

# On a narrower terminal long lines wrap; rich would cut figures and names instead.
WIDTH, WIDEST = 120, 400


def print_parts(parts: Iterable[Part], console: Console) -> None:
    """Print the sentences and tables of a page's parts; plots are for the page."""
    for part in parts:
        console.print(Text(f"\n{part.title}", style="bold"))
        for line in part.lines:
            console.print(Text(line))
        for table in part.tables:
            console.print(Text(f"\n{table.caption}"))
            print_table(table, console)


def print_table(table: Table, console: Console) -> None:
    """Print a table, wider than the terminal if need be: rather wrapped than without figures."""
    rich, usual = rich_table(table), console.width
    needed = console.measure(rich, options=console.options.update(max_width=WIDEST)).maximum
    console.width = max(needed, usual)
    console.print(rich)
    console.width = usual


def rich_table(table: Table) -> RichTable:
    """Return a table set for a terminal; group titles stand above their columns' own."""
    result = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in table.headings:
        title = f"{heading.group}\n{heading.title}" if heading.group else heading.title
        result.add_column(Text(title), justify="right" if heading.numeric else "left", no_wrap=True)
    for row in table.rows:
        result.add_row(*(Text(entry) for entry in row))
    return result
