"""What `guidelines matrix` does: measure all combinations that can be, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.matrix_file import Matrix, Threads
from guideline_benchmarks.guidelines.session.measuring import SAME_COMMAND, execute_with_progress
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.guidelines.session.runs import Plan
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.errors import BadInputError, CheckFailedError, PlatformError
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.files import cache_folder, readable
from guideline_benchmarks.runners.launcher import identify, launcher_of
from guideline_benchmarks.runners.platform_file import load_platform


@dataclass(frozen=True)
class Combination:
    """One record of a matrix: what is measured, into which folder, and what that holds already."""

    plan: Plan
    folder: Path
    earlier: Run | None

    @property
    def is_measured(self) -> bool:
        """Whether nothing is left to be measured."""
        return self.earlier is not None and complete(self.earlier)


@dataclass(frozen=True)
class Planned:
    """The combinations of a matrix that can be measured; `left_out` says why others cannot.

    It holds the names of combinations by the one sentence that keeps them from being measured.
    """

    combinations: Sequence[Combination]
    left_out: dict[str, list[str]]


@dataclass(frozen=True)
class Measured:
    """The finished records of a matrix by their folders, and why others are not finished.

    `left_out` holds names of combinations of which nothing was measured, `stopped` of those begun,
    both by the sentence that says why.
    """

    finished: dict[Path, Run]
    left_out: dict[str, list[str]]
    stopped: dict[str, list[str]]


def measure_and_compare(matrix: Matrix, out: Path) -> None:
    """Measure a matrix into folders of `out`, compare all, and say what is not among them.

    Raises PlatformError where nothing could be measured or a combination stopped on its way, and
    CheckFailedError where a network failed its proof.
    """
    # Before hours of measuring, not after them.
    from guideline_benchmarks.guidelines.session.comparing import publish_comparison

    asked = planned(matrix, out)
    if asked.combinations:
        _say(_lines(asked.left_out))
    done = measure(asked.combinations)
    left_out = [*_lines(asked.left_out), *_lines(done.left_out)]
    if not done.finished:
        raise PlatformError(
            f"Nothing could be measured. {' '.join([*left_out, *_lines(done.stopped)])}"
        )
    publish_comparison(
        [recorded(readable(folder), run) for folder, run in done.finished.items()], out / "compare"
    )
    _say(left_out)
    if done.stopped:
        raise PlatformError(f"Not finished: {' '.join(_lines(done.stopped))}")
    for folder, run in done.finished.items():
        for name, reason in sorted(run.failures.items()):
            raise CheckFailedError(
                f"{folder.name}: {len(run.failures)} network(s) failed their proof and have no "
                f"figures; {name}: {reason}."
            )


def _say(left_out: Sequence[str]) -> None:
    for line in left_out:
        typer.echo(f"Left out: {line}", err=True)


def _lines(noted: dict[str, list[str]]) -> list[str]:
    """Return a line for each sentence, with the combinations that it is said of."""
    return [f"{', '.join(names)}: {sentence}" for sentence, names in noted.items()]


def planned(matrix: Matrix, out: Path) -> Planned:
    """Return what is to be measured into folders of `out`, in the matrix's order.

    Each combination that is not measured yet is tried: a worker of it is started. Raises
    BadInputError for a folder that holds a run of something else.
    """
    found: dict[Path, Combination] = {}
    left_out: dict[str, list[str]] = {}
    for platform, options in _asked(matrix):
        try:
            asked = plan(select(matrix.experiments), platform, options)
        except (BadInputError, PlatformError) as error:
            _note(left_out, error, _name(platform, options))
            continue
        threads = asked.platform.threads
        folder = out / _folder(asked.platform.name, threads, options.precision)
        combination = Combination(asked, folder, runs.earlier_run(asked, folder, resume=True))
        try:
            if not combination.is_measured:
                identify(asked.platform, launcher_of(asked.platform, cache_folder()))
        except (BadInputError, PlatformError) as error:
            _note(left_out, error, folder.name)
        else:
            # As many threads may be named by their number and as "all".
            found.setdefault(folder, combination)
    return Planned([*found.values()], left_out)


def _asked(matrix: Matrix) -> Iterator[tuple[str, Options]]:
    """Yield the platform and the options of every combination, each once."""
    numbers: Sequence[Threads | None] = matrix.threads or [None]
    axes = product(matrix.platforms, numbers, matrix.precisions)
    for platform, threads, precision in dict.fromkeys(axes):
        # A platform that takes no --threads has its own number all the same.
        own = threads is None or threads == load_platform(platform).threads
        yield (
            platform,
            Options(
                runs=matrix.runs,
                processes=matrix.processes,
                threads=None if own else str(threads),
                precision=precision,
            ),
        )


def _name(platform: str, options: Options) -> str:
    """Return what a combination is called that has no plan."""
    chosen = load_platform(platform)
    return _folder(chosen.name, options.threads or chosen.threads, options.precision)


def _folder(platform: str, threads: int | str, precision: str) -> str:
    # Some systems, and archives of CI, take no colon in a name.
    return f"{platform.replace(':', '-')}-{threads}t-{precision}"


def _note(noted: dict[str, list[str]], error: Exception, name: str) -> None:
    noted.setdefault(str(error), []).append(name)


def measure(combinations: Sequence[Combination]) -> Measured:
    """Measure what is not measured yet, a record at a time, and say how far that is.

    Where a platform fails, the others are measured all the same. Raises typer.Exit when it is
    interrupted, all that was measured being kept, and BadInputError as runs.execute does.
    """
    known = [combination.earlier for combination in combinations]
    left_out: dict[str, list[str]] = {}
    stopped: dict[str, list[str]] = {}
    for number, combination in enumerate(combinations):
        typer.echo(_progress(combinations, known, number), err=True)
        try:
            known[number] = execute_with_progress(
                combination.plan, combination.folder, resume=True, quiet=False, again=SAME_COMMAND
            )
        except PlatformError as error:
            begun = run_folders.has_run(combination.folder)
            _note(stopped if begun else left_out, error, combination.folder.name)
    finished = {
        combination.folder: run
        for combination, run in zip(combinations, known, strict=True)
        if run is not None and complete(run)
    }
    return Measured(finished, left_out, stopped)


def _progress(combinations: Sequence[Combination], known: Sequence[Run | None], number: int) -> str:
    """Say which of how many comes now, and about how long all that is left will take."""
    combination = combinations[number]
    said = f"{number + 1} of {len(combinations)}: {combination.folder.name}"
    if combination.is_measured:
        return f"{said} is measured already"
    seconds = seconds_left(known)
    return said if seconds is None else f"{said}, about {max(1, round(seconds / 60))} min left"


def seconds_left(known: Sequence[Run | None]) -> float | None:
    """Return about how many seconds some runs still need, None for one not begun.

    That is by how long processes of all took for what is measured; None where nothing tells.
    """
    timed = [run for run in known if run is not None and not run.platform.counts]
    spent = sum(process.seconds for run in timed for process in run.processes)
    done = sum(_done(run) for run in timed)
    left = sum(1 - _done(run) for run in timed) + sum(run is None for run in known)
    return spent / done * left if spent and done else None


def _done(run: Run) -> float:
    return min(1.0, len(run.rounds) / run.protocol.runs)
