"""Begin a trial of two sides, or continue an interrupted one, and measure its quartets."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

from guideline_benchmarks.guidelines.session.sides import Question, begin
from guideline_benchmarks.results.errors import BadInputError, CheckFailedError
from guideline_benchmarks.results.gate import sequential, trial_store
from guideline_benchmarks.results.gate.finding import Finding, rows_of, without_figures
from guideline_benchmarks.results.gate.ratios import Choice, QuartetTimes, as_timed, quartet_times
from guideline_benchmarks.results.gate.sequential import Ledger, advance, procedure
from guideline_benchmarks.results.gate.trial import (
    Part,
    Quartet,
    SideName,
    Step,
    Trial,
    TrialProtocol,
)
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.platform import REACHING
from guideline_benchmarks.results.record.same_machine import differing_fields
from guideline_benchmarks.results.store import files, run_folders
from guideline_benchmarks.runners.quartets import Equipment, measure_quartet

# Seconds; with less time than this left, a trial may have ended.
LONGEST_QUARTET = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a trial found; `failures` are networks that failed their proof, with side and reason."""

    trial: Trial
    quartets: Sequence[Quartet]
    ledger: Ledger
    failures: Mapping[str, str]

    @property
    def seconds(self) -> float:
        """What all quartets took."""
        return sum(quartet.seconds for quartet in self.quartets)

    @property
    def whole(self) -> bool:
        """Whether it went on until all was decided or its time was up."""
        time_up = self.trial.protocol.max_seconds - self.seconds < LONGEST_QUARTET
        return not self.ledger.undecided or time_up

    @cached_property
    def findings(self) -> list[Finding]:
        """What it says of every row; those with a network that failed say so."""
        found = []
        for finding in sequential.findings(self.ledger):
            failed = [name for name in finding.row.cells if name in self.failures]
            if failed:
                reason = f"{failed[0]}: {self.failures[failed[0]]}"
                finding = without_figures(finding.row, reason)
            found.append(finding)
        return found


class Watcher(Interface):
    """Is told how far a trial is."""

    def quartet_begins(self, step: Step, number: int, ledger: Ledger) -> None:
        """Quartet `number` is about to be measured."""

    def sample_taken(self, side: SideName, cell: Cell) -> None:
        """One sample arrived."""


def measure_trial(
    question: Question, folder: Path, resume: bool, watcher: Watcher, choose: Choice = as_timed
) -> Outcome:
    """Measure a trial into `folder` until all is decided or its time is up.

    With `resume`, a trial that the folder holds is continued; without, it is refused. `choose` says
    which times of each side count, for a declaration. Raises the errors of `begin`, of
    runners.quartets, and CheckFailedError when a control failed its proof.
    """
    with opened(question, folder, resume) as bench:
        began = time.monotonic()
        trial, quartets = bench.trial, bench.quartets
        ledger, steps, step = _replayed(trial, quartets, choose)
        deadline = began + trial.protocol.max_seconds - sum(quartet.seconds for quartet in quartets)
        while step is not None:
            expected = _expected(trial.protocol, step, quartets)
            if quartets and time.monotonic() + expected > deadline:
                break
            watcher.quartet_begins(step, len(quartets), ledger)
            quartet = bench.measure(step, watcher.sample_taken)
            step = advance(steps, quartet_times(quartet, choose))
    sequential.end(ledger)
    return Outcome(trial, quartets, ledger, _failures(quartets))


def stored_trial(folder: Path, choose: Choice = as_timed) -> Outcome:
    """Return what the quartets that are stored of a trial say, on any machine; measure nothing.

    Raises the errors of results.gate.trial_store.read_trial.
    """
    trial, quartets = trial_store.read_trial(folder)
    ledger, _, _ = _replayed(trial, quartets, choose)
    sequential.end(ledger)
    return Outcome(trial, quartets, ledger, _failures(quartets))


def _replayed(
    trial: Trial, quartets: Sequence[Quartet], choose: Choice
) -> tuple[Ledger, Generator[Step, QuartetTimes, None], Step | None]:
    """Return the ledger after some quartets, the procedure, and what that asks for next."""
    rows = rows_of(trial.experiments, trial.a.cells, trial.a.controls)
    ledger = Ledger(rows, trial.protocol)
    steps = procedure(ledger)
    step: Step | None = next(steps)
    for number, quartet in enumerate(quartets, 1):
        if step is None or (quartet.stage, {*quartet.cells}) != (step.stage, {*step.cells}):
            raise _altered(f"Quartet {number}")
        step = advance(steps, quartet_times(quartet, choose))
    return ledger, steps, step


