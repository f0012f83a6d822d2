"""What `guidelines compare` does with the runs that it read, and `guidelines matrix` in the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.reports.compare.comparison import (
    comparison_object,
    print_comparison,
    write_comparison,
)
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import Entrant
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.store.files import results_folder


def publish_comparison(
    entrants: Sequence[Entrant], out: Path | None, json: bool = False, quiet: bool = False
) -> None:
    """Print entrants side by side, as JSON if asked for, and write the page into a folder.

    `out` None is a new folder; `quiet` leaves out all but where the page is. Raises BadInputError
    where no entrant has a table to compare.
    """
    comparison = compare(entrants)
    if not any(entrant.standings for entrant in comparison.entrants):
        raise BadInputError(
            f"There is nothing to compare: {' '.join(comparison.left_out)} Name a run of Tables 1 "
            "to 4, made with `guidelines run`."
        )

    def tell() -> None:
        if json:
            print_json(comparison_object(comparison))
        elif not quiet:
            print_comparison(comparison)

    with results_folder(out, "compare") as folder:
        page = write_comparison(comparison, folder, tell)
    if not json:
        typer.echo(page if quiet else f"\nPage: {page}")
