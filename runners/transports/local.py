"""This machine itself: a worker is a program like any other, and sees the files that are here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.events import Ready, Unavailable
from guideline_benchmarks.runners.transports.transport import unavailable_here
from guideline_benchmarks.runners.worker import environment
from guideline_benchmarks.runners.worker_process import WorkerProcess


@dataclass(frozen=True)
class Local:
    """Workers that a command starts (see runners.transports.transport.Transport)."""

    command: Sequence[str]

    def process(self) -> WorkerProcess:
        """Return a worker that is not started yet; nothing in its environment tunes it."""
        kept = dict(os.environ)
        environment.clear(kept)
        return WorkerProcess(self.command, environment=kept)

    def introduce(
        self, _process: WorkerProcess, files: Sequence[Path], _copying: Callable[[int, int], None]
    ) -> Mapping[Path, str]:
        """Return the names that files have anyway."""
        return {path: str(path) for path in files}

    def unavailable(self, event: Unavailable) -> PlatformError:
        """Return the error for a machine that cannot run the worker."""
        return unavailable_here(event)

    def seen(self, ready: Ready) -> Ready:
        """Return a greeting as it is."""
        return ready


def run_by(python: str, archive: Path) -> Local:
    """Return this machine with the packed worker run by one of its Pythons."""
    return Local([python, str(archive)])


def open_transport(_platform: Platform, archive: Path, _claim: Claim) -> Local:
    """Return this machine with the packed worker run by the suite's own Python."""
    return run_by(sys.executable, archive)
