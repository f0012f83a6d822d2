"""How far a measurement is: a live bar on a terminal, plain lines elsewhere, nothing if quiet.

Everything goes to standard error, so that standard output holds results alone.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from guideline_benchmarks.reports.layout import machine_text
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.schema import Run

LINE_SECONDS = 15.0
# The bar is redrawn seldom: on a small machine drawing it would disturb what is timed.
REDRAWS_PER_SECOND = 2


class ProgressDisplay:
    """A watcher of runs that shows rounds and processes, or networks counted, and the time left.

    `total` is how many rounds, or networks where instructions are counted, are to be stored, and
    `processes` how many processes are planned, 0 if that is not known before.
    """

    def __init__(
        self, total: int, processes: int, quiet: bool, console: Console | None = None
    ) -> None:
        self.total = total
        self.processes = processes
        self.quiet = quiet
        self.console = console or Console(stderr=True)
        self._process = ""
        self._machine = ""
        self._cell = 0
        self._last_line = 0.0
        self._first: tuple[float, float] | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[stored]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self.console,
            refresh_per_second=REDRAWS_PER_SECOND,
            disable=quiet or not self.console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=1.0, stored="")

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def preparing(self, done: int, total: int) -> None:
        """Tell that `done` of `total` networks are exported."""
        self._show(f"exporting network {min(done + 1, total)}/{total}")

    def process_started(self, process: int, rounds: int) -> None:
        """Tell that a worker starts."""
        planned = f" of {max(self.processes, process + 1)}" if self.processes else ""
        self._process = f"process {process + 1}{planned}"
        self._show(f"{self._process}: proving and warming up")
        self._line(f"{self._process}: {rounds} rounds to measure", now=True)
        self._cell = 0

    def copying(self, done: int, total: int) -> None:
        """Tell that files are copied to a board."""
        text = f"copying file {done + 1}/{total} to the board"
        self._show(text)
        self._line(text)

    def network_ready(self, cell: Cell) -> None:
        """Tell that a network is ready."""
        self._show(f"{self._process}: {cell.name} is ready")

    def sample_taken(self, cell: Cell) -> None:
        """Tell that a sample arrived."""
        self._cell += 1
        self._show(f"{self._process}, cell {self._cell}: {cell.name}")

    def machine_state(self, celsius: float | None, mhz: int | None) -> None:
        """Tell how warm the machine is, and how fast its clock."""
        said = machine_text(celsius, mhz)
        self._machine = f", {said}" if said else ""

    def round_stored(self, run: Run) -> None:
        """Tell that a round is on disk."""
        self._cell = 0
        stored, stop = len(run.rounds), run.protocol.stop
        if stop is None:
            self._advance(f"{stored}/{self.total} rounds{self._machine}", stored / self.total)
            return
        # At most: it ends before when the figures are good enough.
        spent = sum(process.seconds for process in run.processes) / stop.seconds
        self._advance(f"{stored} rounds{self._machine}", min(1.0, spent))

    def counting(self, cell: Cell) -> None:
        """Tell that an emulated worker starts on a network."""
        self._show(f"counting {cell.name}")

    def count_stored(self, run: Run) -> None:
        """Tell that a network's counts are on disk; emulation takes time by multiply-adds."""
        # Of a network that the user named, none are known.
        work = {cell.name: max(cell.multiply_adds, 1) for cell in run.networks}
        done = sum(work[count.cell] for count in run.counts) / sum(work.values())
        self._advance(f"{len(run.counts)}/{self.total} networks", done)

    def _advance(self, stored: str, done: float) -> None:
        """Show what is stored; `done` is the fraction of all work."""
        self._bar.update(self._task, completed=done, stored=stored)
        if self._first is None:
            self._first = (time.monotonic(), done)
        self._line(f"{stored}{self._time_left(done)}")

    def _show(self, text: str) -> None:
        self._bar.update(self._task, description=f"{text:<48.48}")

    def _line(self, text: str, now: bool = False) -> None:
        if self.quiet or self.console.is_terminal:
            return
        if now or time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            self.console.print(text, highlight=False)

    def _time_left(self, done: float) -> str:
        assert self._first is not None
        began, already = self._first
        if done == already:
            return ""
        whole = (time.monotonic() - began) / (done - already)
        return f", about {whole * (1 - done):.0f} s left"
