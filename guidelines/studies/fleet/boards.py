"""Many boards on this machine, and the fleet file that names them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.studies.fleet import loopback, replay
from guideline_benchmarks.guidelines.studies.fleet.loopback import Board
from guideline_benchmarks.guidelines.studies.fleet.recorded import write_answers
from guideline_benchmarks.results.record.schema import Run

EXPERIMENT = next(iter(GUIDELINES))


@contextmanager
def running(folder: Path, run: Run, scales: Sequence[float], logs: Path) -> Iterator[list[Board]]:
    """Give running boards, below a folder; each replays a run, so many times slower than it was.

    What they measured they write down in `logs`, which no fault reaches.
    """
    boards = []
    logs.mkdir(parents=True)
    try:
        for number, scale in enumerate(scales):
            own = folder / f"board-{number:03d}"
            own.mkdir(parents=True)
            answers = own / "answers.json"
            write_answers(run, answers, own.name)
            python = [
                sys.executable,
                replay.__file__,
                str(answers),
                str(logs / own.name),
                str(scale),
            ]
            boards.append(loopback.start(own, python))
        yield boards
    finally:
        for board in boards:
            board.server.kill()
            board.server.wait()


def fleet_file(folder: Path, boards: Sequence[Board], runs: int, processes: int) -> Path:
    """Write the file of a fleet of boards, and return it."""
    lines = [
        "[run]",
        f'experiments = ["{EXPERIMENT}"]',
        f"runs = {runs}",
        f"processes = {processes}",
    ]
    for board in boards:
        platform = board.platform(board.folder.name)
        lines += ["[[device]]", f'name = "{board.folder.name}"', f'platform = "{platform}"']
    file = folder / "fleet.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def client(folder: Path, boards: Sequence[Board]) -> dict[str, str]:
    """Return an environment whose `ssh` knows all these boards, and no configuration else."""
    known = "".join((board.folder / "known_hosts").read_text() for board in boards)
    (folder / "known_hosts").write_text(known)
    return {**os.environ, "PATH": f"{loopback.make_client(folder)}:{os.environ['PATH']}"}


def overlaps(board: Board, logs: Path) -> list[str]:
    """Return what a board's own log shows of two measurements at once: samples between others'.

    Each process that sampled must have taken all its samples before another took its first.
    """
    spans: dict[str, list[int]] = {}
    for line in (logs / board.folder.name).read_text().splitlines():
        process, time, what = line.split()
        if what == "sample":
            spans.setdefault(process, []).append(int(time))
    ordered = sorted((min(times), max(times), process) for process, times in spans.items())
    return [
        f"{board.folder.name}: processes {one[2]} and {other[2]}"
        for one, other in pairwise(ordered)
        if other[0] < one[1]
    ]
