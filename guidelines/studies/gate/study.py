"""Measure the gate itself: record quartets and sessions with known extra work, and judge them.

Everything measured is kept and resumed: quartets in the folder of one trial, whole sessions in
folders of their own below it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.sides import AskedSide, Question, question
from guideline_benchmarks.guidelines.session.trial_progress import TrialDisplay
from guideline_benchmarks.guidelines.session.trials import (
    Outcome,
    measure_trial,
    opened,
    stored_trial,
)
from guideline_benchmarks.guidelines.studies.gate.page import WholeSession, write_page
from guideline_benchmarks.guidelines.studies.gate.pool import (
    NONE,
    NOTHING,
    Pool,
    SessionOutcome,
    Slowdown,
    injected,
)
from guideline_benchmarks.guidelines.studies.gate.tables import COMPUTE_BOUND
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.ratios import Choice
from guideline_benchmarks.results.gate.trial import Quartet, Step, Trial, TrialProtocol
from guideline_benchmarks.results.gate.trial_store import has_trial

EXTRA = (0.02, 0.03, 0.05, 0.1)
# Quartets of one cell alone show what a process costs before it times anything.
SMALL_QUARTETS = 4
SESSIONS = "sessions"
CPU = AskedSide("cpu")
PROTOCOL = TrialProtocol(margin=0.02, max_seconds=600.0)


@dataclass(frozen=True)
class Injection:
    """A slow-down put into a whole session, in words; one of the rows `wanted` has to be SLOWER."""

    slowdown: Slowdown
    what: str = ""
    wanted: frozenset[str] = NONE


def study_gate(folder: Path, quartets: int, sessions: int, page: Path, judge_only: bool) -> None:
    """Measure what is missing in `folder`, judge all of it, and write the page with its plots.

    With `judge_only`, nothing is measured, and the folder may be another machine's.
    """
    if judge_only:
        pool = Pool(*trial_store.read_trial(folder))
        whole = list(_stored_sessions(folder / SESSIONS, pool))
    else:
        asked = question(["all"], CPU, CPU, PROTOCOL, Options(), EXTRA)
        pool = Pool(*record(asked, folder, quartets))
        whole = [
            measured_session(asked, folder / SESSIONS / f"{number:02}", number, injection)
            for number, injection in enumerate(islice(injections(pool), sessions), 1)
        ]
    with Console(stderr=True).status("judging: some five minutes"):
        written = write_page(pool, whole, page)
    typer.echo(written)


def _stored_sessions(folder: Path, pool: Pool) -> Iterator[WholeSession]:
    """Yield the sessions that are stored whole; the folder's number says what was put into it."""
    last = max((int(place.name) for place in folder.glob("*") if has_trial(place)), default=0)
    for number, injection in enumerate(islice(injections(pool), last), 1):
        place = folder / f"{number:02}"
        outcome = stored_trial(place, _choice(injection)) if has_trial(place) else None
        if outcome is not None and outcome.whole:
            yield _whole_session(number, injection, outcome)


def record(asked: Question, folder: Path, quartets: int) -> tuple[Trial, list[Quartet]]:
    """Measure the quartets that a pool lacks: so many of all cells, and some of one cell alone."""
    cells = [
        cell.name
        for declaration in asked.declarations
        for cell in declaration.cells(asked.measured.choice)
    ]
    whole, small = Step("screening", tuple(cells)), Step("confirmation", (cells[0],))
    with opened(asked, folder, resume=True) as bench:
        stages = Counter(quartet.stage for quartet in bench.quartets)
        missing = [whole] * (quartets - stages["screening"])
        missing += [small] * (SMALL_QUARTETS - stages["confirmation"])
        for step in track(missing, "quartets", console=Console(stderr=True)):
            bench.measure(step, lambda *_: None)
    return bench.trial, bench.quartets


def injections(pool: Pool) -> Iterator[Injection]:
    """Yield what whole sessions are measured with, in turns: nothing, cells, guidelines, all."""
    compute = pool.members(*COMPUTE_BOUND)
    everything = frozenset([*pool.cells, *pool.controls])
    for turn in itertools.count():
        yield Injection(NOTHING)
        yield _in_cell(0.05, pool.cells[(7 * turn + 3) % len(pool.cells)])
        yield _in_cell(0.03, compute[(7 * turn + 5) % len(compute)])
        yield Injection(NOTHING)
        name = list(GUIDELINES)[turn % len(GUIDELINES)]
        members = frozenset(pool.members(name))
        yield Injection(Slowdown(0.03, members), name, frozenset([name]))
        everywhere = "everything, controls too"
        yield Injection(Slowdown(0.05, everything), everywhere, frozenset(pool.controls))


def _in_cell(fraction: float, cell: str) -> Injection:
    return Injection(Slowdown(fraction, frozenset([cell])), cell, frozenset([cell]))


def _choice(injection: Injection) -> Choice:
    return injected(EXTRA, injection.slowdown)


def measured_session(
    asked: Question, folder: Path, number: int, injection: Injection
) -> WholeSession:
    """Measure one whole session, finish it, or read it where it is whole."""
    said = f"{injection.slowdown.fraction:.0%} in {injection.what}" if injection.what else "none"
    typer.echo(f"session {number}, extra work: {said}", err=True)
    with TrialDisplay(asked.protocol.max_seconds, quiet=False) as display:
        outcome = measure_trial(asked, folder, True, display, _choice(injection))
    return _whole_session(number, injection, outcome)


def _whole_session(number: int, injection: Injection, outcome: Outcome) -> WholeSession:
    slowed = injection.slowdown.networks
    return WholeSession(
        number=number,
        fraction=injection.slowdown.fraction,
        what=injection.what,
        wanted=injection.wanted,
        slower=frozenset(row.name for row in outcome.ledger.rows if {*row.cells} & slowed),
        outcome=SessionOutcome(outcome.findings, outcome.seconds, len(outcome.quartets)),
    )
