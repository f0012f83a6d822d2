"""The command `guidelines arm-emulator`."""

from __future__ import annotations

import typer

from guideline_benchmarks.runners.emulator import install


def command() -> None:
    """Set up the emulated ARM core of platform arm-emulated (Debian and Ubuntu, without root)."""
    folder = install.default_folder()
    emulator = install.install(folder, typer.echo)
    versions = emulator.versions
    typer.echo(
        f"{folder} holds qemu-user {versions.qemu}, Python {versions.python}, "
        f"numpy {versions.numpy} and onnxruntime {versions.onnxruntime}."
    )
