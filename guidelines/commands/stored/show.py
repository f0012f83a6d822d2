"""The command `guidelines show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.options import DepthwiseAs, Json
from guideline_benchmarks.guidelines.session.measuring import print_stored
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.advice.stored import has_advice
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    depthwise: DepthwiseAs = "conv",
    details: Annotated[
        bool,
        # Advice on the screen says "--all" of what there is no room for.
        typer.Option("--details", "--all", help="Print costs, times and ceilings, too."),
    ] = False,
    json: Json = False,
) -> None:
    """Print the tables of a stored run; with --json one object per cell, or per share of time.

    Of advice (guidelines advise) that is what it said, with --details all of it.
    """
    if has_advice(run):
        # What shows a run need not wait for it.
        from guideline_benchmarks.guidelines.session.advice.stored import show_advice

        show_advice(run, details, json)
        return
    summary = summarise(read_run(run), depthwise)
    if json:
        print_json(json_objects(summary))
    else:
        print_stored(summary, run if run.is_dir() else run.parent, details)
