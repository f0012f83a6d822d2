"""The commands `guidelines fleet run` and `guidelines fleet status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.options import Json, Quiet

FleetOut = Annotated[Path, typer.Option(help="Where the records go, a folder each, and the page.")]

command = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@command.callback()
def fleet() -> None:
    """Many devices, measured at the same time by one command: boards, this machine, a cluster."""


@command.command()
def run(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The devices and what to measure on whom (.toml; docs/fleet.md)."
        ),
    ],
    out: FleetOut = Path("results/runs/fleet"),
    patience: Annotated[
        float,
        typer.Option(min=0, help="Seconds after which a device that is gone is given up."),
    ] = 3600.0,
    break_lock: Annotated[
        bool,
        typer.Option("--break-lock", help="Break locks of boards on which nothing of them runs."),
    ] = False,
    scheduler: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Use the Dask cluster whose scheduler is at tcp://host:port: its workers measure.",
        ),
    ] = "",
    quiet: Quiet = False,
) -> None:
    """Measure what is missing of every device in a file, all at the same time; compare them.

    What is measured already is not measured again: the same command continues after Ctrl-C.
    """
    # Imported only now, so that --help is quick.
    from guideline_benchmarks.guidelines.session.fleet.driving import Driving, run_fleet
    from guideline_benchmarks.guidelines.session.fleet.jobs import read_jobs

    run_fleet(read_jobs(file), out, Driving(scheduler, patience, break_lock, quiet))


@command.command()
def status(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The fleet's folder.")] = Path(
        "results/runs/fleet"
    ),
    json: Json = False,
) -> None:
    """Say what of a fleet is done, running, waiting and failed, and why, from the disk alone."""
    from rich.console import Console

    from guideline_benchmarks.guidelines.session.printing import print_json
    from guideline_benchmarks.reports.fleet.lines import reasons, status_table
    from guideline_benchmarks.reports.formats.terminal import print_whole
    from guideline_benchmarks.results.fleet.overview import overview_objects, read_overview

    found = read_overview(out)
    if json:
        print_json(overview_objects(found))
        return
    print_whole(status_table(found), Console())
    for reason in reasons(found):
        typer.echo(reason)
