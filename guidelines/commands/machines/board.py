"""The command `guidelines board check`: what a board is, and what it lacks to be measured."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Annotated

import typer

from guideline_benchmarks.reports.run.heading import cores_text, processor
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.backends import Backend, backend
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.runners import platform_file, worker_archive
from guideline_benchmarks.runners.claim import Claim, holder
from guideline_benchmarks.runners.events import Board
from guideline_benchmarks.runners.launcher import Launcher, identify
from guideline_benchmarks.runners.platforms import platform_names
from guideline_benchmarks.runners.transports import ssh

# Runtimes are built for these processors alone.
ARM = ("aarch64", "arm64")
ARCHITECTURES = (*ARM, "x86_64")
VENV = "guidelines-venv"
# In what Python says of a system.
_GLIBC = re.compile(r"glibc(\d+\.\d+)")
# For the worker, the networks of Tables 1 to 4, and what an inference takes on disk for a moment.
LEAST_FREE_BYTES = 200 * 10**6

command = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def platform_name(address: str) -> str:
    """Return the name that --platform takes for a board given as that name or as user@host."""
    known = address in platform_names() or address.endswith(".toml")
    if known or "/" in address or address.startswith(platform_file.SSH):
        return address
    return f"{platform_file.SSH}{address}"


def board_platform(name: str, python: str | None) -> Platform:
    """Return the platform of a board by what --platform takes, with another Python if one is given.

    Raises BadInputError for what names none, and for a platform that is not reached by ssh.
    """
    platform = platform_file.load_platform(name)
    if platform.ssh is None:
        raise BadInputError(
            f'{name} is no board: name user@host, or a platform file with transport = "ssh".'
        )
    if python is None:
        return platform
    content = platform.model_dump(exclude_defaults=True)
    content["ssh"]["python"] = python
    return platform_file.checked(content, f"Board {name}")


@command.callback()
def board() -> None:
    """Boards that are reached by ssh."""


@command.command()
def check(
    address: Annotated[
        str, typer.Argument(metavar="HOST", help="user@host[:port], or a platform file (.toml).")
    ],
    python: Annotated[
        str | None, typer.Option(help="The board's Python.  [default: the platform's, or python3]")
    ] = None,
    break_lock: Annotated[
        bool,
        typer.Option("--break-lock", help="Break a lock that somebody left who is not at work."),
    ] = False,
) -> None:
    """Say what a board is and has, and how to install what it lacks; nothing is installed."""
    name = platform_name(address)
    platform = board_platform(name, python)
    row = backend(platform.backend)
    archive = worker_archive.build(cache_folder())
    connection = ssh.open_transport(platform, archive, Claim.of_this_process())
    if break_lock:
        connection.break_lock()
    found = connection.check(row.requirements)
    for line in description(found):
        typer.echo(line)
    lacking = [package for package, version in found.packages.items() if version is None]
    if lacking:
        for line in remedy(found, lacking, row):
            typer.echo(line)
        raise PlatformError(f"{connection.place} lacks {' and '.join(lacking)}.")
    # That it is installed does not say that it starts.
    identify(platform, Launcher(connection, worker_archive.digest()))
    for line in ready(name, platform, python is not None):
        typer.echo(line)


def description(found: Board) -> list[str]:
    """Return what a board is and has, a line each."""
    machine = found.machine
    packages = ", ".join(f"{name} {found.packages[name] or 'missing'}" for name in found.packages)
    lines = [
        f"Board      {machine.hostname}: {machine.os}, {machine.memory / 1e9:.1f} GB of memory",
        f"Processor  {processor(machine)}",
        f"Worker     is kept on {cores_text(found.core, machine.clusters) or 'no core'}",
        f"Python     {found.executable} ({machine.python}, {found.bits} bits): {packages}",
        f"Cache      {found.folder}, {found.free / 1e9:.1f} GB free",
    ]
    if found.lock is not None:
        how = "and measures there now" if found.lock.alive else "and is not at work there now"
        lines.append(f"Lock       {holder(found.lock)} has it, {how}")
    if found.free < LEAST_FREE_BYTES:
        lines.append(f"Warning    free some space: {LEAST_FREE_BYTES // 10**6} MB are needed.")
    return lines


def remedy(found: Board, lacking: Sequence[str], row: Backend) -> list[str]:
    """Return what to do on a board that lacks packages of a runtime, a line each."""
    machine = found.machine
    if found.bits == 32 or machine.architecture not in ARCHITECTURES:
        return [
            f"{row.runtime} is not built for {found.bits}-bit programs on "
            f"{machine.architecture}: install a 64-bit system on the board."
        ]
    glibc = _GLIBC.search(machine.os)
    if machine.architecture in ARM and glibc and _older(glibc[1], row.least_glibc):
        return [
            f"{row.runtime} is built for glibc {row.least_glibc} or newer on ARM, and the board "
            f"has {glibc[1]}: install a newer system on it."
        ]
    return [*_older_wheels(found, row), *_installing(found, lacking)]


def _older_wheels(found: Board, row: Backend) -> list[str]:
    """Warn of a Python for which there are no wheels of a runtime's newest version."""
    if not _older(found.machine.python, row.least_python):
        return []
    return [
        f"Warning    {row.runtime}'s newest wheels are for Python {row.least_python} or newer: for "
        f"{found.machine.python} pip takes an older version, if there is one; better name a newer "
        "Python of the board's with --python."
    ]


def _older(version: str, least: str) -> bool:
    """Whether a version such as "3.9.2" is older than one such as "3.10", "" being any."""
    one, other = (tuple(map(int, re.findall(r"\d+", text)[:2])) for text in (version, least))
    return bool(other) and one < other


def _installing(found: Board, lacking: Sequence[str]) -> list[str]:
    """Return how to install packages on a board, a line each."""
    python = shlex.quote(found.executable)
    if found.managed:
        # Debian and its descendants keep a part of venv in a package of its own.
        first = found.debian and "ensurepip" not in found.tools
        return [
            "Its Python belongs to the system, which pip must leave alone. On the board:",
            *(["  sudo apt install python3-venv"] if first else []),
            f"  {python} -m venv ~/{VENV}",
            f"  ~/{VENV}/bin/python -m pip install {' '.join(found.packages)}",
            f'Then name that Python in a platform file, under [ssh]: python = "{VENV}/bin/python"',
        ]
    get_pip = "sudo apt install python3-pip" if found.debian else f"{python} -m ensurepip"
    first_lines = [] if "pip" in found.tools else [f"  {get_pip}"]
    return ["On the board:", *first_lines, f"  {python} -m pip install {' '.join(lacking)}"]


def ready(name: str, platform: Platform, changed: bool) -> list[str]:
    """Return how to measure a board, a line each; a platform that was changed becomes a file."""
    written = [f"  {line}".rstrip() for line in platform_file.lines(platform)]
    if changed:
        return [
            "Ready. Keep this as a platform file, say board.toml:",
            *written,
            "Then: guidelines run all --platform board.toml",
        ]
    lines = [f"Ready: {shlex.join(['guidelines', 'run', 'all', '--platform', name])}"]
    if platform_file.is_flat(name):
        lines += [
            f"{name} is still read, but what says how a board is reached has a table of its own "
            "now:",
            *written,
        ]
    return lines
