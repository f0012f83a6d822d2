"""The commands around cost models: the paper's ARM core, a user's board, predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guidelines.commands.options import Json


def arm_model(
    counts: Annotated[
        Path, typer.Option(help="Where the counts lie; what is missing there is counted.")
    ] = Path("results/reference"),
    page: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/arm_model.md"),
    model: Annotated[Path, typer.Option(help="The coefficient file to write.")] = Path(
        "results/cost_model/fitted/cortex-a57.toml"
    ),
) -> None:
    """Fit the cost model of the paper's ARM core, test it out of sample, write file and page."""
    from guidelines.studies.cortex_a57.study import make_arm_model

    make_arm_model(counts, page, model)


def calibrate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A measured run of an ARM board.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The coefficient file to write.  [default: RUN/cost_model.toml]"),
    ] = None,
) -> None:
    """Fit a cost model to a measured run of your board, and test it on cells kept aside."""
    from guidelines.commands.calibrate import calibrate_board

    calibrate_board(run, out)


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A whole network by name (guidelines networks), module:callable, or an .onnx "
            "file. A callable is code, and is run.",
        ),
    ],
    on: Annotated[
        str, typer.Option(help="A coefficient file (.toml), or one of the suite's by name.")
    ] = "cortex-a57",
    shape: Annotated[
        str | None,
        typer.Option("--input", help="Input of your own network.  [default: 1,3,224,224]"),
    ] = None,
    json: Json = False,
) -> None:
    """Model the time of a network on a board from counts, without the board: not measured."""
    from guidelines.commands.predict import predict_network

    predict_network(model, on, shape, json)


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the program."""
    app.command("arm-model")(arm_model)
    app.command()(calibrate)
    app.command()(predict)
