"""What `guidelines compare` and `guidelines history` do."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from guidelines.session.stored import read_run
from results.errors import BadInputError, suggestion
from results.store import files
from results.store.background import in_background

if TYPE_CHECKING:
    from results.compare.entrants import Entrant


def _entrant(name: str) -> Entrant:
    """Return what takes part in a comparison under a name: a folder's run, or the paper's."""
    from guidelines.catalogue import EXPERIMENTS
    from results.compare.entrants import PAPER, published, recorded
    from results.record.cells import NetworkChoice

    if name not in PAPER:
        return recorded(name, read_run(Path(name)))
    channels: Any = name.removeprefix("paper:")
    studies = [s for s in EXPERIMENTS.values() if s.experiment.across_platforms]
    cells = [cell for study in studies for cell in study.cells(NetworkChoice(channels))]
    return published(name, {s.name: s.experiment for s in studies if s.experiment.base}, cells)


def compare(names: Sequence[str], out: Path | None, json: bool) -> None:
    """Print recorded runs and the paper's platforms side by side, and write the page.

    Raises BadInputError for what is no run, and for nothing that can be compared.
    """
    from results.compare.comparison import compare as side_by_side
    from results.compare.entrants import PAPER

    for name in names:
        if name.startswith("paper:") and name not in PAPER:
            raise BadInputError(f"There is no {name}. {suggestion(name, PAPER)}")
    # The plotting library takes as long to import as the runs to be read.
    with in_background(_entrant, names) as found:
        from reports.compare.comparison import (
            comparison_objects,
            print_comparison,
            write_comparison,
        )

        comparison = side_by_side(list(found))
    if not any(entrant.standings for entrant in comparison.entrants):
        raise BadInputError(
            f"There is nothing to compare: {' '.join(comparison.left_out)} Name a run of Tables 1 "
            "to 4, made with `guidelines run`."
        )

    def tell() -> None:
        if json:
            _print_json(comparison_objects(comparison))
        else:
            print_comparison(comparison)

    page = write_comparison(comparison, out or files.new_folder("compare"), tell)
    if not json:
        typer.echo(f"\nPage: {page}")


def _print_json(objects: Sequence[dict[str, Any]]) -> None:
    typer.echo(json_module.dumps(objects, indent=2, ensure_ascii=False))


def history(folder: Path, platform: str | None, out: Path | None, json: bool) -> None:
    """Print how each cell has gone over the runs in a folder, and write the page.

    Raises BadInputError for a folder without runs, or with runs of several platforms.
    """
    from results.history.history import digest, folders_in, history_of

    with in_background(digest, folders_in(folder)) as found:
        from reports.history.history import changes_of, print_history, write_history

        told = history_of(list(found), platform)

    def tell() -> None:
        if json:
            _print_json(changes_of(told, told.trends))
        else:
            print_history(told)

    page = write_history(told, out or folder / "history", tell)
    if not json:
        typer.echo(f"Page: {page}")
