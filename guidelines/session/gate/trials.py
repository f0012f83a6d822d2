"""Begin a trial of two sides, or continue an interrupted one, and measure its replicates."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

from guideline_benchmarks.guidelines.session.gate.sides import Question, begin
from guideline_benchmarks.results.errors import BadInputError, CheckFailedError
from guideline_benchmarks.results.gate import sequential, trial_store
from guideline_benchmarks.results.gate.designs import RULES
from guideline_benchmarks.results.gate.finding import Finding, rows_of, without_figures
from guideline_benchmarks.results.gate.ratios import Choice, Reading, as_timed
from guideline_benchmarks.results.gate.sequential import Ledger, advance, procedure
from guideline_benchmarks.results.gate.trial import Part, Replicate, SideName, Step, Trial
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.platform import REACHING
from guideline_benchmarks.results.record.same_machine import differing_fields
from guideline_benchmarks.results.store import files, run_folders
from guideline_benchmarks.runners.pairs import NoRoomError, measure_pair
from guideline_benchmarks.runners.quartets import measure_quartet
from guideline_benchmarks.runners.side_worker import Equipment

# Seconds; with less time than this left, a trial may have ended.
LONGEST_REPLICATE = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a trial found; `failures` are networks that failed their proof, with side and reason."""

    trial: Trial
    replicates: Sequence[Replicate]
    ledger: Ledger
    failures: Mapping[str, str]

    @property
    def seconds(self) -> float:
        """What all replicates took."""
        return sum(replicate.seconds for replicate in self.replicates)

    @property
    def whole(self) -> bool:
        """Whether it went on until all was decided or its time was up."""
        time_up = self.trial.protocol.max_seconds - self.seconds < LONGEST_REPLICATE
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

    def replicate_begins(self, step: Step, number: int, ledger: Ledger) -> None:
        """Pair, or quartet, `number` is about to be measured."""

    def sample_taken(self, side: SideName, cell: Cell) -> None:
        """One sample arrived."""


def measure_trial(
    question: Question, folder: Path, resume: bool, watcher: Watcher, choose: Choice = as_timed
) -> Outcome:
    """Measure a trial into `folder` until all is decided or its time is up.

    With `resume`, a trial that the folder holds is continued; without, it is refused. `choose` says
    which times of each side count, for a declaration. Raises the errors of `begin`, of
    runners.pairs and runners.quartets, and CheckFailedError when a control failed its proof.
    """
    with opened(question, folder, resume) as bench:
        began = time.monotonic()
        replicates = bench.replicates
        ledger, steps, step = _replayed(bench.trial, replicates, choose)
        deadline = began + bench.trial.protocol.max_seconds - sum(r.seconds for r in replicates)
        while step is not None:
            expected = _expected(bench.trial, step, replicates)
            if replicates and time.monotonic() + expected > deadline:
                break
            watcher.replicate_begins(step, len(replicates), ledger)
            try:
                replicate = bench.measure(step, watcher.sample_taken)
            except NoRoomError as error:
                if replicates:
                    raise
                bench.take_quartets(str(error))
                ledger, steps, step = _replayed(bench.trial, replicates, choose)
                continue
            step = advance(steps, RULES[bench.trial.design].read(replicate, choose))
    sequential.end(ledger)
    return Outcome(bench.trial, replicates, ledger, _failures(replicates))


def stored_trial(folder: Path, choose: Choice = as_timed) -> Outcome:
    """Return what the replicates that are stored of a trial say, on any machine; measure nothing.

    Raises the errors of results.gate.trial_store.read_trial.
    """
    trial, replicates = trial_store.read_trial(folder)
    ledger, _, _ = _replayed(trial, replicates, choose)
    sequential.end(ledger)
    return Outcome(trial, replicates, ledger, _failures(replicates))


def _replayed(
    trial: Trial, replicates: Sequence[Replicate], choose: Choice
) -> tuple[Ledger, Generator[Step, Reading, None], Step | None]:
    """Return the ledger after some replicates, the procedure, and what that asks for next."""
    rows = rows_of(trial.experiments, trial.a.cells, trial.a.controls)
    ledger = Ledger(rows, trial.protocol, trial.design)
    steps = procedure(ledger)
    step: Step | None = next(steps)
    for number, replicate in enumerate(replicates, 1):
        if step is None or (replicate.stage, {*replicate.cells}) != (step.stage, {*step.cells}):
            raise _altered(f"Number {number} of the {trial.design}")
        step = advance(steps, RULES[trial.design].read(replicate, choose))
    return ledger, steps, step


def _altered(what: str) -> BadInputError:
    return BadInputError(
        f"{what} of the trial is not the one that follows from those before it: the trial was "
        "altered, or recorded by another version of the suite. Begin anew."
    )


