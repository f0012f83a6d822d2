"""Options of the commands that take a network of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from guideline_benchmarks.results.record.cells import Given

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="An .onnx file; module:callable or path/to/module.py:callable that returns a torch "
        "module; or a network by name (guidelines networks). Only what is named here is loaded; a "
        "callable is code, and is run in a process of its own.",
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="[NAME=]SHAPE[:TYPE]",
        help="An input's shape, batch first; once for each input, say --input "
        "image=1,3,224,224 --input mask=1,224,224:bool.  [default: the file's, or 1,3,224,224]",
    ),
]
Values = Annotated[
    Path | None,
    typer.Option("--values", metavar="FILE.npz", help="Real data: arrays by the inputs' names."),
]
Ranges = Annotated[
    list[str] | None,
    typer.Option(
        "--range",
        metavar="[NAME=]LOW,HIGH",
        help="Draw numbers from LOW to HIGH.  [default: standard normal; whole numbers 0 or 1]",
    ),
]
Python = Annotated[
    Path | None,
    typer.Option(
        "--python",
        metavar="PATH",
        help="The Python that loads and exports your module, say your project's: it needs torch, "
        "and onnx for ONNX Runtime.",
    ),
]
Patience = Annotated[
    float,
    typer.Option(min=1, metavar="SECONDS", help="How long loading and exporting it may take."),
]


def given_of(
    inputs: list[str] | None, ranges: list[str] | None, values: Path | None, python: Path | None
) -> Given:
    """Return what these options say of a network, as the record keeps it."""
    # Imported only now, so that --help is quick.
    from guideline_benchmarks.results.record.cells import Given

    return Given(tuple(inputs or ()), tuple(ranges or ()), str(values or ""), str(python or ""))
