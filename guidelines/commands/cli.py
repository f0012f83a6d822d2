"""The command line. Imports are made where they are used, so that --help is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guidelines.commands import comparing_cli, modelling_cli
from guidelines.commands.options import (
    Batch,
    Channels,
    Core,
    DepthwiseAs,
    Details,
    G4Unit,
    Json,
    MaxSeconds,
    Out,
    PlatformName,
    PrecisionName,
    Processes,
    Quiet,
    Resume,
    Runs,
    Seed,
    UntilError,
)
from results.errors import BadInputError

app = typer.Typer(
    name="guidelines",
    help="What does each ShuffleNet V2 design guideline cost on this hardware and runtime?",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
board = typer.Typer(
    help="Boards that are reached by ssh.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(board, name="board")


@app.command("list")
def list_experiments() -> None:
    """List the experiments and the platforms that come with the suite."""
    from guidelines.catalogue import EXPERIMENTS
    from results.record.cells import NetworkChoice
    from runners.platform_file import load_platform, platform_names

    typer.echo("Experiments")
    for study in EXPERIMENTS.values():
        experiment = study.experiment
        cells = f"{len(study.cells(NetworkChoice()))} cells"
        where = f"{experiment.name:<9}{experiment.table:<18}{cells:>8}"
        typer.echo(f"  {where}  {experiment.claim}")
    typer.echo("Platforms")
    boards = "a board reached by ssh; or the path of a platform file (docs/boards.md)"
    told = {name: load_platform(name).description for name in platform_names()}
    for name, description in (*told.items(), ("ssh:user@host", boards)):
        typer.echo(f"  {name:<16} {description}")


@app.command()
def run(
    experiments: Annotated[
        list[str],
        typer.Argument(
            metavar="EXPERIMENT",
            help="g1, g2, g3, g4, fig2, table8, units-56, units-28, or all: g1 to g4.",
        ),
    ],
    platform: PlatformName = "cpu",
    runs: Runs = None,
    processes: Processes = None,
    channels: Channels = None,
    g4_unit: G4Unit = "bottleneck",
    caches: Annotated[
        bool,
        typer.Option(
            "--caches", help="On an emulated platform, count misses of modelled caches, too."
        ),
    ] = False,
    batch: Batch = None,
    precision: PrecisionName = "fp32",
    until_error: UntilError = None,
    max_seconds: MaxSeconds = None,
    depthwise: DepthwiseAs = "conv",
    core: Core = None,
    seed: Seed = 0,
    out: Out = None,
    resume: Resume = False,
    quiet: Quiet = False,
    details: Details = False,
    json: Json = False,
) -> None:
    """Measure experiments, then print their tables and write the report."""
    from guidelines.catalogue import select
    from guidelines.session.measuring import Output, measure_and_publish, plan, stopping_rule

    stop = stopping_rule(until_error, max_seconds)
    asked = plan(
        select(experiments),
        platform,
        runs,
        processes,
        seed,
        channels,
        g4_unit,
        caches,
        core,
        batch,
        precision,
        stop,
    )
    measure_and_publish(asked, out, resume, Output(quiet, json, depthwise, details))


@app.command()
def decompose(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="An .onnx file, or module:callable that returns a torch module, say "
            "networks.resnet:resnet_50. Only what is named here is loaded; a callable is code, and "
            "is run.",
        ),
    ],
    shape: Annotated[
        str, typer.Option("--input", help="Shape of the input, batch first.")
    ] = "1,3,224,224",
    platform: PlatformName = "cpu",
    runs: Runs = None,
    processes: Processes = None,
    depthwise: DepthwiseAs = "conv",
    core: Core = None,
    seed: Seed = 0,
    out: Out = None,
    resume: Resume = False,
    quiet: Quiet = False,
    details: Details = False,
    json: Json = False,
) -> None:
    """Show where the time of your own network goes, operator by operator."""
    from guidelines.runtime_decomposition import user_study
    from guidelines.session.measuring import Output, measure_and_publish, parse_shape, plan

    study = user_study(model, parse_shape(shape))
    asked = plan([study], platform, runs, processes, seed, core=core)
    measure_and_publish(asked, out, resume, Output(quiet, json, depthwise, details))


@app.command()
def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    depthwise: DepthwiseAs = "conv",
    details: Details = False,
    json: Json = False,
) -> None:
    """Print the tables of a stored run; with --json one object per cell, or per share of time."""
    from guidelines.session.measuring import print_json, print_stored
    from guidelines.session.stored import read_run
    from results.tables.summary import summarise

    summary = summarise(read_run(run), depthwise)
    if json:
        print_json(summary)
    else:
        print_stored(summary, run if run.is_dir() else run.parent, details)


@app.command()
def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN", help="Folders of runs; the newest stored one if none."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write it.  [default: RUN/report]")
    ] = None,
    depthwise: DepthwiseAs = "conv",
) -> None:
    """Write every table, plot and page of stored runs again, without measuring."""
    from guidelines.session.stored import read_run
    from reports.run.report import write_report
    from results.store.files import RUNS
    from results.store.run_folders import stored_runs
    from results.tables.summary import summarise

    chosen = runs or stored_runs()[:1]
    if not chosen:
        raise BadInputError(f"There is no stored run in {RUNS}: measure one with `make tables`.")
    if out is not None and len(chosen) > 1:
        raise BadInputError("--out takes the report of one run only: name one RUN.")
    for folder in chosen:
        place = folder if folder.is_dir() else folder.parent
        summary = summarise(read_run(folder), depthwise)
        typer.echo(write_report(summary, out or place / "report"))


comparing_cli.register(app)
modelling_cli.register(app)


@app.command("arm-emulator")
def arm_emulator() -> None:
    """Set up the emulated ARM core of platform arm-emulated (Debian and Ubuntu, without root)."""
    from runners.emulator import install

    folder = install.default_folder()
    emulator = install.install(folder, typer.echo)
    versions = emulator.versions
    typer.echo(
        f"{folder} holds qemu-user {versions.qemu}, Python {versions.python}, "
        f"numpy {versions.numpy} and onnxruntime {versions.onnxruntime}."
    )


@board.command("check")
def board_check(
    address: Annotated[
        str, typer.Argument(metavar="HOST", help="user@host[:port], or a platform file (.toml).")
    ],
    python: Annotated[
        str | None, typer.Option(help="The board's Python.  [default: the platform's, or python3]")
    ] = None,
) -> None:
    """Say what a board is and has, and how to install what it lacks; nothing is installed."""
    from guidelines.commands.board import check

    check(address, python)


@app.command()
def networks(json: Json = False) -> None:
    """List the whole networks with their multiply-adds and weights, beside the published ones."""
    from guidelines.commands.networks import print_network_costs

    print_network_costs(json)


@app.command()
def doctor() -> None:
    """Say in plain words what will make this machine's figures unreliable, and what to do."""
    from guidelines.doctor.host import print_findings

    print_findings()


@app.command()
def bench(
    platform: PlatformName = "cpu",
    json: Json = False,
) -> None:
    """Measure the suite itself: fidelity of the harness, cost of a full run, start-up times."""
    from guidelines.commands.bench import print_benchmarks

    print_benchmarks(platform, json)
