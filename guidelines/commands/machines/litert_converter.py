"""The command `guidelines litert-converter`."""

from __future__ import annotations

from typing import Annotated

import typer

from guideline_benchmarks.guidelines.export.converters import litert_environment


def command(
    pip_arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Further arguments for pip, behind --: those that choose an index, say."
        ),
    ] = None,
) -> None:
    """Set up what converts networks for LiteRT (1 GB, in an environment of its own)."""
    folder = litert_environment.default_folder()
    python = litert_environment.install(folder, pip_arguments or [], typer.echo)
    typer.echo(f"{python} has {' and '.join(litert_environment.PACKAGES)}.")
