"""The command `guidelines cpu-counter`."""

from __future__ import annotations

import typer

from guideline_benchmarks.runners.emulator import cpu_counter


def command() -> None:
    """Set up the counter of platform cpu-counted (x86-64 Debian and Ubuntu, without root)."""
    folder = cpu_counter.default_folder()
    versions = cpu_counter.install(folder, typer.echo).versions
    typer.echo(f"{folder} holds qemu-user {versions.qemu} and the counter.")
