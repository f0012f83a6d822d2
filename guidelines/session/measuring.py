"""What `guidelines run` and `guidelines decompose` do: measure, print, write the report."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from results.errors import BadInputError, CheckFailedError, PlatformError, SuiteError

if TYPE_CHECKING:
    from guidelines.experiment import Study
    from guidelines.session.runs import Plan
    from results.cost_model.caches import Caches
    from results.decomposition.operators import Depthwise
    from results.record.protocol import Precision, StoppingRule
    from results.record.schema import Run
    from results.tables.summary import Summary

DEFAULT_RUNS, DEFAULT_PROCESSES = 100, 5
# The minimum of so many counts leaves out what other threads of a process add now and then.
DEFAULT_COUNTS = 5
# A cost model is off by far more than what a third execution would change.
DEFAULT_COUNTS_OF_MODELS = 2
INTERRUPTED = 130
# How far an output may lie from torch's in float32, as a fraction of the largest value: twenty
# layers round to ten bits (TF32, float16) or to seven (bfloat16).
OUTPUT_TOLERANCES = {"fp32": 1e-4, "tf32": 1e-2, "fp16": 1e-2, "bf16": 1e-1}
# What goes on where a command has one folder for its counts.
SAME_COMMAND = "the same command"
# An input of more numbers would take more than a gigabyte.
LARGEST_INPUT = 2**28


@dataclass(frozen=True)
class Output:
    """What to print of a run: its folder alone, JSON, or (neither) tables, with or without details.

    `depthwise` says what depthwise convolutions count as.
    """

    quiet: bool
    json: bool
    depthwise: Depthwise
    details: bool = False


def plan(
    studies: Sequence[Study],
    platform: str,
    runs: int | None,
    processes: int | None,
    seed: int,
    channels: Literal["gpu", "arm"] | None = None,
    g4_unit: Literal["bottleneck", "equal-width"] = "bottleneck",
    caches: bool = False,
    core: str | None = None,
    batch: int | None = None,
    precision: Precision = "fp32",
    stop: StoppingRule | None = None,
) -> Plan:
    """Return the plan of a run of `studies` on the platform of that name or file.

    Raises BadInputError for an unknown platform, for more processes than runs, and for what the
    platform cannot do.
    """
    from guidelines.session.possible import Asked, refuse_impossible
    from guidelines.session.runs import Plan
    from results.cost_model.model_file import load_model
    from results.record.protocol import Protocol
    from runners.platform_file import load_platform

    chosen = load_platform(platform)
    model = load_model(chosen.model) if chosen.model else None
    asked = Asked(processes, caches, core, batch, precision, stop)
    refuse_impossible(chosen, studies, asked)
    usual = DEFAULT_COUNTS if chosen.counts else DEFAULT_RUNS
    times = runs or (usual if model is None else DEFAULT_COUNTS_OF_MODELS)
    if processes is not None and processes > times:
        raise BadInputError(
            f"--processes {processes} is more than --runs {times}: every process takes at least "
            "one sample."
        )
    protocol = Protocol(
        runs=times,
        processes=processes or min(DEFAULT_PROCESSES, times),
        seed=seed,
        channels=channels or chosen.channels,
        g4_unit=g4_unit,
        core=core,
        batch=batch,
        precision=precision,
        stop=stop,
        output_tolerance=OUTPUT_TOLERANCES[precision],
    )
    if chosen.counts:
        # The first execution allocates memory; all later ones are alike.
        counting = {"processes": 1, "warmup_min": 1, "warmup_max": 1, "caches": caches}
        protocol = protocol.model_copy(update=counting)
    if model is not None:
        protocol = protocol.model_copy(update={"caches": True, "geometry": model.caches})
    return Plan(studies, chosen, protocol, reuses_counts=model is not None, model=model)


def counting_plan(
    studies: Sequence[Study],
    caches: Caches | None = None,
    seed: int = 0,
    channels: Literal["gpu", "arm"] | None = None,
    g4_unit: Literal["bottleneck", "equal-width"] = "bottleneck",
) -> Plan:
    """Return the plan of the counts that a cost model needs, those made before being reused.

    `caches` are those to be modelled, None being the Cortex-A57's.
    """
    counts = DEFAULT_COUNTS_OF_MODELS
    asked = plan(studies, "arm-emulated", counts, None, seed, channels, g4_unit, caches=True)
    protocol = asked.protocol.model_copy(update={"geometry": caches})
    return replace(asked, protocol=protocol, reuses_counts=True)


def stopping_rule(percent: float | None, seconds: float | None) -> StoppingRule | None:
    """Return the rule that two options ask for, None for neither; raises BadInputError for one."""
    from results.record.protocol import StoppingRule

    if percent is None and seconds is None:
        return None
    if percent is None or seconds is None:
        raise BadInputError(
            "--until-error and --max-seconds go together: how good figures must be, and how long "
            "to measure for that at most."
        )
    if not 0 < percent < 100:
        raise BadInputError(f"--until-error {percent:g} is no percentage between 0 and 100.")
    if not 0 < seconds < math.inf:
        raise BadInputError(f"--max-seconds {seconds:g} is no time to measure in.")
    return StoppingRule(relative_error=percent / 100, seconds=seconds)


def parse_shape(text: str) -> list[int]:
    """Return the shape that "1,3,224,224" names; raises BadInputError for anything else."""
    try:
        shape = [int(size) for size in text.split(",")]
    except ValueError:
        shape = []
    if not shape or min(shape) < 1:
        raise BadInputError(f"--input {text} is no shape: give sizes above 0, say 1,3,224,224.")
    if math.prod(shape) > LARGEST_INPUT:
        raise BadInputError(f"--input {text} is too large: it may hold {LARGEST_INPUT} numbers.")
    return shape


def measure_and_publish(asked: Plan, out: Path | None, resume: bool, output: Output) -> None:
    """Measure, print and report; raises CheckFailedError at last if a network failed its proof."""
    folder, finished = _measure(asked, out, resume, output.quiet or output.json)
    _publish(folder, finished, output)
    for name, reason in sorted(finished.failures.items()):
        raise CheckFailedError(
            f"{len(finished.failures)} network(s) failed their proof and have no figures; "
            f"{name}: {reason}."
        )


def _measure(plan: Plan, out: Path | None, resume: bool, quiet: bool) -> tuple[Path, Run]:
    """Measure with a progress display; say where to continue when it ends early."""
    from guidelines.session import runs

    folder = out or (runs.newest_unfinished(plan) if resume else None)
    folder = folder or runs.default_folder(plan.platform)
    return folder, execute_with_progress(plan, folder, resume, quiet)


def execute_with_progress(
    plan: Plan, folder: Path, resume: bool, quiet: bool, again: str = ""
) -> Run:
    """Execute a plan into `folder`; say what is kept, and how to go on, when it ends early.

    `again` are the words that go on, if not this command's own with --resume.
    """
    from guidelines.session import runs
    from guidelines.session.progress import ProgressDisplay

    total = len(plan.cells) if plan.platform.counts else plan.protocol.runs
    processes = 0 if plan.protocol.stop else plan.protocol.processes
    display = ProgressDisplay(total, processes, quiet)
    try:
        with display:
            return runs.execute(plan, folder, resume, display, display.preparing)
    except KeyboardInterrupt:
        typer.echo(f"guidelines: Interrupted. {_kept(folder, again)}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except PlatformError as error:
        raise PlatformError(f"{error} {_kept(folder, again)}") from None


def _kept(folder: Path, again: str) -> str:
    """Say what an interrupted run leaves behind and how to go on."""
    from guidelines.session.runs import resume_command
    from guidelines.session.stored import read_run
    from results.store import run_folders

    if not run_folders.has_run(folder):
        return "Nothing was stored yet."
    run = read_run(folder)
    kept = f"Networks kept in {folder}: {len(run.counts)}"
    if not run.platform.counts:
        kept = f"Rounds kept in {folder}: {len(run.rounds)}"
    return f"{kept}; continue with: {again or resume_command(folder)}"


def _publish(folder: Path, finished: Run, output: Output) -> None:
    """Print what was asked for, and write the report."""
    from reports.run.brief import print_run
    from reports.run.report import write_report
    from results.store.run_folders import record_file
    from results.tables.summary import summarise

    summary = summarise(finished, output.depthwise)
    if output.json:
        print_json(summary)
    elif output.quiet:
        typer.echo(folder)
    else:
        print_run(summary, output.details)
    try:
        report = write_report(summary, folder / "report")
    except SuiteError as error:
        again = f"The run itself is complete; write its report with: guidelines report {folder}"
        raise type(error)(f"{error} {again}") from None
    if not (output.json or output.quiet):
        typer.echo(f"\nRecord: {record_file(folder)}")
        _print_way_on(folder, f"{report}", output.details)


def print_stored(summary: Summary, folder: Path, details: bool) -> None:
    """Print the tables of the run that is stored in `folder`, and where its page is."""
    from reports.run.brief import print_run

    print_run(summary, details)
    page = folder / "report" / "report.html"
    again = f"not written yet; guidelines report {shlex.quote(str(folder))}"
    typer.echo()
    _print_way_on(folder, f"{page}" if page.exists() else again, details)


def _print_way_on(folder: Path, page: str, details: bool) -> None:
    if not details:
        typer.echo(f"Details: guidelines show {shlex.quote(str(folder))} --details")
    typer.echo(f"Page: {page}")


def print_json(summary: Summary) -> None:
    """Print the JSON objects of a run."""
    from results.tables.json_objects import json_objects

    typer.echo(json.dumps(json_objects(summary), indent=2, ensure_ascii=False))
