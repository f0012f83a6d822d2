"""What a worker of Dask's does: one attempt at one record, which goes on where the last ended.

An attempt that ends because the machine is gone raises GoneError, so that Dask makes another; all
else ends in an outcome. Pauses are made here, before a machine is asked again.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.fleet.device_lock import DeviceLock
from guideline_benchmarks.guidelines.session.fleet.jobs import Job
from guideline_benchmarks.guidelines.session.fleet.reporter import Reporter
from guideline_benchmarks.guidelines.session.fleet.stopping import (
    StoppedError,
    is_stopped,
    pause,
)
from guideline_benchmarks.results.errors import GoneError, SuiteError
from guideline_benchmarks.results.fleet.state import State, digest, read_state, write_state
from guideline_benchmarks.results.store.files import is_held

# A machine that does not answer is asked once a minute at most, and ever more seldom.
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 60.0, 1.5, 600.0
STOPPED = "interrupted"


@dataclass(frozen=True)
class Outcome:
    """How a record ended: where it lies and its SHA-256, or why there is none.

    `gone` says that its device was given up.
    """

    folder: Path
    sha256: str = ""
    failure: str = ""
    gone: bool = False


@dataclass(frozen=True)
class Task:
    """What is to be done for a record: the job, its folder, how its device is locked.

    A machine that is gone for `patience` seconds is given up.
    """

    job: Job
    folder: Path
    lock: DeviceLock
    patience: float


def pause_before(failures: int, left: float) -> float:
    """Return how many seconds to wait before a machine is asked that failed so often in a row.

    One that was lost while it measured is asked at once. Where less patience is `left` than the
    pause would take, it is asked at the end of that, but for once a minute at most.
    """
    longest = min(LONGEST_PAUSE, max(FIRST_PAUSE, left))
    return min(longest, FIRST_PAUSE * GROWTH ** (failures - 1)) if failures else 0.0


def attempt(task: Task, last: Outcome | None) -> Outcome:
    """Measure what a record lacks, and say how it ended; `last` is the device's record before it.

    Raises GoneError when the machine is gone, unless patience is at its end; a machine that was
    given up with the last record is asked but once for this one.
    """
    before = read_state(task.folder)
    reporter = Reporter(task.folder, before)
    began = time.monotonic()
    try:
        pause(pause_before(before.failures, task.patience - before.waited))
        _measure(task, reporter)
    except StoppedError:
        return _stopped(task, reporter)
    except SuiteError as error:
        # A program that is ended because all is to end looks like one that is gone, or has failed.
        if is_stopped():
            return _stopped(task, reporter)
        if isinstance(error, GoneError):
            waited = before.waited + time.monotonic() - began
            return _gone(task, reporter, error, waited, last is not None and last.gone)
        return _ended(task, reporter.state.now("failed", str(error)))
    except Exception as error:
        # Of an error that is raised, Dask would make another attempt, without end.
        fault = f"This is a fault of the suite's own ({type(error).__name__}: {error})."
        return _ended(task, reporter.state.now("failed", fault))
    done = reporter.state.now("done")
    return _ended(task, done.model_copy(update={"sha256": digest(task.folder)}))


def _measure(task: Task, reporter: Reporter) -> None:
    """Measure what a record lacks; raises as runs.execute does, and StoppedError."""
    reporter.starting()
    if is_held(task.folder):
        raise GoneError("An earlier attempt at it is still at work.")
    with task.lock.held(task.job, reporter.waiting):
        plan = task.job.plan(task.lock.claim)
        runs.execute(plan, task.folder, True, reporter, reporter.preparing)


def _stopped(task: Task, reporter: Reporter) -> Outcome:
    task.lock.release(task.job)
    return _ended(task, reporter.state.now("waiting", STOPPED))


def _gone(
    task: Task, reporter: Reporter, error: GoneError, waited: float, hopeless: bool
) -> Outcome:
    """Write down that a machine is gone; raise the error unless patience is at its end."""
    failures = 1 + reporter.state.failures
    if reporter.progressed:
        failures, waited = 0, 0.0
    state = reporter.state.model_copy(update={"failures": failures, "waited": waited})
    if waited >= task.patience or (failures and hopeless):
        return _ended(task, state.now("failed", f"Given up after {waited:.0f} s. {error}"), True)
    seconds = pause_before(failures, task.patience - waited)
    try:
        write_state(task.folder, state.now("waiting", f"{error} {_asked_again(seconds)}"))
    except GoneError:
        # The disk is full: what is known of the pauses that were made cannot be kept.
        pause(FIRST_PAUSE)
    raise error


def _asked_again(seconds: float) -> str:
    return f"Asked again in {seconds:.0f} s." if seconds else "Asked again now."


def _ended(task: Task, state: State, gone: bool = False) -> Outcome:
    """Write down how a record ended, if there is room for it, and return that."""
    with suppress(SuiteError):
        write_state(task.folder, state)
    failure = "" if state.stage == "done" else state.saying
    return Outcome(task.folder, state.sha256, failure, gone)
