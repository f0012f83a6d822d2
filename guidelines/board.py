"""What `guidelines board check` does: say what a board is, and what it lacks to be measured."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

import typer

from reports.heading import cores_text, processor
from results.errors import BadInputError, PlatformError
from results.schema import Platform
from results.store import cache_folder
from runners import measure, platform_file, worker_archive
from runners.events import Board
from runners.ssh import Connection

RUNTIMES = ("numpy", "onnxruntime")
# The runtime is built for these processors alone.
ARCHITECTURES = ("aarch64", "arm64", "x86_64")
VENV = "guidelines-venv"
# For the worker, the networks of Tables 1 to 4, and what an inference takes on disk for a moment.
LEAST_FREE_BYTES = 200 * 10**6


def board_platform(address: str, python: str | None) -> Platform:
    """Return the platform of a board from "[ssh:]user@host[:port]", a platform's name or file.

    Raises BadInputError for what names none, and for a platform that is not reached by ssh.
    """
    known = address in platform_file.platform_names() or address.endswith(".toml")
    if known or "/" in address or address.startswith(platform_file.SSH):
        platform = platform_file.load_platform(address)
    else:
        platform = platform_file.board(address)
    if platform.transport != "ssh":
        raise BadInputError(
            f'{address} is no board: name user@host, or a platform file with transport = "ssh".'
        )
    return platform if python is None else platform.model_copy(update={"python": python})


def check(address: str, python: str | None) -> None:
    """Print what a board is and has; how to install what it lacks.

    A board that lacks nothing has started the runtime once. Raises PlatformError when the board
    cannot be reached, or cannot be measured as it is.
    """
    platform = board_platform(address, python)
    archive = worker_archive.build(cache_folder())
    connection = Connection(platform, archive)
    found = connection.check()
    for line in description(found):
        typer.echo(line)
    lacking = [name for name in RUNTIMES if found.packages[name] is None]
    if lacking:
        for line in remedy(found, lacking):
            typer.echo(line)
        raise PlatformError(f"{connection.place} lacks {' and '.join(lacking)}.")
    # That it is installed does not say that it starts.
    launcher = measure.Launcher(connection.command, worker_archive.digest(), board=connection)
    measure.identify(platform, launcher)
    for line in ready(address, platform, python is not None):
        typer.echo(line)


def description(found: Board) -> list[str]:
    """Return what a board is and has, a line each."""
    machine = found.machine
    packages = ", ".join(f"{name} {found.packages[name] or 'missing'}" for name in RUNTIMES)
    lines = [
        f"Board      {machine.hostname}: {machine.os}, {machine.memory / 1e9:.1f} GB of memory",
        f"Processor  {processor(machine)}",
        f"Worker     is kept on {cores_text(found.core, machine.clusters) or 'no core'}",
        f"Python     {found.executable} ({machine.python}, {found.bits} bits): {packages}",
        f"Cache      {found.folder}, {found.free / 1e9:.1f} GB free",
    ]
    if found.free < LEAST_FREE_BYTES:
        lines.append(f"Warning    free some space: {LEAST_FREE_BYTES // 10**6} MB are needed.")
    return lines


def remedy(found: Board, lacking: Sequence[str]) -> list[str]:
    """Return what to do on a board that lacks packages, a line each."""
    if found.bits == 32 or found.machine.architecture not in ARCHITECTURES:
        return [
            f"ONNX Runtime is not built for {found.bits}-bit programs on "
            f"{found.machine.architecture}: install a 64-bit system on the board."
        ]
    packages = " ".join(lacking)
    python = shlex.quote(found.executable)
    if found.managed:
        return [
            "Its Python belongs to the system, which pip must leave alone. On the board:",
            f"  {python} -m venv ~/{VENV}",
            f"  ~/{VENV}/bin/python -m pip install {' '.join(RUNTIMES)}",
            f'Then name that Python in a platform file: python = "{VENV}/bin/python"',
        ]
    first = [] if found.pip else [f"  {python} -m ensurepip"]
    return ["On the board:", *first, f"  {python} -m pip install {packages}"]


def ready(address: str, platform: Platform, changed: bool) -> list[str]:
    """Return how to measure a board, a line each; a platform that was changed becomes a file."""
    if changed:
        given = platform.model_dump(exclude_defaults=True, exclude_none=True)
        file = [f"  {field} = {json.dumps(value)}" for field, value in given.items()]
        return [
            "Ready. Keep this as a platform file, say board.toml:",
            *file,
            "Then: guidelines run all --platform board.toml",
        ]
    named = address if address.endswith(".toml") else platform.name
    return [f"Ready: {shlex.join(['guidelines', 'run', 'all', '--platform', named])}"]
