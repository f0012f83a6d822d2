"""What `guidelines fleet run` does: all records of a fleet, each on its device."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.fleet import stopping
from guideline_benchmarks.guidelines.session.fleet.attempt import Outcome, Task
from guideline_benchmarks.guidelines.session.fleet.device_lock import lock_of
from guideline_benchmarks.guidelines.session.fleet.engine import (
    Engine,
    existing_engine,
    own_engine,
)
from guideline_benchmarks.guidelines.session.fleet.jobs import Job
from guideline_benchmarks.guidelines.session.fleet.records import done_of, publish
from guideline_benchmarks.guidelines.session.fleet.watching import Watch
from guideline_benchmarks.guidelines.session.measuring import INTERRUPTED
from guideline_benchmarks.guidelines.session.progress import ProgressDisplay
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.fleet.overview import read_overview
from guideline_benchmarks.results.fleet.state import (
    QUEUED,
    Stage,
    State,
    digest,
    read_state,
    write_state,
)
from guideline_benchmarks.results.fleet.wanted import keep_wanted
from guideline_benchmarks.results.store.files import cache_folder, is_held, locked

LOOK_SECONDS = 1.0
# The tasks of each device.
Work = dict[str, list[Task]]


@dataclass(frozen=True)
class Driving:
    """How a fleet is driven: over which scheduler ("" for this program's own), and how patiently.

    A machine that is gone is given up after `patience` seconds. With `breaks`, locks are broken
    that were left behind on boards.
    """

    scheduler: str = ""
    patience: float = 3600.0
    breaks: bool = False
    quiet: bool = False


def run_fleet(jobs: Sequence[Job], out: Path, driving: Driving) -> None:
    """Measure what jobs lack into `out`, and compare all; raises CheckFailedError if any failed.

    Raises PlatformError where a scheduler is lost, BadInputError where somebody else drives this
    fleet or records of something else lie there, and typer.Exit when it is interrupted; all that
    was measured is kept.
    """
    with locked(out):
        done = done_of(jobs, out)
        wanted = keep_wanted(out, [job.record for job in jobs])
        missing = [job for job in jobs if job not in done]
        if missing:
            _drive(missing, _tasks(missing, out, wanted.token, driving), out, driving)
            done |= done_of(missing, out)
    publish(jobs, done, out, driving.quiet)


def _tasks(jobs: Sequence[Job], out: Path, token: str, driving: Driving) -> Work:
    """Return the tasks of jobs by their devices, all of them waiting to be done."""
    tasks: Work = {}
    for job in jobs:
        folder = job.record.folder(out).resolve()
        lock = lock_of(job, token, driving.breaks)
        task = Task(job, folder, lock, driving.patience)
        tasks.setdefault(job.record.device, []).append(task)
        write_state(folder, _queued(read_state(folder)))
    return tasks


def _queued(state: State) -> State:
    """Return the state of a record that is to be gone on with, with what is measured of it."""
    kept = {name: getattr(state, name) for name in ("stored", "wanted", "spent")}
    return QUEUED.now("queued").model_copy(update=kept)


def _drive(jobs: Sequence[Job], work: Work, out: Path, driving: Driving) -> None:
    """Have all work done, and show how far it is, until all has ended."""
    stopping.go_on()
    try:
        # Once for all, before many want the same; workers of a cluster have caches of their own.
        if not driving.scheduler:
            _export(jobs, driving.quiet)
        with _engine([*work], driving) as engine:
            if engine.dashboard and not driving.quiet:
                typer.echo(f"Dask's dashboard: {engine.dashboard}", err=True)
            ending = (
                stopping.stopped_on_error(engine.unfinished) if engine.is_own else nullcontext()
            )
            with Watch(out, driving.quiet) as watch, ending:
                _wait(engine, work, driving.patience, watch)
            for outcome in engine.outcomes():
                _believe(outcome)
    except KeyboardInterrupt:
        typer.echo(f"guidelines: Interrupted. {_way_on(out)}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except PlatformError as error:
        raise PlatformError(f"{error} {_way_on(out)}") from None


def _engine(devices: Sequence[str], driving: Driving) -> AbstractContextManager[Engine]:
    return existing_engine(driving.scheduler) if driving.scheduler else own_engine(devices)


def _export(jobs: Sequence[Job], quiet: bool) -> None:
    """Export the networks of jobs, those once that several have in common."""
    seen = set()
    for job in jobs:
        platform, precision = job.platform, job.options.precision
        key = (platform.backend, platform.is_local, platform.channels, precision, *job.experiments)
        if key not in seen:
            seen.add(key)
            # How many threads run a network changes nothing in its file.
            plan = replace(job, options=replace(job.options, threads=None)).plan()
            with ProgressDisplay(1, 0, quiet) as display:
                runs.prepare(plan, cache_folder(), display.preparing)


def _wait(engine: Engine, work: Work, patience: float, watch: Watch) -> None:
    """Wait until all work has ended; for a worker that measures a device, only for so long."""
    lacking_since: dict[str, float] = {}
    while work:
        lacking = engine.without_worker([*work])
        began = {device: lacking_since.get(device, time.monotonic()) for device in lacking}
        lacking_since = began
        given_up = {device for device in lacking if time.monotonic() - began[device] >= patience}
        for device in work:
            if device in lacking:
                engine.take_back(device)
                _tell(work[device], "failed" if device in given_up else "waiting", lacking[device])
            elif not engine.has(device):
                engine.submit(device, work[device])
        left = engine.unfinished() | lacking.keys() - given_up
        work = {device: tasks for device, tasks in work.items() if device in left}
        watch.look()
        time.sleep(LOOK_SECONDS)


def _tell(tasks: Sequence[Task], stage: Stage, reason: str) -> None:
    """Write down what keeps tasks from being done that have not ended, and that nobody is at."""
    for task in tasks:
        state = read_state(task.folder)
        ended = state.stage in ("done", "failed") or (state.stage, state.saying) == (stage, reason)
        if not (ended or is_held(task.folder)):
            write_state(task.folder, state.now(stage, reason))


def _believe(outcome: Outcome) -> None:
    """Write down what a worker says that the disk does not."""
    state, failure = read_state(outcome.folder), outcome.failure
    if outcome.sha256 and outcome.sha256 != digest(outcome.folder):
        failure = (
            f"Its worker has written {outcome.folder}, which is not seen here: choose an --out on "
            "a file system that all share."
        )
    if failure and state.stage not in ("waiting", "failed"):
        write_state(outcome.folder, state.now("failed", failure))


def _way_on(out: Path) -> str:
    counts = read_overview(out).counts
    return (
        f"{counts['done']} of {counts.total()} records in {out} are done, and all that was "
        f"measured is kept; continue with: {shlex.join(runs.command_line())}"
    )
