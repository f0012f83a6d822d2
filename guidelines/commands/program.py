"""The program: its commands by name and summary; one is imported when it is called.

Every command is a module of its name in one of the folders here, whose `command` is a function, or
a `typer.Typer` of several (board).
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.store.files import refuse_unreadable


class Listed(NamedTuple):
    """Where a command stands, a folder beside this file, and the first paragraph of its help."""

    room: str
    summary: str


# In the order in which they are listed.
COMMANDS = {
    "list": Listed(
        "unmeasured",
        "List the experiments and the platforms that come with the suite.",
    ),
    "run": Listed(
        "measuring",
        "Measure experiments, then print their tables and write the report.",
    ),
    "matrix": Listed(
        "measuring",
        "Measure all combinations of platforms, threads and precisions in a file; compare them.",
    ),
    "paper": Listed(
        "measuring",
        "Say what of the paper's tables and figures is here; with --platform, measure all of them.",
    ),
    "decompose": Listed(
        "measuring",
        "Show where the time of your own network goes, operator by operator.",
    ),
    "widths": Listed(
        "measuring",
        "Say what to round channels to: time layers of 33 widths, and find the runtime's block.",
    ),
    "advise": Listed(
        "measuring",
        "Say which guideline your network breaks, and how much time obeying it would give here.",
    ),
    "cost": Listed(
        "unmeasured",
        "Count what a network costs, layer by layer: multiply-adds, weights, memory access.",
    ),
    "show": Listed(
        "stored",
        "Print the tables of a stored run; with --json one object per cell, or per share of time.",
    ),
    "fleet": Listed(
        "measuring",
        "Many devices, measured at the same time by one command: boards, this machine, a cluster.",
    ),
    "report": Listed(
        "stored",
        "Write every table, plot and page of stored runs again, without measuring.",
    ),
    "ab": Listed(
        "measuring",
        "Say which cells side B runs slower than side A: both alive at once, network by network.",
    ),
    "check": Listed(
        "stored",
        "Check a run against a stored one of the same platform; exits 1 on a regression.",
    ),
    "compare": Listed(
        "stored",
        "Lay runs of several platforms side by side, to see which guideline matters on which.",
    ),
    "history": Listed(
        "stored",
        "Show how each cell has gone over the runs of one platform, and where it changed.",
    ),
    "gate-study": Listed(
        "suite",
        "Measure how often the gate cries wolf and sees slow-downs: quiet, and beside made noise.",
    ),
    "arm-model": Listed(
        "suite",
        "Fit the cost model of the paper's ARM core, test it out of sample, write file and page.",
    ),
    "calibrate": Listed(
        "machines",
        "Fit a cost model to a measured run of your board, and test it on cells kept aside.",
    ),
    "predict": Listed(
        "unmeasured",
        "Model the time of a network on a board from counts, without the board: not measured.",
    ),
    "arm-emulator": Listed(
        "machines",
        "Set up the emulated ARM core of platform arm-emulated (Debian and Ubuntu, without root).",
    ),
    "cpu-counter": Listed(
        "machines",
        "Set up the counter of platform cpu-counted (x86-64 Debian and Ubuntu, without root).",
    ),
    "litert-converter": Listed(
        "machines",
        "Set up what converts networks for LiteRT (1 GB, in an environment of its own).",
    ),
    "networks": Listed(
        "unmeasured",
        "List the whole networks with their multiply-adds and weights, beside the published ones.",
    ),
    "doctor": Listed(
        "machines",
        "Say in plain words what will make this machine's figures unreliable, and what to do.",
    ),
    "bench": Listed(
        "suite",
        "Measure the suite itself: fidelity of the harness, cost of a full run, start-up times.",
    ),
    "board": Listed(
        "machines",
        "Boards that are reached by ssh.",
    ),
}
# Earlier names, which still work and say the new one.
RENAMED = {"calibrate-gate": "gate-study"}


class Command(TyperCommand):
    """A command; see `_read_as_false`."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return --help."""
        return _read_as_false(super().get_help_option(ctx))


class Group(TyperGroup):
    """The group of all commands; see `_read_as_false`."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return --help."""
        return _read_as_false(super().get_help_option(ctx))

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """Return the context of a call; raises BadInputError in a shell that has no completion."""
        try:
            return super().make_context(*arguments, **named)
        except typer.Exit as left:
            if left.exit_code == 0:
                raise
            raise BadInputError("Completion is for bash, zsh, fish and PowerShell.") from None


def _readable(function: Callable[..., None]) -> Callable[..., None]:
    """Return a command that raises BadInputError for words that no record could keep.

    Folders are not kept in records, so their names may be any.
    """

    @functools.wraps(function)
    def checked(**arguments: Any) -> None:
        for value in arguments.values():
            words = value if isinstance(value, list) else [value]
            refuse_unreadable(*(word for word in words if isinstance(word, str)))
        function(**arguments)

    return checked


def _read_as_false(flag: Any) -> Any:
    """Return a flag whose value is false where it is not given.

    Some versions of typer import pydantic, which takes as long as all else, to make that of None.
    """
    flag.default = False
    return flag


class LazyCommand(TyperCommand):
    """A command that is known by its summary, and imported when it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Return the context of the command itself, which the arguments are for."""
        now = RENAMED.get(str(self.name))
        if now is not None and not extra.get("resilient_parsing"):
            typer.echo(f"guidelines: {self.name} is now called {now}.", err=True)
        return loaded(now or str(self.name)).make_context(info_name, args, parent, **extra)


def loaded(name: str) -> Any:
    """Return a command by its name, imported now."""
    place = f"{__package__}.{COMMANDS[name].room}.{name.replace('-', '_')}"
    found = importlib.import_module(place).command
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False, rich_markup_mode=None)
        found.command(name, cls=Command)(_readable(function))
    return get_command(found)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        name = "guideline-benchmarks"
        typer.echo(f"{name} {version(name)}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _program() -> Any:
    options = typer.Typer(
        name="guidelines",
        cls=Group,
        help="What does each ShuffleNet V2 design guideline cost on this hardware and runtime?",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    options.callback()(_options)
    group: Any = get_command(options)
    for option in group.params:
        _read_as_false(option)
    group.commands = {
        **{name: LazyCommand(name, help=listed.summary) for name, listed in COMMANDS.items()},
        **{name: LazyCommand(name, hidden=True) for name in RENAMED},
    }
    return group


program = _program()
