"""What `guidelines run` and `guidelines decompose` do: measure, print, write the report."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.guidelines.session.progress import ProgressDisplay
from guideline_benchmarks.guidelines.session.runs import Plan
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.decomposition.operators import Depthwise
from guideline_benchmarks.results.errors import CheckFailedError, PlatformError, SuiteError
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.files import results_folder
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import Summary, summarise

INTERRUPTED = 130
NOTHING = "Nothing was stored yet."
# What goes on where a command has one folder for its counts.
SAME_COMMAND = "the same command"


@dataclass(frozen=True)
class Output:
    """What to print of a run: its folder alone, JSON, or (neither) tables, with or without details.

    `depthwise` says what depthwise convolutions count as.
    """

    quiet: bool
    json: bool
    depthwise: Depthwise
    details: bool = False


def measure_and_publish(asked: Plan, out: Path | None, resume: bool, output: Output) -> None:
    """Measure, print and report; raises CheckFailedError at last if a network failed its proof."""
    place = out or (runs.newest_unfinished(asked) if resume else None)
    with results_folder(place, asked.platform.name) as folder:
        finished = execute_with_progress(asked, folder, resume, output.quiet or output.json)
    _publish(folder, finished, output)
    for name, reason in sorted(finished.failures.items()):
        raise CheckFailedError(
            f"{len(finished.failures)} network(s) failed their proof and have no figures; "
            f"{name}: {reason}."
        )


def execute_with_progress(
    plan: Plan, folder: Path, resume: bool, quiet: bool, again: str = ""
) -> Run:
    """Execute a plan into `folder`; say what is kept, and how to go on, when it ends early.

    `again` are the words that go on, if not this command's own with --resume.
    """
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
    if not run_folders.has_run(folder):
        before = again and any(map(run_folders.has_run, folder.parent.glob("*/")))
        return f"What was before is kept; continue with: {again}" if before else NOTHING
    run = read_run(folder)
    kept = f"Networks kept in {folder}: {len(run.counts)}"
    if not run.platform.counts:
        kept = f"Rounds kept in {folder}: {len(run.rounds)}"
    return f"{kept}; continue with: {again or runs.resume_command(folder)}"


def _publish(folder: Path, finished: Run, output: Output) -> None:
    """Print what was asked for, and write the report."""
    # What draws plots need not be loaded while something is measured.
    from guideline_benchmarks.reports.run.brief import print_run
    from guideline_benchmarks.reports.run.report import write_report

    summary = summarise(finished, output.depthwise)
    if output.json:
        print_json(json_objects(summary))
    elif output.quiet:
        typer.echo(folder)
    else:
        print_run(summary, output.details)
    report = written(lambda: write_report(summary, folder / "report"), folder, "run")
    if not (output.json or output.quiet):
        typer.echo(f"\nRecord: {run_folders.record_file(folder)}")
        _print_way_on(folder, f"{report}", output.details)


def written(write: Callable[[], Path], folder: Path, what: str) -> Path:
    """Return the page that is written of what a folder holds; its errors say how to write it."""
    try:
        return write()
    except SuiteError as error:
        again = f"The {what} itself is complete; write its report with: guidelines report {folder}"
        raise type(error)(f"{error} {again}") from None


def print_stored(summary: Summary, folder: Path, details: bool) -> None:
    """Print the tables of the run that is stored in `folder`, and where its page is."""
    from guideline_benchmarks.reports.run.brief import print_run

    print_run(summary, details)
    page = folder / "report" / "report.html"
    again = f"not written yet; guidelines report {shlex.quote(str(folder))}"
    typer.echo()
    _print_way_on(folder, f"{page}" if page.exists() else again, details)


def _print_way_on(folder: Path, page: str, details: bool) -> None:
    if not details:
        typer.echo(f"Details: guidelines show {shlex.quote(str(folder))} --details")
    typer.echo(f"Page: {page}")
