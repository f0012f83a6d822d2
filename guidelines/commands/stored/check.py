"""The command `guidelines check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.options import Ci, Json, Strict
from guideline_benchmarks.guidelines.session.gate.judging import Output, publish
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.gate.regression import judge_run


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    baseline: Annotated[Path, typer.Option(help="The folder of the run to check it against.")],
    margin: Annotated[
        float | None,
        typer.Option(
            min=0.00001,
            max=0.5,
            help="The fraction below which a change is none.  [default: 0.05 of time, 0.0005 of "
            "instructions on an emulated core, 0.0001 on platform cpu-counted]",
        ),
    ] = None,
    strict: Strict = False,
    ci: Ci = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing: the exit code says.")
    ] = False,
    json: Json = False,
) -> None:
    """Check a run against a stored one of the same platform; exits 1 on a regression."""
    judgement = judge_run(read_run(run), read_run(baseline), margin)
    publish(judgement, Output(json, quiet, strict, ci))
