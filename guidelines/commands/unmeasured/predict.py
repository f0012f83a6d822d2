"""The command `guidelines predict`: a network on the board of a cost model, without the board."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.model_options import (
    Inputs,
    Model,
    Patience,
    Python,
    Ranges,
    Values,
    given_of,
)
from guideline_benchmarks.guidelines.commands.options import Json
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.guidelines.export.apart import PATIENCE
from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.asked_networks import asked_network, named_cost
from guideline_benchmarks.guidelines.session.measuring import INTERRUPTED
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import counting_plan
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.guidelines.session.progress import ProgressDisplay
from guideline_benchmarks.reports.run.costs import cost_sentence, uncounted_sentences
from guideline_benchmarks.reports.run.counts import MODELLED
from guideline_benchmarks.results.cost_model.coefficient_file import load_model
from guideline_benchmarks.results.cost_model.modelled import modelled
from guideline_benchmarks.results.errors import CheckFailedError
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.results.record.cells import Cell, Experiment, WholeNetwork
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.results.tables.counts import counts_of
from guideline_benchmarks.runners.emulator import count
from guideline_benchmarks.runners.emulator.count_cache import CountCache
from guideline_benchmarks.runners.launcher import identify, launcher_of


def command(
    model: Model,
    on: Annotated[
        str, typer.Option(help="A coefficient file (.toml), or one of the suite's by name.")
    ] = "cortex-a57",
    inputs: Inputs = None,
    values: Values = None,
    ranges: Ranges = None,
    python: Python = None,
    patience: Patience = PATIENCE,
    json: Json = False,
) -> None:
    """Model the time of a network on a board from counts, without the board: not measured."""
    coefficients = load_model(on)
    given = given_of(inputs, ranges, values, python)
    cell = Cell("prediction", model, 1, axes={}, network=asked_network(model, given))
    declaration = Declaration(
        Experiment(name="prediction", table="", title="", claim="", axes=(), base=None),
        lambda _: [cell],
    )
    asked = counting_plan(
        [declaration], coefficients.backend, coefficients.caches, Options(patience=patience)
    )
    run = _counted(asked, quiet=json)
    counts = counts_of(run, run.cells[0], None)
    if counts is None:
        raise CheckFailedError(f"{model} failed its proof: {run.failures[cell.name]}.")
    found = modelled(coefficients, counts, None)
    assert found is not None
    network = run.cells[0].network
    cost = named_cost(network) if isinstance(network, WholeNetwork) else run.cells[0].counted
    if json:
        print_json(
            {
                "model": model,
                "input": list(network.input_shape),
                "inputs": [asdict(tensor) for tensor in network.inputs],
                "cost": cost and asdict(cost),
                "on": coefficients.model_dump(mode="json"),
                "modelled_ms": found.ms,
                "modelled_ci95_ms": list(found.ci95_ms),
                "counts": run.counts[0].model_dump(mode="json", exclude={"proof"}),
                "fingerprint": run.fingerprint.model_dump(mode="json"),
            }
        )
        return
    low, high = found.ci95_ms
    typer.echo(
        f"{model} on {coefficients.core}: {found.ms:.3g} ms, 95 % prediction interval "
        f"{low:.3g} to {high:.3g} ms ({MODELLED})."
    )
    typer.echo(
        f"From {counts.instructions / 1e6:.4g} M instructions of "
        f"{backend(coefficients.backend).runtime}'s kernels; fitted on {coefficients.fitted_on}. "
        "The interval is for networks like those."
    )
    if cost is not None:
        for sentence in (cost_sentence(cost), *uncounted_sentences(cost)):
            typer.echo(sentence)


def _counted(asked: runs.Plan, quiet: bool) -> Run:
    """Return the counts of a plan that is not kept as a run; the cache keeps them."""
    cache = cache_folder()
    launcher = launcher_of(asked.platform, cache)
    fingerprint = identify(asked.platform, launcher)
    try:
        with ProgressDisplay(len(asked.cells), 1, quiet) as display:
            cells, others, files = runs.prepare(asked, cache, display.preparing)
            run = runs.begin(asked, fingerprint, cells, others)
            run = run.model_copy(update={"sessions": [runs.new_session()]})
            kept = CountCache(cache / "counts")
            return count.count(run, files, launcher, lambda _: None, display, kept, reuse=True)
    except KeyboardInterrupt:
        typer.echo("guidelines: Interrupted. Nothing was stored yet.", err=True)
        raise typer.Exit(INTERRUPTED) from None
