"""What `guidelines matrix` does: measure all combinations that can be, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session.matrix_file import Matrix, Threads
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.guidelines.session.several import (
    Noted,
    Wanted,
    file_name,
    measure_all,
    note,
    try_worker,
    wanted,
)
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store.files import readable
from guideline_benchmarks.runners.platform_file import load_platform


@dataclass(frozen=True)
class Planned:
    """The combinations of a matrix that can be measured; `left_out` says why others cannot.

    It holds the names of combinations by the one sentence that keeps them from being measured.
    """

    records: Sequence[Wanted]
    left_out: Noted


def measure_and_compare(matrix: Matrix, out: Path) -> None:
    """Measure a matrix into folders of `out`, compare all, and say what is not among them.

    Raises PlatformError where nothing could be measured or a combination stopped on its way, and
    CheckFailedError where a network failed its proof.
    """
    # Before hours of measuring, not after them.
    from guideline_benchmarks.guidelines.session.comparing import publish_comparison

    def publish(finished: Mapping[Path, Run]) -> None:
        entrants = [recorded(readable(folder), run) for folder, run in finished.items()]
        publish_comparison(entrants, out / "compare")

    asked = planned(matrix, out)
    measure_all(asked.records, asked.left_out, publish)


def planned(matrix: Matrix, out: Path) -> Planned:
    """Return what is to be measured into folders of `out`, in the matrix's order.

    Each combination that is not measured yet is tried: a worker of it is started. Raises
    BadInputError for a folder that holds a run of something else.
    """
    found: dict[Path, Wanted] = {}
    left_out: Noted = {}
    for platform, options in _asked(matrix):
        try:
            asked = plan(select(matrix.experiments), platform, options)
        except (BadInputError, PlatformError) as error:
            note(left_out, error, _name(platform, options))
            continue
        threads = asked.platform.threads
        folder = out / _folder(asked.platform.name, threads, options.precision)
        record = wanted(asked, folder)
        try:
            try_worker(record)
        except (BadInputError, PlatformError) as error:
            note(left_out, error, folder.name)
        else:
            # As many threads may be named by their number and as "all".
            found.setdefault(folder, record)
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
    return f"{file_name(platform)}-{threads}t-{precision}"
