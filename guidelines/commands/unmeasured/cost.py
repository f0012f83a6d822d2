"""The command `guidelines cost`: multiply-adds and memory access cost, without measuring."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.console import Console

from guideline_benchmarks.guidelines.commands.model_options import (
    Inputs,
    Model,
    Patience,
    Python,
    Ranges,
    Values,
    given_of,
)
from guideline_benchmarks.guidelines.commands.options import Json, Seed
from guideline_benchmarks.guidelines.export import user_networks
from guideline_benchmarks.guidelines.export.apart import PATIENCE
from guideline_benchmarks.guidelines.session.asked_networks import asked_network, named_cost
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.reports.formats.terminal import print_table
from guideline_benchmarks.reports.run.costs import (
    cost_sentence,
    inputs_sentence,
    layers_table,
    operators_table,
    uncounted_sentences,
)
from guideline_benchmarks.results.record.cells import UserNetwork


def command(
    model: Model,
    inputs: Inputs = None,
    values: Values = None,
    ranges: Ranges = None,
    python: Python = None,
    patience: Patience = PATIENCE,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Count what a network costs, layer by layer: multiply-adds, weights, memory access."""
    network = asked_network(model, given_of(inputs, ranges, values, python))
    fvcore = None
    if isinstance(network, UserNetwork):
        network, answer = user_networks.counted(network, seed, patience)
        found, fvcore = answer.cost, answer.fvcore_multiply_adds
        assert found is not None
    else:
        found = named_cost(network)
    if json:
        tensors = [asdict(tensor) for tensor in network.inputs]
        print_json(
            {"model": model, "inputs": tensors, **asdict(found), "fvcore_multiply_adds": fvcore}
        )
        return
    screen = Console()
    print_table(layers_table(model, found), screen)
    print_table(operators_table(model, found), screen)
    if isinstance(network, UserNetwork):
        typer.echo(inputs_sentence(network))
        for note in network.notes:
            typer.echo(note)
    typer.echo(cost_sentence(found))
    for sentence in uncounted_sentences(found):
        typer.echo(sentence)
    if fvcore is not None:
        typer.echo(fvcore_sentence(fvcore, found.multiply_adds))


def fvcore_sentence(theirs: int, ours: int) -> str:
    """Say whether fvcore counts the same multiply-adds of convolutions and products."""
    if theirs == ours:
        return "fvcore counts the same multiply-adds."
    return (
        f"fvcore counts {theirs} multiply-adds where this suite counts {ours}: it knows no fused "
        "attention and no recurrent layer."
    )
