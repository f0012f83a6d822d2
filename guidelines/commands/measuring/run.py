"""The command `guidelines run`."""

from __future__ import annotations

from typing import Annotated

import typer

from guideline_benchmarks.guidelines.catalogue import EXACT, EXPERIMENTS, GUIDELINES, select
from guideline_benchmarks.guidelines.commands.options import (
    Batch,
    Channels,
    Core,
    DepthwiseAs,
    Details,
    G4Unit,
    Json,
    MachineName,
    MaxSeconds,
    Out,
    PlatformName,
    PrecisionName,
    Processes,
    Quiet,
    Resume,
    Runs,
    Seed,
    Threads,
    UntilError,
)


def command(
    experiments: Annotated[
        list[str],
        typer.Argument(
            metavar="EXPERIMENT",
            help=f"{', '.join(EXPERIMENTS)}, or all: {', '.join(GUIDELINES)} (with --channels "
            f"exact: {', '.join(EXACT)}).",
        ),
    ],
    platform: PlatformName = "cpu",
    runs: Runs = None,
    processes: Processes = None,
    channels: Channels = None,
    g4_unit: G4Unit = "bottleneck",
    caches: Annotated[
        bool,
        typer.Option(
            "--caches", help="On an emulated platform, count misses of modelled caches, too."
        ),
    ] = False,
    batch: Batch = None,
    precision: PrecisionName = "fp32",
    until_error: UntilError = None,
    max_seconds: MaxSeconds = None,
    depthwise: DepthwiseAs = "conv",
    core: Core = None,
    threads: Threads = None,
    machine: MachineName = None,
    seed: Seed = 0,
    out: Out = None,
    resume: Resume = False,
    quiet: Quiet = False,
    details: Details = False,
    json: Json = False,
) -> None:
    """Measure experiments, then print their tables and write the report."""
    # Imported only now, so that --help is quick.
    from guideline_benchmarks.guidelines.session.measuring import Output, measure_and_publish
    from guideline_benchmarks.guidelines.session.options import Options
    from guideline_benchmarks.guidelines.session.planning import plan, stopping_rule

    options = Options(
        runs=runs,
        processes=processes,
        seed=seed,
        channels=channels,
        g4_unit=g4_unit,
        caches=caches,
        core=core,
        threads=threads,
        machine=machine,
        batch=batch,
        precision=precision,
        stop=stopping_rule(until_error, max_seconds),
    )
    asked = plan(select(experiments, channels), platform, options)
    measure_and_publish(asked, out, resume, Output(quiet, json, depthwise, details))
