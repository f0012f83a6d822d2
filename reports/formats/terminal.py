"""A document on the terminal, which shows no plots."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from guideline_benchmarks.reports.document import Document, Said, Section, Table, Tone
from guideline_benchmarks.reports.formats.dense_tables import dense_lines

# What is no terminal, a file say, has lines of at least so many columns.
WIDTH = 100
# A table wider than the terminal wraps; rich would cut figures and names instead.
WIDEST = 400
_STYLES: dict[Tone, str] = {"good": "green", "bad": "red", "open": "yellow", "plain": "bold"}
_BETWEEN = "   "
# The columns before facts, with what is kept free of them.
MARGIN, GAP = 12, 2


def show(document: Document, console: Console | None = None) -> None:
    """Print a document, what it decides first; a brief one is set densely."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    for warning in document.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))
    if document.overview:
        title, table = document.overview
        console.print(Text(title, style="bold"))
        _show_table(table, console, document.brief)
        console.print()
    _show_facts(document, console)
    for section in document.sections:
        _show_section(section, console, document.brief)
    if document.headline:
        console.print(Text(document.headline, style="bold"))


def _show_facts(document: Document, console: Console) -> None:
    """Print facts, their labels in a margin in which nothing else stands."""
    for label, text in document.facts:
        margin = f"{label:>{MARGIN - GAP}}" + GAP * " "
        for line in Text(text).wrap(console, console.width - MARGIN):
            console.print(Text(margin + line.plain.rstrip()))
            margin = MARGIN * " "


def _show_section(section: Section, console: Console, dense: bool) -> None:
    if section.title:
        console.print(Text(f"\n{section.title}", style="bold"))
    for line in section.lines:
        console.print(Text(line))
    for number, table in enumerate(section.tables):
        console.print(Text(table.caption if dense and not number else f"\n{table.caption}"))
        _show_table(table, console, dense)
    _show_verdicts(section.verdicts, console, dense)
    for note in section.notes:
        console.print(Text(note))


def _show_verdicts(verdicts: Sequence[Said], console: Console, dense: bool) -> None:
    """Print verdicts line by line, or densely side by side where they all fit."""
    lines = [Text(said.text, style=_STYLES[said.tone]) for said in verdicts]
    side_by_side = Text(_BETWEEN).join(lines)
    if dense and lines and cell_len(side_by_side.plain) <= console.width:
        lines = [side_by_side]
    for line in lines:
        console.print(line)


def _show_table(table: Table, console: Console, dense: bool) -> None:
    if dense:
        for line in dense_lines(table, console.width):
            console.print(Text(line), soft_wrap=True)
    else:
        print_table(table, console)
    if table.note:
        console.print(Text(table.note))


def print_table(table: Table, console: Console) -> None:
    """Print a table, wider than the terminal if need be: rather wrapped than without figures."""
    print_whole(rich_table(table), console)


def print_whole(rich: RichTable, console: Console) -> None:
    """Print a table of rich's as `print_table` does."""
    usual = console.width
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
