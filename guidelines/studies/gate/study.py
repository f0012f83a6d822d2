"""Measure the gate itself: record replicates and sessions with known extra work, and judge them.

Both designs are recorded in turns under the same conditions. Everything measured is kept and
resumed: `<condition>/pairs` and `<condition>/quartets` hold one trial each,
`<condition>/sessions/01`, … whole sessions.
"""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import typer
from rich.console import Console

from guideline_benchmarks.guidelines import controls
from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.session.gate.sides import AskedSide, Question, question
from guideline_benchmarks.guidelines.session.gate.trial_progress import TrialDisplay
from guideline_benchmarks.guidelines.session.gate.trials import (
    Bench,
    Outcome,
    measure_trial,
    opened,
    stored_trial,
)
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.studies.gate.conditions import (
    CONDITIONS,
    WANDERER,
    Condition,
)
from guideline_benchmarks.guidelines.studies.gate.judging import Recorded, write_page
from guideline_benchmarks.guidelines.studies.gate.pool import (
    NONE,
    NOTHING,
    Pool,
    SessionOutcome,
    Slowdown,
    injected,
)
from guideline_benchmarks.guidelines.studies.gate.sessions import WholeSession
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.ratios import Choice
from guideline_benchmarks.results.gate.trial import Design, Step, TrialProtocol
from guideline_benchmarks.results.gate.trial_store import has_trial

EXTRA = (0.02, 0.03, 0.05, 0.1)
# Replicates of one cell alone show what a process costs before it times anything.
SMALL = 4
CPU = AskedSide("cpu")
PROTOCOL = TrialProtocol(margin=0.02, max_seconds=600.0)
CONTROLS = frozenset(control.name for control in controls.CONTROLS)
WANTED_SO = "the study of the gate compares both designs"


