"""The records of a fleet as they lie on disk: those that are done, and all of them compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.session.comparing import publish_comparison
from guideline_benchmarks.guidelines.session.differences import differences
from guideline_benchmarks.guidelines.session.fleet.jobs import Job
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.guidelines.session.threads import ALL
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.errors import BadInputError, CheckFailedError
from guideline_benchmarks.results.fleet.state import State, is_done, read_state
from guideline_benchmarks.results.fleet.wanted import DEVICES
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store.files import readable


def done_of(jobs: Sequence[Job], out: Path) -> dict[Job, Run]:
    """Return the records in `out` that are done, by their jobs.

    Raises BadInputError for records, done or not, of something else than jobs ask for.
    """
    done: dict[Job, Run] = {}
    others: dict[str, list[str]] = {}
    for job in jobs:
        folder = job.record.folder(out)
        try:
            run = read_run(folder)
        except BadInputError:
            # None is there, or one that is damaged, which fails its own device alone.
            continue
        for fault in _unlike(job, run):
            others.setdefault(fault, []).append(_called(job))
        if is_done(folder, read_state(folder)):
            done[job] = run
    if others:
        raise BadInputError(
            f"{out} holds records of something else (there / asked for): ask for the same, or "
            "choose another --out.",
            [f"{fault}: {_first_of(names)}" for fault, names in others.items()],
        )
    return done


def _unlike(job: Job, run: Run) -> list[str]:
    """Return in what a record differs from what a job asks for."""
    options = job.options
    if options.threads == ALL:
        # How many all are, the device told when it was measured.
        options = replace(options, threads=str(run.platform.threads))
    return differences(run, replace(job, options=options).plan())


def _called(job: Job) -> str:
    return f"{job.record.device} {job.record.name}"


def _first_of(names: Sequence[str]) -> str:
    more = len(names) - 1
    return names[0] + (f" and {more} more" if more else "")


def publish(jobs: Sequence[Job], done: Mapping[Job, Run], out: Path, quiet: bool) -> None:
    """Compare all records that are done; raises CheckFailedError that lists what failed."""
    entrants = [
        recorded(readable(job.record.folder(out)), done[job]) for job in jobs if job in done
    ]
    if any(entrant.standings for entrant in entrants):
        publish_comparison(entrants, out / "compare", quiet=quiet)
    elif entrants:
        typer.echo(out / DEVICES if quiet else f"Records: {out / DEVICES}")
    faults = []
    for job in jobs:
        run = done.get(job)
        if run is None:
            faults.append(f"{_called(job)}: {_why_not(read_state(job.record.folder(out)))}")
        elif run.failures:
            cell, reason = min(run.failures.items())
            faults.append(
                f"{_called(job)}: {len(run.failures)} network(s) failed their proof and have no "
                f"figures; {cell}: {reason}."
            )
    if faults:
        raise CheckFailedError(f"{len(faults)} of {len(jobs)} records failed:", faults)


def _why_not(state: State) -> str:
    if state.stage in ("waiting", "failed"):
        return state.saying
    return "A worker is still at it, and was not waited for any longer: run the same command again."