@dataclass
class Bench:
    """A trial in its folder, with what measures it; `replicates` are those on disk."""

    folder: Path
    trial: Trial
    equipment: Mapping[SideName, Equipment]
    replicates: list[Replicate]

    def measure(self, step: Step, taken: Callable[[SideName, Cell], None]) -> Replicate:
        """Measure one more replicate, or what is left of a quartet, and store it.

        Raises the errors of runners.pairs, runners.quartets and
        results.gate.trial_store.read_part, and CheckFailedError when a control that corrects
        others failed its proof.
        """
        number = len(self.replicates)
        if self.trial.design == "pairs":
            replicate = measure_pair(self.trial, self.equipment, step, number, taken)
        else:
            replicate = self._quartet(step, number, taken)
            _refuse_uncontrolled(self.trial, replicate)
        trial_store.write_replicate(self.folder, self.trial, number, replicate)
        self.replicates.append(replicate)
        return replicate

    def _quartet(
        self, step: Step, number: int, taken: Callable[[SideName, Cell], None]
    ) -> Replicate:
        begun = trial_store.read_part(self.folder, self.trial, number)
        if begun is not None and (begun.stage, {*begun.cells}) != (step.stage, {*step.cells}):
            raise _altered(f"What there is of quartet {number + 1}")

        def keep(part: Part) -> None:
            trial_store.write_part(self.folder, part)

        return measure_quartet(self.trial, self.equipment, step, number, taken, begun, keep)

    def take_quartets(self, apart: str) -> None:
        """Go over to quartets, of which one process is alive at a time, since pairs cannot be."""
        self.trial = self.trial.model_copy(update={"design": "quartets", "apart": apart})
        trial_store.write_trial(self.folder, self.trial)


@contextmanager
def opened(question: Question, folder: Path, resume: bool) -> Iterator[Bench]:
    """Hold the folder of a trial, begun if it holds none, against a second writer.

    Raises BadInputError when it holds a trial and `resume` is not set, or one of something else.
    """
    with files.locked(folder):
        earlier, replicates = _earlier(folder, resume)
        trial, equipment = begin(question, files.cache_folder())
        if earlier is not None:
            trial = _continued(earlier, trial, folder)
        trial_store.write_trial(folder, trial)
        yield Bench(folder, trial, equipment, replicates)


def _earlier(folder: Path, resume: bool) -> tuple[Trial | None, list[Replicate]]:
    """Return the trial that a folder holds with its replicates, or None and none."""
    if run_folders.has_run(folder):
        raise BadInputError(f"{folder} holds a run: choose another --out for a trial.")
    if not trial_store.has_trial(folder):
        return None, []
    if not resume:
        raise BadInputError(
            f"{folder} holds a trial already: continue it with --resume or choose another --out."
        )
    return trial_store.read_trial(folder)


def _continued(earlier: Trial, trial: Trial, folder: Path) -> Trial:
    """Return a trial begun earlier with one more session, that of a `trial` of the very same.

    Raises BadInputError where it compares something else.
    """
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
    return earlier.model_copy(update={"sessions": [*earlier.sessions, *trial.sessions]})


def _compared(trial: Trial) -> dict[str, Any]:
    """Return what a trial compares, and how: all of it but when, and what machines are called."""
    words: Any = {"fingerprint": True, "platform": {*REACHING}}
    # Whether there is room for pairs shows only when they are measured.
    how = dict.fromkeys(["trial_version", "design", "apart", "sessions"], True)
    return trial.model_dump(exclude={**how, "a": words, "b": words})


def _expected(trial: Trial, step: Step, replicates: Sequence[Replicate]) -> float:
    """Return the seconds that a replicate takes at most, by the last one of at least its cells."""
    for replicate in reversed(replicates):
        if set(replicate.cells) >= set(step.cells):
            rounds = [
                trial.protocol.rounds_of(trial.design, stage)
                for stage in (step.stage, replicate.stage)
            ]
            return replicate.seconds * max(1.0, rounds[0] / rounds[1])
    return 0.0


def _refuse_uncontrolled(trial: Trial, quartet: Replicate) -> None:
    """Raise CheckFailedError when a control has no times: nothing could be corrected."""
    for process in quartet.processes:
        for control in trial.a.controls:
            if control.name in process.failures:
                raise CheckFailedError(
                    f"Side {process.side.upper()}: {control.name} failed its proof, and without "
                    f"the controls nothing can be compared: {process.failures[control.name]}."
                )


def _failures(replicates: Sequence[Replicate]) -> dict[str, str]:
    """Return the networks that failed their proof, by name, with the side and the reason."""
    return {
        name: f"side {process.side.upper()}: {reason}"
        for replicate in replicates
        for process in replicate.processes
        for name, reason in process.failures.items()
    }
