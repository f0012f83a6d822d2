"""Measure the gate itself: record blocks and whole sessions with known extra work, and judge them.

Everything measured is kept and resumed: blocks in the folder of one trial, whole sessions in
folders of their own below it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from guidelines.catalogue import GUIDELINES
from guidelines.trial_progress import TrialDisplay
from guidelines.trials import (
    Outcome,
    Question,
    Side,
    measure_trial,
    opened,
    question,
)
from results.calibration import NOTHING, Pool, Slowdown, injected
from results.trial import Block, Trial
from runners.blocks import Task

EXTRA = (0.02, 0.03, 0.05, 0.1)
# Blocks of one cell alone show what a process costs before it times anything.
SMALL_BLOCKS = 4
SMALL_CELL = "g1/1:1/x1"


@dataclass(frozen=True)
class WholeSession:
    """A session measured from beginning to end, and the slow-down that was in its arm B."""

    slowdown: Slowdown
    what: str
    outcome: Outcome


def calibrate(folder: Path, blocks: int, sessions: int) -> list[WholeSession]:
    """Measure what is missing in `folder`: so many blocks of the pool, and whole sessions."""
    asked = question(["all"], Side("cpu"), Side("cpu"), margin=0.02, max_seconds=600.0, extra=EXTRA)
    pool = Pool(*record(asked, folder, blocks))
    return [
        measured_session(asked, folder / "sessions" / f"{number + 1:02}", slowdown, what)
        for number, (slowdown, what) in enumerate(itertools.islice(slowdowns(pool), sessions))
    ]


def record(asked: Question, folder: Path, blocks: int) -> tuple[Trial, list[Block]]:
    """Measure the blocks that a pool lacks: `blocks` of all cells, and some of one cell alone."""
    cells = [cell.name for study in asked.studies for cell in study.cells(asked.measured)]
    whole = Task("screening", cells, asked.protocol.rounds)
    small = Task("confirmation", [SMALL_CELL], asked.protocol.confirmation_rounds)
    tasks = [whole] * blocks + [small] * SMALL_BLOCKS
    with opened(asked, folder, resume=True) as bench:
        missing = tasks[len(bench.blocks) :]
        for task in track(missing, "blocks", console=Console(stderr=True)):
            bench.measure(task, lambda *_: None)
    return bench.trial, bench.blocks


def slowdowns(pool: Pool) -> Iterator[tuple[Slowdown, str]]:
    """Yield what whole sessions are measured with, in turns: nothing, cells, guidelines, all."""
    compute = [cell for cell in pool.cells if cell.startswith(("g1/", "g3/"))]
    everything = frozenset([*pool.cells, *pool.controls])
    for turn in itertools.count():
        yield NOTHING, "nothing"
        cell = pool.cells[(7 * turn + 3) % len(pool.cells)]
        yield Slowdown(0.05, frozenset([cell])), cell
        cell = compute[(7 * turn + 5) % len(compute)]
        yield Slowdown(0.03, frozenset([cell])), cell
        yield NOTHING, "nothing"
        name = list(GUIDELINES)[turn % len(GUIDELINES)]
        members = frozenset(cell for cell in pool.cells if cell.startswith(f"{name}/"))
        yield Slowdown(0.03, members), name
        yield Slowdown(0.05, everything), "all, controls included"


def measured_session(asked: Question, folder: Path, slowdown: Slowdown, what: str) -> WholeSession:
    """Measure one whole session, or finish it, or read it where it is whole."""
    typer.echo(f"session {folder.name}: {slowdown.fraction:.0%} in {what}", err=True)
    choose = injected(asked.extra, slowdown)
    with TrialDisplay(asked.protocol.max_seconds, quiet=False) as display:
        outcome = measure_trial(asked, folder, True, display, choose)
    return WholeSession(slowdown, what, outcome)
