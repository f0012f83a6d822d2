"""The command `guidelines decompose`."""

from __future__ import annotations

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
    DepthwiseAs,
    Details,
    Json,
    MachineName,
    Out,
    PlatformName,
    PrecisionName,
    Processes,
    Quiet,
    Resume,
    Runs,
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
    runs: Runs = None,
    processes: Processes = None,
    depthwise: DepthwiseAs = "conv",
    core: Core = None,
    threads: Threads = None,
    precision: PrecisionName = "fp32",
    machine: MachineName = None,
    seed: Seed = 0,
    out: Out = None,
    resume: Resume = False,
    quiet: Quiet = False,
    details: Details = False,
    json: Json = False,
) -> None:
    """Show where the time of your own network goes, operator by operator."""
    # Imported only now, so that --help is quick.
    from guideline_benchmarks.guidelines.runtime_decomposition import user_declaration
    from guideline_benchmarks.guidelines.session.asked_networks import asked_network
    from guideline_benchmarks.guidelines.session.measuring import Output, measure_and_publish
    from guideline_benchmarks.guidelines.session.options import Options
    from guideline_benchmarks.guidelines.session.planning import plan

    given = given_of(inputs, ranges, values, python)
    declaration = user_declaration(model, asked_network(model, given))
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
    asked = plan([declaration], platform, options)
    measure_and_publish(asked, out, resume, Output(quiet, json, depthwise, details))
