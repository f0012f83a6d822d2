"""What `guidelines compare` and `guidelines history` do."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from pathlib import Path

import typer

from results.errors import BadInputError, suggestion


def compare(names: Sequence[str], out: Path | None, json: bool) -> None:
    """Print recorded runs and the paper's platforms side by side, and write the page.

    Raises BadInputError for what is no run, and for nothing that can be compared.
    """
    from guidelines.runs import new_folder
    from reports.comparison import comparison_objects, print_comparison, write_comparison
    from results import store
    from results.comparison import PAPER, lay_side_by_side

    runs = {}
    for name in names:
        if name.startswith("paper:") and name not in PAPER:
            raise BadInputError(f"There is no {name}. {suggestion(name, PAPER)}")
        runs[name] = None if name in PAPER else store.read_run(Path(name))
    comparison = lay_side_by_side(runs)
    if not any(entrant.standings for entrant in comparison.entrants):
        raise BadInputError(
            f"There is nothing to compare: {' '.join(comparison.left_out)} Name a run of Tables 1 "
            "to 4, made with `guidelines run`."
        )
    page = write_comparison(comparison, out or new_folder("compare"))
    if json:
        typer.echo(json_module.dumps(comparison_objects(comparison), indent=2, ensure_ascii=False))
        return
    print_comparison(comparison)
    typer.echo(f"\nPage: {page}")


def history(folder: Path, platform: str | None, out: Path | None, json: bool) -> None:
    """Print how each cell has gone over the runs in a folder, and write the page.

    Raises BadInputError for a folder without runs, or with runs of several platforms.
    """
    from results.history import history_of, reading

    # The plotting library takes as long to import as the runs to be read.
    with reading(folder) as found:
        from reports.history import changes_of, print_history, write_history

        told = history_of(list(found), platform)
    page = write_history(told, out or folder / "history")
    if json:
        changes = changes_of(told, told.trends)
        typer.echo(json_module.dumps(changes, indent=2, ensure_ascii=False))
        return
    print_history(told)
    typer.echo(f"Page: {page}")
