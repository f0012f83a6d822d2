"""Measure several records, one after another, and say how far that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.measuring import SAME_COMMAND, execute_with_progress
from guideline_benchmarks.guidelines.session.runs import Plan
from guideline_benchmarks.results.errors import CheckFailedError, PlatformError
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.runners.launcher import identify, launcher_of

# Names of records by the sentence that is said of them.
Noted = dict[str, list[str]]


@dataclass(frozen=True)
class Wanted:
    """A record: what is measured, into which folder, and what that holds already.

    `weight` is about how long it takes, relative to the others.
    """

    plan: Plan
    folder: Path
    earlier: Run | None
    weight: float = 1.0

    @property
    def is_measured(self) -> bool:
        """Whether nothing is left to be measured."""
        return self.earlier is not None and complete(self.earlier)


@dataclass(frozen=True)
class Measured:
    """The finished records by their folders, and why others are not finished.

    `left_out` holds names of records of which nothing was measured, `stopped` of those begun, both
    by the sentence that says why.
    """

    finished: dict[Path, Run]
    left_out: Noted
    stopped: Noted


def wanted(plan: Plan, folder: Path, weight: float = 1.0) -> Wanted:
    """Return a record that is to be measured into a folder.

    Raises BadInputError for a folder that holds a run of something else.
    """
    return Wanted(plan, folder, runs.earlier_run(plan, folder, resume=True), weight)


def try_worker(record: Wanted) -> None:
    """Start a worker unless all is measured; raises BadInputError, PlatformError if none starts."""
    if record.is_measured:
        return
    platform, protocol = record.plan.platform, record.plan.protocol
    identify(platform, launcher_of(platform, cache_folder()), protocol.core, protocol.precision)


def measure_all(
    records: Sequence[Wanted],
    left_out: Noted,
    publish: Callable[[Mapping[Path, Run]], None],
) -> None:
    """Measure records, have the finished ones published by their folders, say what is missing.

    `left_out` holds names of others by the sentence that keeps them from being measured. Raises
    PlatformError where nothing could be measured or a record stopped on its way, CheckFailedError
    where a network failed its proof, and as `measure` does.
    """
    if records:
        _say(_lines(left_out))
    done = measure(records)
    missing = [*_lines(left_out), *_lines(done.left_out)]
    if not done.finished:
        stopped = _lines(done.stopped)
        raise PlatformError(f"Nothing could be measured. {' '.join([*missing, *stopped])}")
    publish(done.finished)
    _say(missing)
    if done.stopped:
        raise PlatformError(f"Not finished: {' '.join(_lines(done.stopped))}")
    for folder, run in done.finished.items():
        for name, reason in sorted(run.failures.items()):
            raise CheckFailedError(
                f"{folder.name}: {len(run.failures)} network(s) failed their proof and have no "
                f"figures; {name}: {reason}."
            )


def measure(records: Sequence[Wanted]) -> Measured:
    """Measure what is not measured yet, a record at a time, and say how far that is.

    Where a platform fails, the others are measured all the same. Raises typer.Exit when it is
    interrupted, all that was measured being kept, and BadInputError as runs.execute does.
    """
    known = [record.earlier for record in records]
    left_out: Noted = {}
    stopped: Noted = {}
    for number, record in enumerate(records):
        typer.echo(_progress(records, known, number), err=True)
        try:
            known[number] = execute_with_progress(
                record.plan, record.folder, resume=True, quiet=False, again=SAME_COMMAND
            )
        except PlatformError as error:
            begun = run_folders.has_run(record.folder)
            note(stopped if begun else left_out, error, record.folder.name)
    finished = {
        record.folder: run
        for record, run in zip(records, known, strict=True)
        if run is not None and complete(run)
    }
    return Measured(finished, left_out, stopped)


def _progress(records: Sequence[Wanted], known: Sequence[Run | None], number: int) -> str:
    """Say which of how many comes now, and about how long all that is left will take."""
    record = records[number]
    said = f"{number + 1} of {len(records)}: {record.folder.name}"
    if record.is_measured:
        return f"{said} is measured already"
    seconds = seconds_left(known, [record.weight for record in records])
    return said if seconds is None else f"{said}, about {max(1, round(seconds / 60))} min left"


def seconds_left(known: Sequence[Run | None], weights: Sequence[float]) -> float | None:
    """Return about how many seconds some runs still need, None for one not begun.

    That is by how long processes of all took for what is measured, each run being worth its weight;
    None where nothing tells.
    """
    weighed = list(zip(known, weights, strict=True))
    timed = [
        (run, weight) for run, weight in weighed if run is not None and not run.platform.counts
    ]
    spent = sum(process.seconds for run, _ in timed for process in run.processes)
    done = sum(weight * _done(run) for run, weight in timed)
    whole = sum(weight for run, weight in weighed if run is None or not run.platform.counts)
    return spent / done * (whole - done) if spent and done else None


def _done(run: Run) -> float:
    return min(1.0, len(run.rounds) / run.protocol.runs)


def note(noted: Noted, error: Exception, name: str) -> None:
    """Add a record's name to those of which the error's sentence is said."""
    noted.setdefault(str(error), []).append(name)


def _lines(noted: Noted) -> list[str]:
    """Return a line for each sentence, with the records that it is said of."""
    return [f"{', '.join(names)}: {sentence}" for sentence, names in noted.items()]


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(f"Left out: {line}", err=True)


def file_name(platform: str) -> str:
    """Return a platform's name for a folder: some systems, and archives of CI, take no colon."""
    return platform.replace(":", "-")
