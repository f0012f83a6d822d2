"""The command `guidelines report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.options import DepthwiseAs
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.advice.stored import has_advice
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.store.files import RUNS
from guideline_benchmarks.results.store.run_folders import stored_runs
from guideline_benchmarks.results.tables.summary import summarise


def command(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN", help="Folders of runs; the newest stored one if none."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write it.  [default: RUN/report]")
    ] = None,
    depthwise: DepthwiseAs = "conv",
) -> None:
    """Write every table, plot and page of stored runs again, without measuring."""
    chosen = runs or stored_runs()[:1]
    if not chosen:
        raise BadInputError(f"There is no stored run in {RUNS}: measure one with `make tables`.")
    if out is not None and len(chosen) > 1:
        raise BadInputError("--out takes the report of one run only: name one RUN.")
    for folder in chosen:
        if has_advice(folder):
            # What is of a run need not wait for it.
            from guideline_benchmarks.guidelines.session.advice.stored import write_page

            typer.echo(write_page(folder, out or folder / "report"))
            continue
        place = folder if folder.is_dir() else folder.parent
        summary = summarise(read_run(folder), depthwise)
        typer.echo(write_report(summary, out or place / "report"))
