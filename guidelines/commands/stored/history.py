"""The command `guidelines history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.options import Json
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.results.history.history import digest, folders_in, history_of
from guideline_benchmarks.results.store.background import in_background


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder of runs of one platform.")
    ] = Path("results/runs"),
    platform: Annotated[
        str | None, typer.Option(help="Take the runs of this platform alone.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write it.  [default: FOLDER/history]")
    ] = None,
    json: Json = False,
) -> None:
    """Show how each cell has gone over the runs of one platform, and where it changed."""
    # The plotting library takes as long to import as the runs to be read.
    with in_background(digest, folders_in(folder)) as found:
        from guideline_benchmarks.reports.history.history import (
            changes_of,
            print_history,
            write_history,
        )

        told = history_of(list(found), platform)

    def tell() -> None:
        if json:
            print_json(changes_of(told, told.trends))
        else:
            print_history(told)

    page = write_history(told, out or folder / "history", tell)
    if not json:
        typer.echo(f"Page: {page}")
