"""The command `guidelines advise`."""

from __future__ import annotations

from pathlib import Path
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
from guideline_benchmarks.guidelines.commands.options import (
    Core,
    Json,
    MachineName,
    PlatformName,
    PrecisionName,
    Processes,
    Quiet,
    Resume,
    Seed,
    Threads,
)

# As in guidelines.export.apart, which takes longer to import.
PATIENCE = 120.0


def command(
    model: Model,
    inputs: Inputs = None,
    values: Values = None,
    ranges: Ranges = None,
    python: Python = None,
    patience: Patience = PATIENCE,
    platform: PlatformName = "cpu",
    runs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Samples of each network.  [default: 25 to 100, as each step needs]"
        ),
    ] = None,
    processes: Processes = None,
    core: Core = None,
    threads: Threads = None,
    precision: PrecisionName = "fp32",
    machine: MachineName = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="The advice's own folder.  [default: results/runs/advise-<time>]"),
    ] = None,
    resume: Resume = False,
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.onnx",
            help="Write the network with all that pays put in; weights of changed layers are "
            "random.",
        ),
    ] = None,
    fail_above: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT",
            min=0,
            help="Exit 1 when a finding costs more of the whole network's time.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Print all findings, each in full.")
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say which guideline your network breaks, and how much time obeying it would give here."""
    # Imported only now, so that --help is quick.
    from guideline_benchmarks.guidelines.session.advice.publishing import Asked, advise_and_publish
    from guideline_benchmarks.guidelines.session.asked_networks import asked_network
    from guideline_benchmarks.guidelines.session.options import Options

    given = given_of(inputs, ranges, values, python)
    options = Options(
        runs=runs,
        processes=processes,
        seed=seed,
        core=core,
        threads=threads,
        precision=precision,
        machine=machine,
        patience=patience,
    )
    asked = Asked(
        model=model,
        network=asked_network(model, given),
        platform=platform,
        options=options,
        out=out,
        resume=resume,
        apply=apply,
        fail_above=fail_above,
        everything=everything,
        quiet=quiet,
        json=json,
    )
    advise_and_publish(asked)
