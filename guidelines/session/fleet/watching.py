"""How far a fleet is: a live line a device on a terminal, plain lines elsewhere, nothing if quiet.

All of it is read from the disk, as `guidelines fleet status` does, and goes to standard error.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from guideline_benchmarks.reports.fleet.lines import changes, live_table, summary_line
from guideline_benchmarks.results.fleet.overview import Overview, glance
from guideline_benchmarks.results.fleet.wanted import read_wanted

LINE_SECONDS = 30.0


class Watch:
    """Shows how far the fleet in a folder is, whenever it is told to look."""

    def __init__(self, out: Path, quiet: bool, console: Console | None = None) -> None:
        self.out = out
        self.wanted = read_wanted(out)
        self.quiet = quiet
        self.console = console or Console(stderr=True)
        self._live = Live(console=self.console, auto_refresh=False, transient=True)
        self._last: Overview | None = None
        self._last_line = -LINE_SECONDS

    def __enter__(self) -> Self:
        """Show the lines."""
        if self._is_live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live lines away; without a terminal, say how it ended."""
        if self._is_live:
            self._live.stop()
        else:
            self._last_line = -LINE_SECONDS
            self.look()

    def look(self) -> None:
        """Read how far the fleet is, and show it."""
        if self.quiet:
            return
        now = glance(self.wanted, self.out)
        if self._is_live:
            table = live_table(now, self.console.height, self.console.width)
            self._live.update(table, refresh=True)
        else:
            self._print(now)
        self._last = now

    @property
    def _is_live(self) -> bool:
        return self.console.is_terminal and not self.quiet

    def _print(self, now: Overview) -> None:
        lines = changes(self._last, now)
        if time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            lines = [*lines, summary_line(now)]
        for line in lines:
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)
