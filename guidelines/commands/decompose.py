"""The command `guidelines decompose`."""

from __future__ import annotations

from typing import Annotated

import typer

from guidelines.commands.options import (
    Core,
    DepthwiseAs,
    Details,
    Json,
    MachineName,
    Out,
    PlatformName,
    Processes,
    Quiet,
    Resume,
    Runs,
    Seed,
)


def command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="An .onnx file, or module:callable that returns a torch module, say "
            "networks.resnet:resnet_50. Only what is named here is loaded; a callable is code, and "
            "is run.",
        ),
    ],
    shape: Annotated[
        str, typer.Option("--input", help="Shape of the input, batch first.")
    ] = "1,3,224,224",
    platform: PlatformName = "cpu",
    runs: Runs = None,
    processes: Processes = None,
    depthwise: DepthwiseAs = "conv",
    core: Core = None,
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
    from guidelines.runtime_decomposition import user_declaration
    from guidelines.session.measuring import Output, measure_and_publish
    from guidelines.session.options import Options
    from guidelines.session.planning import parse_shape, plan

    declaration = user_declaration(model, parse_shape(shape))
    options = Options(runs=runs, processes=processes, seed=seed, core=core, machine=machine)
    asked = plan([declaration], platform, options)
    measure_and_publish(asked, out, resume, Output(quiet, json, depthwise, details))