@dataclass(frozen=True)
class Amounts:
    """How much is measured under a condition: replicates of both designs, and whole sessions."""

    pairs: int
    quartets: int
    sessions: int

    def under(self, condition: Condition) -> Amounts:
        """Return what is measured under one; half of it under that which is only reported."""
        if condition is not WANDERER:
            return self
        return Amounts(self.pairs // 2, self.quartets // 2, self.sessions // 4)


@dataclass(frozen=True)
class Injection:
    """A slow-down put into a whole session, in words; one of the rows `wanted` has to be SLOWER."""

    slowdown: Slowdown
    what: str = ""
    wanted: frozenset[str] = NONE


def study_gate(folder: Path, amounts: Amounts, page: Path, judge_only: bool) -> None:
    """Measure what is missing in `folder`, judge all of it, and write the page with its plots.

    With `judge_only`, nothing is measured, and the folder may be another machine's.
    """
    if not judge_only:
        for condition in CONDITIONS:
            with condition.made(seed=zlib.crc32(condition.name.encode())):
                _measure(folder / condition.name, condition, amounts.under(condition))
    recorded = [_read(folder / condition.name, condition) for condition in CONDITIONS]
    with Console(stderr=True).status("judging: some ten minutes"):
        written = write_page(recorded, page)
    typer.echo(written)


def _measure(folder: Path, condition: Condition, amounts: Amounts) -> None:
    """Measure what is missing under a condition: replicates in turns, then sessions."""
    with ExitStack() as stack:
        questions: dict[Design, Question] = {
            "pairs": _asked(EXTRA),
            "quartets": _asked(EXTRA, WANTED_SO),
        }
        benches = {
            design: stack.enter_context(opened(asked, folder / design, resume=True))
            for design, asked in questions.items()
        }
        for design, step in turns(benches, amounts):
            count = len(benches[design].replicates) + 1
            typer.echo(f"{condition.words}: number {count} of {design}", err=True)
            benches[design].measure(step, lambda *_: None)
        cells = [cell.name for cell in benches["pairs"].trial.a.cells]
    for number, injection in enumerate(islice(injections(cells), amounts.sessions), 1):
        _measure_session(folder / "sessions" / f"{number:02}", injection)


def _asked(extra: tuple[float, ...], apart: str = "") -> Question:
    return question(["all"], CPU, CPU, PROTOCOL, Options(), extra, apart)


def turns(benches: dict[Design, Bench], amounts: Amounts) -> Iterator[tuple[Design, Step]]:
    """Yield what is missing of both designs, spread evenly over the time."""
    wanted: dict[Design, int] = {"pairs": amounts.pairs, "quartets": amounts.quartets}
    missing: list[tuple[float, Design, Step]] = []
    for design, bench in benches.items():
        cells = tuple(cell.name for cell in bench.trial.a.cells)
        controls = tuple(control.name for control in bench.trial.a.controls)
        whole = Step("screening", (*cells, *controls) if design == "pairs" else cells)
        small = Step("confirmation", cells[:1])
        stages = Counter(one.stage for one in bench.replicates)
        left = wanted[design] - stages["screening"]
        missing += [((place + 0.5) / left, design, whole) for place in range(left)]
        missing += [(1.0, design, small)] * (SMALL - stages["confirmation"])
    for _, design, step in sorted(missing, key=lambda one: one[0]):
        yield design, step


def injections(cells: list[str]) -> Iterator[Injection]:
    """Yield what whole sessions are measured with, in turns: nothing, cells, guidelines, all."""
    place = 3
    for turn in itertools.count():
        for fraction in (0.05, 0.05, 0.05, 0.05, 0.05, 0.0, 0.03):
            if fraction:
                yield _in_cell(fraction, cells[place % len(cells)])
                # Has no divisor in common with the number of cells, so that all have their turn.
                place += 7
            else:
                yield Injection(NOTHING)
        name = list(GUIDELINES)[turn % len(GUIDELINES)]
        members = frozenset(cell for cell in cells if cell.split("/")[0] == name)
        yield Injection(Slowdown(0.03, members), name, frozenset([name]))
        everything = frozenset([*cells, *CONTROLS])
        yield Injection(Slowdown(0.05, everything), "everything, controls too", CONTROLS)


def _in_cell(fraction: float, cell: str) -> Injection:
    return Injection(Slowdown(fraction, frozenset([cell])), cell, frozenset([cell]))


def _extra(injection: Injection) -> tuple[float, ...]:
    """Return the extra work that a session needs, and no more."""
    return (injection.slowdown.fraction,) if injection.what else ()


def _choice(injection: Injection) -> Choice:
    return injected(_extra(injection), injection.slowdown)


def _measure_session(folder: Path, injection: Injection) -> None:
    """Measure one whole session, finish it, or leave it where it is whole."""
    said = f"{injection.slowdown.fraction:.0%} in {injection.what}" if injection.what else "none"
    typer.echo(f"session {folder}, extra work: {said}", err=True)
    with TrialDisplay(PROTOCOL.max_seconds, quiet=False) as display:
        measure_trial(_asked(_extra(injection)), folder, True, display, _choice(injection))


def _read(folder: Path, condition: Condition) -> Recorded:
    """Return what is stored of a condition."""
    pools: dict[Design, Pool] = {
        design: Pool(*trial_store.read_trial(folder / design)) for design in ("pairs", "quartets")
    }
    return Recorded(condition, pools, list(_sessions(folder / "sessions", pools["pairs"].cells)))


def _sessions(folder: Path, cells: list[str]) -> Iterator[WholeSession]:
    """Yield the sessions that are stored whole; the folder's number says what was put into it."""
    last = max((int(place.name) for place in folder.glob("*") if has_trial(place)), default=0)
    for number, injection in enumerate(islice(injections(cells), last), 1):
        place = folder / f"{number:02}"
        if has_trial(place):
            outcome = stored_trial(place, _choice(injection))
            if outcome.whole:
                yield _whole_session(number, injection, outcome)


def _whole_session(number: int, injection: Injection, outcome: Outcome) -> WholeSession:
    slowed = injection.slowdown.networks
    return WholeSession(
        number=number,
        fraction=injection.slowdown.fraction,
        what=injection.what,
        wanted=injection.wanted,
        slower=frozenset(row.name for row in outcome.ledger.rows if {*row.cells} & slowed),
        outcome=SessionOutcome(outcome.findings, outcome.seconds, len(outcome.replicates)),
    )
