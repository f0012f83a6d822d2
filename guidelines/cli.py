"""The command line. Imports are made where they are used, so that --help is quick."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from results.errors import BadInputError, CheckFailedError, PlatformError, SuiteError

if TYPE_CHECKING:
    from guidelines.runs import Plan
    from results.schema import Run
    from results.summary import Summary

app = typer.Typer(
    name="guidelines",
    help="What does each ShuffleNet V2 design guideline cost on this hardware and runtime?",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DEFAULT_PROCESSES = 5
INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@app.command("list")
def list_experiments() -> None:
    """List the experiments and the platforms that come with the suite."""
    from guidelines.catalogue import GUIDELINES
    from results.schema import NetworkChoice
    from runners.platform_file import load_platform, platform_names

    typer.echo("Experiments")
    for guideline in GUIDELINES.values():
        experiment = guideline.experiment
        cells = len(guideline.cells(NetworkChoice()))
        typer.echo(f"  {experiment.name}   {experiment.table}  {cells} cells  {experiment.claim}")
    typer.echo("Platforms")
    for name in platform_names():
        typer.echo(f"  {name:<10} {load_platform(name).description}")


@app.command()
def run(
    experiments: Annotated[
        list[str], typer.Argument(metavar="EXPERIMENT", help="g1, g2, g3, g4, or all.")
    ],
    platform: Annotated[
        str, typer.Option(help="A platform's name, or the path of a platform file (.toml).")
    ] = "cpu",
    runs: Annotated[int, typer.Option(min=1, help="Samples of each cell.")] = 100,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Fresh processes to spread them over.  [default: 5]"),
    ] = None,
    channels: Annotated[
        Literal["gpu", "arm"] | None,
        typer.Option(help="The paper's channel set.  [default: the platform's]"),
    ] = None,
    g4_unit: Annotated[
        Literal["bottleneck", "equal-width"],
        typer.Option(help="How Table 4's unit is read (docs/protocol.md, decision 4)."),
    ] = "bottleneck",
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Seed of weights, input and order.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="The run's own folder.  [default: results/runs/<platform>-<time>]"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run of the same.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No progress and no tables: only where the run is.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure experiments, then print their tables and write the report."""
    from guidelines.catalogue import select
    from guidelines.runs import Plan
    from results.schema import Protocol
    from runners.platform_file import load_platform

    if processes is not None and processes > runs:
        raise BadInputError(
            f"--processes {processes} is more than --runs {runs}: every process takes at least "
            "one sample."
        )
    chosen = load_platform(platform)
    protocol = Protocol(
        runs=runs,
        processes=processes or min(DEFAULT_PROCESSES, runs),
        seed=seed,
        channels=channels or chosen.channels,
        g4_unit=g4_unit,
    )
    plan = Plan(select(experiments), chosen, protocol)
    folder, finished = _measure(plan, out, resume, quiet or json)
    _publish(folder, finished, quiet, json)
    for name, reason in sorted(finished.failures.items()):
        raise CheckFailedError(
            f"{len(finished.failures)} network(s) failed their proof and have no figures; "
            f"{name}: {reason}."
        )


def _measure(plan: Plan, out: Path | None, resume: bool, quiet: bool) -> tuple[Path, Run]:
    """Measure with a progress display; say where to continue when it ends early."""
    from guidelines import runs
    from guidelines.progress import ProgressDisplay

    folder = out or (runs.newest_unfinished(plan) if resume else None)
    folder = folder or runs.default_folder(plan.platform)
    display = ProgressDisplay(plan.protocol, quiet)
    # Ended by `kill`, a run must end its worker as it does when interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with display:
            return folder, runs.execute(plan, folder, resume, display, display.preparing)
    except KeyboardInterrupt:
        typer.echo(f"guidelines: Interrupted. {_kept(folder)}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except PlatformError as error:
        raise PlatformError(f"{error} {_kept(folder)}") from None


def _kept(folder: Path) -> str:
    """Say what an interrupted run leaves behind and how to go on."""
    from results import store

    if not store.has_run(folder):
        return "No round was finished yet."
    program, *words = [word for word in sys.argv if word != "--resume"]
    if not any(word.split("=")[0] == "--out" for word in words):
        words += ["--out", str(folder)]
    started = ["python", "-m", "guidelines"] if program.endswith("__main__.py") else [program]
    command = shlex.join([*started, *words, "--resume"])
    kept = len(store.read_run(folder).rounds)
    return f"Rounds kept in {folder}: {kept}; continue with: {command}"


def _publish(folder: Path, finished: Run, quiet: bool, json: bool) -> None:
    """Print what was asked for, and write the report."""
    from reports.report import write_report
    from results.summary import summarise

    summary = summarise(finished)
    if json:
        _print_json(summary)
    elif quiet:
        typer.echo(folder)
    else:
        _print_tables(summary)
    try:
        report = write_report(summary, folder / "report")
    except SuiteError as error:
        again = f"The run itself is complete; write its report with: guidelines report {folder}"
        raise type(error)(f"{error} {again}") from None
    if not (json or quiet):
        typer.echo(f"Record: {folder / 'run.json'}   Report: {report}")


def _print_json(summary: Summary) -> None:
    import json

    from results.summary import json_objects

    typer.echo(json.dumps(json_objects(summary), indent=2, ensure_ascii=False))


def _print_tables(summary: Summary) -> None:
    from reports.terminal import print_summary

    print_summary(summary)


@app.command()
def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    json: Json = False,
) -> None:
    """Print the tables of a stored run; with --json one object per cell."""
    from results.store import read_run
    from results.summary import summarise

    summary = summarise(read_run(run))
    if json:
        _print_json(summary)
    else:
        _print_tables(summary)


@app.command()
def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN", help="Folders of runs; the newest stored one if none."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write it.  [default: RUN/report]")
    ] = None,
) -> None:
    """Write every table, plot and page of stored runs again, without measuring."""
    from reports.report import write_report
    from results.store import RUNS, read_run, stored_runs
    from results.summary import summarise

    chosen = runs or stored_runs()[:1]
    if not chosen:
        raise BadInputError(f"There is no stored run in {RUNS}: measure one with `make tables`.")
    if out is not None and len(chosen) > 1:
        raise BadInputError("--out takes the report of one run only: name one RUN.")
    for folder in chosen:
        place = folder if folder.is_dir() else folder.parent
        summary = summarise(read_run(folder))
        typer.echo(write_report(summary, out or place / "report"))


@app.command()
def networks(json: Json = False) -> None:
    """List the whole networks with their multiply-adds and weights, beside the published ones."""
    from guidelines.network_costs import print_network_costs

    print_network_costs(json)


@app.command()
def doctor() -> None:
    """Say in plain words what will make this machine's figures unreliable, and what to do."""
    from guidelines.doctor import print_findings

    print_findings()


@app.command()
def bench(
    platform: Annotated[str, typer.Option(help="A platform's name or file.")] = "cpu",
    json: Json = False,
) -> None:
    """Measure the suite itself: fidelity of the harness, cost of a full run, start-up times."""
    from guidelines.bench import print_benchmarks

    print_benchmarks(platform, json)
