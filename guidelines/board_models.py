"""Fit a cost model to a user's board, and predict networks with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from guidelines import runs
from guidelines.catalogue import EXPERIMENTS
from guidelines.experiment import Study
from guidelines.measuring import (
    DEFAULT_COUNTS_OF_MODELS,
    INTERRUPTED,
    execute_with_progress,
    parse_shape,
    plan,
)
from guidelines.progress import ProgressDisplay
from reports.board_model import calibration_tables
from reports.console import WIDTH, print_table
from reports.counts import MODELLED
from reports.heading import warnings
from results import store
from results.board_model import fit_board, observations, refuse_unfit
from results.caches import caches_of
from results.coefficient_file import write_model
from results.counts import counts_of
from results.errors import BadInputError, CheckFailedError, suggestion
from results.modelled import modelled
from results.schema import CellDeclaration, Experiment, Run, UserNetwork, WholeNetwork
from runners.emulator import count
from runners.emulator.count_cache import CountCache
from runners.model_file import load_model

COUNTS = "counts"
COEFFICIENTS = "cost_model.toml"
DEFAULT_INPUT = "1,3,224,224"


def calibrate_board(path: Path, out: Path | None) -> None:
    """Fit a cost model to the measured run at `path`; print its errors, and write its file.

    Raises BadInputError for a run that is not one of a board, and the errors of
    guidelines.runs.execute.
    """
    measured = store.read_run(path)
    refuse_unfit(measured)
    folder = path if path.is_dir() else path.parent
    core = _core(measured)
    caches, assumed = caches_of(measured.fingerprint)
    names = [e.name for e in measured.experiments if e.base is not None]
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown or not names:
        raise BadInputError(f"{path} holds no experiment that can be counted: run g1 to g4.")
    asked = plan(
        [EXPERIMENTS[name] for name in names],
        "arm-emulated",
        runs=DEFAULT_COUNTS_OF_MODELS,
        processes=None,
        seed=measured.protocol.seed,
        channels=measured.protocol.channels,
        g4_unit=measured.protocol.g4_unit,
        caches=True,
    )
    protocol = asked.protocol.model_copy(update={"geometry": caches})
    asked = replace(asked, protocol=protocol, reuses_counts=True)
    place = folder / COUNTS
    counted = execute_with_progress(asked, place, True, quiet=False, again="the same command")
    found = fit_board(
        observations(measured, counted),
        name=measured.platform.name.replace(":", "-"),
        core=core,
        fitted_on=f"{measured.platform.name}, measured {_started(measured)}",
        counted=counted,
    )
    screen = Console(width=WIDTH)
    for table in calibration_tables(found):
        screen.print(Text(table.caption))
        print_table(table, screen)
    for line in _remarks(measured, counted, assumed):
        typer.echo(line)
    target = out or folder / COEFFICIENTS
    comment = f"What events cost on {core}, fitted by `guidelines calibrate`.\n{_WARNING}"
    write_model(target, found.model, comment)
    typer.echo(f"{target}   Use it: guidelines predict MODEL --on {target}")


_WARNING = "Times made of it are modelled, not measured."


def _core(measured: Run) -> str:
    """Return the core that was measured; raises BadInputError unless it is the fastest.

    Of others a fingerprint does not name the caches.
    """
    clusters = measured.fingerprint.clusters
    fastest = clusters[0].core if clusters else measured.fingerprint.cpu_model
    for process in measured.processes:
        kept = [process.core] if isinstance(process.core, int) else process.core or []
        for cluster in clusters[1:]:
            if {*kept} & {*cluster.cpus}:
                raise BadInputError(
                    f"The run was kept on {cluster.core}, and the fingerprint names the caches of "
                    f"the fastest core, {fastest}: measure that one."
                )
    return "".join(c if c.isprintable() else " " for c in fastest)


def _started(run: Run) -> str:
    return run.sessions[0].started if run.sessions else "at an unknown time"


def _remarks(measured: Run, counted: Run, assumed: list[str]) -> list[str]:
    """Say what a reader must know of a calibration."""
    said = [f"Warning: {warning}" for warning in warnings(measured)]
    said.append(f"Caches counted for: {counted.protocol.modelled_caches}.")
    if assumed:
        said.append(f"Not shown by the board, so assumed: {', '.join(assumed)}.")
    pair = [run.fingerprint.runtimes.get("onnxruntime", "none") for run in (measured, counted)]
    if pair[0] != pair[1]:
        said.append(
            f"The board ran ONNX Runtime {pair[0]}, and {pair[1]} was counted: kernels may differ."
        )
    return said


def predict_network(model: str, on: str, shape: str | None, as_json: bool) -> None:
    """Print the modelled time of a network on the board of a coefficient file.

    `model` is a whole network of networks/ by name, a module:callable, or an .onnx file. Raises
    BadInputError for what is none of these, CheckFailedError for a network whose output is wrong
    under emulation, and PlatformError without an emulator.
    """
    coefficients = load_model(on)
    cell = _cell(model, shape)
    study = Study(
        Experiment(name="prediction", table="", title="", claim="", axes=[], base=None),
        lambda _: [cell],
    )
    asked = plan([study], "arm-emulated", DEFAULT_COUNTS_OF_MODELS, None, 0, caches=True)
    protocol = asked.protocol.model_copy(update={"geometry": coefficients.caches})
    run = _counted(replace(asked, protocol=protocol), quiet=as_json)
    counts = counts_of(run, run.cells[0], None)
    if counts is None:
        raise CheckFailedError(f"{model} failed its proof: {run.failures[cell.name]}.")
    found = modelled(coefficients, counts, None)
    assert found is not None
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "model": model,
                    "input": list(cell.network.input_shape),
                    "on": coefficients.model_dump(mode="json"),
                    "modelled_ms": found.ms,
                    "modelled_ci95_ms": list(found.ci95_ms),
                    "counts": run.counts[0].model_dump(mode="json", exclude={"proof"}),
                    "fingerprint": run.fingerprint.model_dump(mode="json"),
                },
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    low, high = found.ci95_ms
    typer.echo(
        f"{model} on {coefficients.core}: {found.ms:.3g} ms, 95 % prediction interval "
        f"{low:.3g} to {high:.3g} ms ({MODELLED})."
    )
    typer.echo(
        f"From {counts.instructions / 1e6:.4g} M instructions of ONNX Runtime's kernels; fitted on "
        f"{coefficients.fitted_on}. The interval is for networks like those."
    )


def _cell(model: str, shape: str | None) -> CellDeclaration:
    from networks.catalogue import NETWORKS

    network: WholeNetwork | UserNetwork
    named = NETWORKS.get(model)
    if named is not None:
        if shape is not None:
            raise BadInputError(
                f"--input is for networks of your own: {model} has {named.size}×{named.size}."
            )
        network = WholeNetwork(name=model, size=named.size)
    elif ":" in model or model.endswith(".onnx"):
        network = UserNetwork(model=model, input=parse_shape(shape or DEFAULT_INPUT))
    else:
        hint = suggestion(model, NETWORKS)
        raise BadInputError(
            f"There is no network {model!r}. {hint} A module:callable or an .onnx file works too."
        )
    return CellDeclaration(
        experiment="prediction",
        row=model,
        scale=1,
        axes={},
        network=network,
        operators=None,
    )


def _counted(asked: runs.Plan, quiet: bool) -> Run:
    """Return the counts of a plan that is not kept as a run; the cache keeps them."""
    cache = store.cache_folder()
    launcher = runs.emulated_launcher(cache)
    fingerprint = count.identify(asked.platform, launcher)
    try:
        with ProgressDisplay(len(asked.cells), 1, quiet) as display:
            cells, others, files = runs.prepare(asked, cache, display.preparing)
            run = runs.begin(asked, fingerprint, cells, others)
            run = run.model_copy(update={"sessions": [runs.new_session()]})
            kept = CountCache(cache / "counts")
            return count.count(run, files, launcher, lambda _: None, display, kept, reuse=True)
    except KeyboardInterrupt:
        typer.echo("guidelines: Interrupted. Nothing was stored yet.", err=True)
        raise typer.Exit(INTERRUPTED) from None
