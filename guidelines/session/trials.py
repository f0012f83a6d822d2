"""Begin a trial of two arms, or continue an interrupted one, and measure its blocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol as Interface

from guidelines.session.sides import Question, begin
from results.errors import BadInputError, CheckFailedError
from results.gate import sequential, trial_store
from results.gate.finding import Finding, rows_of, without_figures
from results.gate.ratios import BlockTimes, Choice, as_timed, block_times
from results.gate.sequential import Ledger, advance, procedure
from results.gate.trial import ArmName, Block, Step, Trial, TrialProtocol
from results.record.cells import Cell
from results.record.same_machine import differing_fields
from results.store import files, run_folders
from runners.quartets import Equipment, measure_block

# Seconds; with less time than this left, a trial may have ended.
LONGEST_BLOCK = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a trial found; `failures` are networks that failed their proof, with arm and reason."""

    trial: Trial
    blocks: Sequence[Block]
    ledger: Ledger
    failures: Mapping[str, str]

    @property
    def seconds(self) -> float:
        """What all blocks took."""
        return sum(block.seconds for block in self.blocks)

    @property
    def whole(self) -> bool:
        """Whether it went on until all was decided or its time was up."""
        time_up = self.trial.protocol.max_seconds - self.seconds < LONGEST_BLOCK
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

    def block_begins(self, step: Step, number: int, ledger: Ledger) -> None:
        """Block `number` is about to be measured."""

    def sample_taken(self, arm: ArmName, cell: Cell) -> None:
        """One sample arrived."""


def measure_trial(
    question: Question, folder: Path, resume: bool, watcher: Watcher, choose: Choice = as_timed
) -> Outcome:
    """Measure a trial into `folder` until all is decided or its time is up.

    With `resume`, a trial that the folder holds is continued; without, it is refused. `choose` says
    which times of each arm count, for a calibration. Raises the errors of `begin`, of
    runners.quartets, and CheckFailedError when a control failed its proof.
    """
    with opened(question, folder, resume) as bench:
        began = time.monotonic()
        trial, blocks = bench.trial, bench.blocks
        ledger, steps, step = _replayed(trial, blocks, choose)
        deadline = began + trial.protocol.max_seconds - sum(block.seconds for block in blocks)
        while step is not None:
            expected = _expected(trial.protocol, step, blocks)
            if blocks and time.monotonic() + expected > deadline:
                break
            watcher.block_begins(step, len(blocks), ledger)
            block = bench.measure(step, watcher.sample_taken)
            step = advance(steps, block_times(block, choose))
    sequential.end(ledger)
    return Outcome(trial, blocks, ledger, _failures(blocks))


def stored_trial(folder: Path, choose: Choice = as_timed) -> Outcome:
    """Return what the blocks that are stored of a trial say, on any machine; measure nothing.

    Raises the errors of results.gate.trial_store.read_trial.
    """
    trial, blocks = trial_store.read_trial(folder)
    ledger, _, _ = _replayed(trial, blocks, choose)
    sequential.end(ledger)
    return Outcome(trial, blocks, ledger, _failures(blocks))


def _replayed(
    trial: Trial, blocks: Sequence[Block], choose: Choice
) -> tuple[Ledger, Generator[Step, BlockTimes, None], Step | None]:
    """Return the ledger after some blocks, the procedure, and what that asks for next."""
    rows = rows_of(trial.experiments, trial.a.cells, trial.a.controls)
    ledger = Ledger(rows, trial.protocol)
    steps = procedure(ledger)
    step: Step | None = next(steps)
    for number, block in enumerate(blocks, 1):
        if step is None or (block.stage, {*block.cells}) != (step.stage, {*step.cells}):
            raise BadInputError(
                f"Block {number} of the trial is not the one that follows from those before it: "
                "the trial was altered, or recorded by another version of the suite. Begin anew."
            )
        step = advance(steps, block_times(block, choose))
    return ledger, steps, step


@dataclass(frozen=True)
class Bench:
    """A trial in its folder, with what measures it; `blocks` are those on disk."""

    folder: Path
    trial: Trial
    equipment: Mapping[ArmName, Equipment]
    blocks: list[Block]

    def measure(self, step: Step, taken: Callable[[ArmName, Cell], None]) -> Block:
        """Measure one more block and store it.

        Raises the errors of runners.quartets, and CheckFailedError when a control failed its proof.
        """
        number = len(self.blocks)
        block = measure_block(self.trial, self.equipment, step, number, taken)
        _refuse_uncontrolled(self.trial, block)
        trial_store.write_block(self.folder, number, block)
        self.blocks.append(block)
        return block


@contextmanager
def opened(question: Question, folder: Path, resume: bool) -> Iterator[Bench]:
    """Hold the folder of a trial, begun if it holds none, against a second writer.

    Raises BadInputError when it holds a trial and `resume` is not set, or one of something else.
    """
    with files.locked(folder):
        earlier, blocks = _earlier(folder, resume)
        trial, equipment = begin(question, files.cache_folder())
        if earlier is not None:
            _refuse_changed(earlier, trial, folder)
            trial = trial.model_copy(update={"sessions": [*earlier.sessions, *trial.sessions]})
        trial_store.write_trial(folder, trial)
        yield Bench(folder, trial, equipment, blocks)


def _earlier(folder: Path, resume: bool) -> tuple[Trial | None, list[Block]]:
    """Return the trial that a folder holds with its blocks, or None and none."""
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
                f"Arm {name} is not what it was when {folder} was begun (then / now): "
                f"{'; '.join(fields)}. Begin a new trial."
            )
    if earlier.model_copy(update={"sessions": trial.sessions}) != trial:
        raise BadInputError(
            f"{folder} holds a trial of something else: ask for the same arms, experiments and "
            "options (--max-minutes, too), or choose another --out."
        )


def _expected(protocol: TrialProtocol, step: Step, blocks: Sequence[Block]) -> float:
    """Return the seconds that a block takes at most, by the last one of at least its cells."""
    for block in reversed(blocks):
        if set(block.cells) >= set(step.cells):
            rounds = protocol.rounds_of(step.stage) / protocol.rounds_of(block.stage)
            return block.seconds * max(1.0, rounds)
    return 0.0


def _refuse_uncontrolled(trial: Trial, block: Block) -> None:
    """Raise CheckFailedError when a control has no times in a block: nothing could be corrected."""
    for process in block.processes:
        for control in trial.a.controls:
            if control.name in process.failures:
                raise CheckFailedError(
                    f"Arm {process.arm.upper()}: {control.name} failed its proof, and without the "
                    f"controls nothing can be compared: {process.failures[control.name]}."
                )


def _failures(blocks: Sequence[Block]) -> dict[str, str]:
    """Return the networks that failed their proof, by name, with the arm and the reason."""
    return {
        name: f"arm {process.arm.upper()}: {reason}"
        for block in blocks
        for process in block.processes
        for name, reason in process.failures.items()
    }
