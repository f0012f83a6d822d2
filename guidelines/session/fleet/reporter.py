"""Writes down how far a record is while it is measured, so that the disk alone tells."""

from __future__ import annotations

import time
from pathlib import Path

from guideline_benchmarks.guidelines.session.fleet.stopping import refuse_if_stopped
from guideline_benchmarks.results.fleet.state import Stage, State, write_state
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.schema import Run

# States are written no more often than they are looked at.
LEAST_SECONDS = 1.0


class Reporter:
    """A watcher of a run (see guidelines.session.runs.Watcher) that keeps the record's state.

    Each call raises StoppedError when the fleet is to end.
    """

    def __init__(self, folder: Path, state: State) -> None:
        self.folder = folder
        self.state = state
        self._earlier = state
        self._began = time.monotonic()
        self._written = 0.0

    @property
    def progressed(self) -> bool:
        """Whether anything was stored since it began."""
        return self.state.stored > self._earlier.stored

    def waiting(self, saying: str) -> None:
        """Tell that something else is waited for."""
        self._say(saying, "waiting")

    def starting(self) -> None:
        """Tell that it begins."""
        self._say("starting")

    def preparing(self, done: int, total: int) -> None:
        """Tell that `done` of `total` networks are there."""
        self._say(f"network {min(done + 1, total)} of {total}")

    def process_started(self, process: int, _rounds: int) -> None:
        """Tell that a worker starts."""
        self._say(f"process {process + 1}: starting")

    def copying(self, done: int, total: int) -> None:
        """Tell that files are copied."""
        self._say(f"copying file {done + 1} of {total}")

    def network_ready(self, cell: Cell) -> None:
        """Tell that a network is ready."""
        self._say(f"{cell.name} is ready")

    def sample_taken(self, _cell: Cell) -> None:
        """Only ask whether to go on: nothing is written between samples."""
        refuse_if_stopped()

    def machine_state(self, celsius: float | None, mhz: int | None) -> None:
        """Tell how warm and how fast the machine is."""
        self.state = self.state.model_copy(update={"celsius": celsius, "mhz": mhz})

    def round_stored(self, run: Run) -> None:
        """Tell that a round is on disk."""
        spent = sum(process.seconds for process in run.processes)
        self._stored(len(run.rounds), run.protocol.runs, spent)

    def counting(self, cell: Cell) -> None:
        """Tell that an emulated worker starts on a network."""
        self._say(f"counting {cell.name}")

    def count_stored(self, run: Run) -> None:
        """Tell that a network's counts are on disk."""
        spent = self._earlier.spent + time.monotonic() - self._began
        self._stored(len(run.counts), len(run.cells), spent)

    def _stored(self, stored: int, wanted: int, spent: float) -> None:
        update = {"stored": stored, "wanted": wanted, "spent": spent, "failures": 0, "waited": 0.0}
        self.state = self.state.model_copy(update=update)
        self._say(f"{stored} of {wanted}")

    def _say(self, saying: str, stage: Stage = "running") -> None:
        refuse_if_stopped()
        changes = stage != self.state.stage
        self.state = self.state.now(stage, saying)
        if changes or time.monotonic() - self._written >= LEAST_SECONDS:
            write_state(self.folder, self.state)
            self._written = time.monotonic()