def _altered(what: str) -> BadInputError:
    return BadInputError(
        f"{what} of the trial is not the one that follows from those before it: the trial was "
        "altered, or recorded by another version of the suite. Begin anew."
    )


@dataclass(frozen=True)
class Bench:
    """A trial in its folder, with what measures it; `quartets` are those on disk."""

    folder: Path
    trial: Trial
    equipment: Mapping[SideName, Equipment]
    quartets: list[Quartet]

    def measure(self, step: Step, taken: Callable[[SideName, Cell], None]) -> Quartet:
        """Measure one more quartet, or what is left of it, and store it.

        Raises the errors of runners.quartets and results.gate.trial_store.read_part, and
        CheckFailedError when a control failed its proof.
        """
        number = len(self.quartets)
        begun = trial_store.read_part(self.folder, self.trial, number)
        if begun is not None and (begun.stage, {*begun.cells}) != (step.stage, {*step.cells}):
            raise _altered(f"What there is of quartet {number + 1}")

        def keep(part: Part) -> None:
            trial_store.write_part(self.folder, part)

        quartet = measure_quartet(self.trial, self.equipment, step, number, taken, begun, keep)
        _refuse_uncontrolled(self.trial, quartet)
        trial_store.write_quartet(self.folder, number, quartet)
        self.quartets.append(quartet)
        return quartet


@contextmanager
def opened(question: Question, folder: Path, resume: bool) -> Iterator[Bench]:
    """Hold the folder of a trial, begun if it holds none, against a second writer.

    Raises BadInputError when it holds a trial and `resume` is not set, or one of something else.
    """
    with files.locked(folder):
        earlier, quartets = _earlier(folder, resume)
        trial, equipment = begin(question, files.cache_folder())
        if earlier is not None:
            _refuse_changed(earlier, trial, folder)
            trial = earlier.model_copy(update={"sessions": [*earlier.sessions, *trial.sessions]})
        trial_store.write_trial(folder, trial)
        yield Bench(folder, trial, equipment, quartets)


def _earlier(folder: Path, resume: bool) -> tuple[Trial | None, list[Quartet]]:
    """Return the trial that a folder holds with its quartets, or None and none."""
    if run_folders.has_run(folder):
        raise BadInputError(f"{folder} holds a run: choose another --out for a trial.")
    if not trial_store.has_trial(folder):
        return None, []
    if not resume:
        raise BadInputError(
            f"{folder} holds a trial already: continue it with --resume or choose another --out."
        )
    return trial_store.read_trial(folder)


def _refuse_changed(earlier: Trial, trial: Trial, folder: Path) -> None:
    """Raise BadInputError unless a trial compares the very same as the one begun earlier."""
    for name, one, other in (("A", earlier.a, trial.a), ("B", earlier.b, trial.b)):
        fields = differing_fields(one.fingerprint, other.fingerprint)
        if fields:
            raise BadInputError(
                f"Side {name} is not what it was when {folder} was begun (then / now): "
                f"{'; '.join(fields)}. Begin a new trial."
            )
    if _compared(earlier) != _compared(trial):
        raise BadInputError(
            f"{folder} holds a trial of something else: ask for the same sides, experiments and "
            "options (--max-minutes, too), or choose another --out."
        )


def _compared(trial: Trial) -> dict[str, Any]:
    """Return what a trial compares, and how: all of it but when, and what machines are called."""
    words: Any = {"fingerprint": True, "platform": {*REACHING}}
    return trial.model_dump(exclude={"sessions": True, "a": words, "b": words})


def _expected(protocol: TrialProtocol, step: Step, quartets: Sequence[Quartet]) -> float:
    """Return the seconds that a quartet takes at most, by the last one of at least its cells."""
    for quartet in reversed(quartets):
        if set(quartet.cells) >= set(step.cells):
            rounds = protocol.rounds_of(step.stage) / protocol.rounds_of(quartet.stage)
            return quartet.seconds * max(1.0, rounds)
    return 0.0


def _refuse_uncontrolled(trial: Trial, quartet: Quartet) -> None:
    """Raise CheckFailedError when a control has no times: nothing could be corrected."""
    for process in quartet.processes:
        for control in trial.a.controls:
            if control.name in process.failures:
                raise CheckFailedError(
                    f"Side {process.side.upper()}: {control.name} failed its proof, and without "
                    f"the controls nothing can be compared: {process.failures[control.name]}."
                )


def _failures(quartets: Sequence[Quartet]) -> dict[str, str]:
    """Return the networks that failed their proof, by name, with the side and the reason."""
    return {
        name: f"side {process.side.upper()}: {reason}"
        for quartet in quartets
        for process in quartet.processes
        for name, reason in process.failures.items()
    }
