"""How far a trial is: a live line on a terminal, plain lines elsewhere, nothing if quiet."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from guideline_benchmarks.guidelines.session.progress import LINE_SECONDS, REDRAWS_PER_SECOND
from guideline_benchmarks.results.gate.sequential import Ledger
from guideline_benchmarks.results.gate.trial import SideName, Step
from guideline_benchmarks.results.record.cells import Cell


class TrialDisplay:
    """A watcher of trials; the bar is the time spent of `max_seconds`, the most that it takes."""

    def __init__(self, max_seconds: float, quiet: bool, console: Console | None = None) -> None:
        self.quiet = quiet
        self.console = console or Console(stderr=True)
        self.max_seconds = max_seconds
        self._began = time.monotonic()
        self._last_line = 0.0
        self._replicate = ""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn(f"of at most {max_seconds / 60:g} min"),
            console=self.console,
            refresh_per_second=REDRAWS_PER_SECOND,
            disable=quiet or not self.console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=max_seconds)

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

    def replicate_begins(self, step: Step, number: int, ledger: Ledger) -> None:
        """Tell what the next replicate is for, and how much is decided."""
        decided = f"{len(ledger.verdicts)} of {len(ledger.rows)} rows decided"
        spent = time.monotonic() - self._began
        what = f"{ledger.design.removesuffix('s')} {number + 1}"
        self._replicate = f"{what}, {step.stage} of {len(step.cells)} networks; {decided}"
        self._bar.update(self._task, description=self._replicate, completed=spent)
        if self.quiet or self.console.is_terminal:
            return
        if time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            left = max(0.0, self.max_seconds - spent)
            self.console.print(f"{self._replicate}; at most {left:.0f} s left", highlight=False)

    def sample_taken(self, _: SideName, __: Cell) -> None:
        """Tell how much time is spent."""
        spent = time.monotonic() - self._began
        self._bar.update(self._task, description=self._replicate, completed=spent)
