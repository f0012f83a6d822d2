"""The one small interface to the machine on which workers run, wherever that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.runners.events import Ready, Unavailable
from guideline_benchmarks.runners.worker_process import WorkerProcess

# A slow machine, with other programs on it, starts a runtime.
START_SECONDS = 120.0


class Transport(Protocol):
    """How workers get to where they run, and what is said of it."""

    def process(self) -> WorkerProcess:
        """Return a process that is not started yet, and is to be introduced first.

        It knows what its end means (see WorkerProcess). Raises PlatformError when this machine
        lacks what it takes.
        """

    def introduce(
        self, process: WorkerProcess, files: Sequence[Path], copying: Callable[[int, int], None]
    ) -> Mapping[Path, str]:
        """Make a started process a worker that has `files`; return their names as it sees them.

        `copying` is told how many of how many files were copied. Raises PlatformError when the
        machine cannot be reached, or cannot take the worker or the files.
        """

    def unavailable(self, event: Unavailable) -> PlatformError:
        """Return the error for a machine that cannot run the worker."""

    def seen(self, ready: Ready) -> Ready:
        """Return a worker's greeting with what it cannot know of its machine itself."""


def unavailable_here(event: Unavailable) -> PlatformError:
    """Return the error for this machine when it cannot run the worker."""
    return PlatformError(f"The platform cannot run here: {event.clause}.")
