"""The command `guidelines calibrate`: a cost model fitted to a measured run of a user's board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.guidelines.session.measuring import SAME_COMMAND, execute_with_progress
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import counting_plan
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.reports.cost_model.board_model import document
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.run.heading import warnings
from guideline_benchmarks.results.cost_model.board_model import (
    fit_board,
    observations,
    refuse_unfit,
)
from guideline_benchmarks.results.cost_model.caches import caches_of
from guideline_benchmarks.results.cost_model.coefficient_file import write_model
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.schema import Run

COUNTS = "counts"
COEFFICIENTS = "cost_model.toml"
WARNING = "Times made of it are modelled, not measured."


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A measured run of an ARM board.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The coefficient file to write.  [default: RUN/cost_model.toml]"),
    ] = None,
) -> None:
    """Fit a cost model to a measured run of your board, and test it on cells kept aside."""
    measured = read_run(run)
    refuse_unfit(measured)
    folder = run if run.is_dir() else run.parent
    core = _core(measured)
    caches, assumed = caches_of(measured.fingerprint)
    protocol = measured.protocol
    names = [e.name for e in measured.experiments if e.base is not None]
    known = [n for n in names if n in EXPERIMENTS and EXPERIMENTS[n].has(protocol.channels)]
    if known != names or not names:
        raise BadInputError(f"{run} holds no experiment that can be counted: run g1 to g4.")
    asked = counting_plan(
        [EXPERIMENTS[name] for name in names],
        measured.platform.backend,
        caches,
        Options(seed=protocol.seed, channels=protocol.channels, g4_unit=protocol.g4_unit),
    )
    place = folder / COUNTS
    counted = execute_with_progress(asked, place, True, quiet=False, again=SAME_COMMAND)
    found = fit_board(
        observations(measured, counted),
        name=measured.platform.name.replace(":", "-"),
        core=core,
        fitted_on=f"{measured.platform.name}, measured {_started(measured)}",
        counted=counted,
    )
    show(document(found, warnings(measured), _remarks(measured, counted, assumed)))
    target = out or folder / COEFFICIENTS
    comment = f"What events cost on {core}, fitted by `guidelines calibrate`.\n{WARNING}"
    write_model(target, found.model, comment)
    typer.echo(f"{target}   Use it: guidelines predict MODEL --on {target}")


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
    said = [f"Caches counted for: {counted.protocol.modelled_caches}."]
    if assumed:
        said.append(f"Not shown by the board, so assumed: {', '.join(assumed)}.")
    pair = [run.fingerprint.runtimes.get("onnxruntime", "none") for run in (measured, counted)]
    if pair[0] != pair[1]:
        said.append(
            f"The board ran ONNX Runtime {pair[0]}, and {pair[1]} was counted: kernels may differ."
        )
    return said
