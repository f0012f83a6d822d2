"""A report on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from reports.formats.console import WIDTH, print_table
from reports.run.heading import describe, warnings
from reports.run.sections import sections
from reports.run.tables import overview
from results.statistics.verdict import Verdict
from results.tables.summary import Summary

_STYLES = {
    Verdict.HOLDS: "green",
    Verdict.HOLDS_AT_THE_EXTREME: "green",
    Verdict.REVERSED: "red",
    Verdict.NO_EFFECT: "yellow",
    Verdict.UNDECIDED: "yellow",
}


def print_summary(summary: Summary, console: Console | None = None) -> None:
    """Print all tables and verdicts of a run, at least `WIDTH` columns wide."""
    console = console or Console()
    # On a narrower terminal long lines wrap; rich would cut figures and names instead.
    console.width = max(console.width, WIDTH)
    for label, text in describe(summary.run):
        console.print(Text(f"{label:>10}  {text}"))
    for section in sections(summary):
        console.print()
        console.print(Text(section.title, style="bold"))
        console.print(Text(f"{section.experiment.claim}."))
        for table in section.tables:
            console.print(Text(f"\n{table.caption}"))
            print_table(table, console)
        for column, line in zip(
            summary.columns_of(section.experiment), section.verdicts, strict=True
        ):
            style = _STYLES[column.verdict] if column.verdict else "bold"
            console.print(Text(line, style=style))
        for note in section.notes:
            console.print(Text(note))
    title, verdicts = overview(summary)
    if verdicts.rows:
        console.print(Text(f"\n{title}", style="bold"))
        print_table(verdicts, console)
    for warning in warnings(summary.run):
        console.print(Text(f"Warning: {warning}", style="yellow"))
