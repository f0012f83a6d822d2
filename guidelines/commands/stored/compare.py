"""The command `guidelines compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.guidelines.commands.options import Json
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.advice.stored import has_advice
from guideline_benchmarks.results.compare.entrants import PAPER, Entrant, published, recorded
from guideline_benchmarks.results.errors import BadInputError, suggestion
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.store import files
from guideline_benchmarks.results.store.background import in_background


def command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Folders of runs; also paper:gpu and paper:arm."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write the page.  [default: results/runs/compare-<time>]"),
    ] = None,
    json: Json = False,
) -> None:
    """Lay runs of several platforms side by side, to see which guideline matters on which."""
    names = [str(run) for run in runs]
    for name in names:
        if name.startswith("paper:") and name not in PAPER:
            raise BadInputError(f"There is no {name}. {suggestion(name, PAPER)}")
    advised = [run for run in runs if str(run) not in PAPER and has_advice(run)]
    if advised:
        if len(advised) < len(runs):
            raise BadInputError("Advice is compared with advice: name folders of it alone.")
        # What compares runs need not wait for it.
        from guideline_benchmarks.guidelines.session.advice.stored import publish_advice_comparison

        publish_advice_comparison(advised, out, json)
        return
    # The plotting library takes as long to import as the runs to be read.
    with in_background(_entrant, names) as found:
        from guideline_benchmarks.guidelines.session.comparing import publish_comparison

        entrants = list(found)
    publish_comparison(entrants, out, json)


def _entrant(name: str) -> Entrant:
    """Return what takes part in a comparison under a name: a folder's run, or the paper's."""
    if name not in PAPER:
        return recorded(files.readable(name), read_run(Path(name)))
    channels: Any = name.removeprefix("paper:")
    declarations = [s for s in EXPERIMENTS.values() if s.experiment.across_platforms]
    cells = [
        cell for declaration in declarations for cell in declaration.cells(NetworkChoice(channels))
    ]
    return published(name, {s.name: s.experiment for s in declarations if s.experiment.base}, cells)
