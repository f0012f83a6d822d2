"""The command `guidelines list`."""

from __future__ import annotations

import typer

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.runners.platforms import descriptions

BOARDS = "a board reached by ssh; or the path of a platform file (docs/boards.md)"


def command() -> None:
    """List the experiments and the platforms that come with the suite."""
    typer.echo("Experiments")
    for declaration in EXPERIMENTS.values():
        experiment = declaration.experiment
        cells = f"{len(declaration.cells(NetworkChoice()))} cells"
        where = f"{experiment.name:<11}{experiment.table:<18}{cells:>8}"
        typer.echo(f"  {where}  {experiment.claim}")
    typer.echo("Platforms")
    for name, description in (*descriptions().items(), ("ssh:user@host", BOARDS)):
        typer.echo(f"  {name:<16} {description}")
