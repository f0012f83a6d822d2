"""The command `guidelines arm-emulator`."""

from __future__ import annotations

from typing import Annotated

import typer

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.backends import BACKENDS, Backend, backend
from guideline_benchmarks.runners.emulator import install, wheels


def command(
    name: Annotated[
        str,
        typer.Option("--backend", help="Whose runtime to fetch; those fetched before are kept."),
    ] = install.DEFAULT_BACKEND,
) -> None:
    """Set up the emulated ARM core of platform arm-emulated (Debian and Ubuntu, without root)."""
    folder, row = install.default_folder(), _counted(name)
    versions = install.install(folder, row, typer.echo).versions
    fetched = " and ".join(wheels.wanted(row)).replace("==", " ")
    typer.echo(f"{folder} holds qemu-user {versions.qemu}, Python {versions.python}, {fetched}.")


def _counted(name: str) -> Backend:
    """Return the backend of that name; raises BadInputError unless a worker needs nothing else."""
    row = backend(name)
    if not row.over_ssh:
        others = ", ".join(other.name for other in BACKENDS.values() if other.over_ssh)
        raise BadInputError(f"Nothing is counted of backend {name}: choose one of {others}.")
    return row
