"""What the user's code must not do to the machine: outlive its caller, or take all memory."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from guideline_benchmarks.guidelines.export.exporter.errors import RefusedError

_PR_SET_PDEATHSIG = 1
# A thread that is about to end gets so long for it.
THREAD_SECONDS = 1.0


def confine(memory: int, caller: int) -> None:
    """End with the caller, be the first to go where memory is short, and take `memory` at most."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # It may have ended before that was asked for.
        if _is_gone(caller):
            os._exit(1)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _is_gone(process: int) -> bool:
    """Whether a process has ended, though nobody may have asked yet how."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in ("Z", "X")


class Watch:
    """Sees to it that this process does not divide, and is left with no thread that runs on.

    `end` is told why a network is refused, writes that as the answer and ends this process.
    """

    def __init__(self, model: str, end: Callable[[str], NoReturn]) -> None:
        self.model, self.end = model, end
        self.pid = os.getpid()
        self.threads = set(threading.enumerate())
        # Before it is two, each of which would go on.
        os.register_at_fork(before=self._refuse_fork)

    def _refuse_fork(self) -> None:
        self.end(
            f"{self.model} forks a process of its own, which would be measured with it: make the "
            "network without one."
        )

    def end_copies(self) -> None:
        """End here if this is a copy that the user's code made of the process by other means."""
        if os.getpid() != self.pid:
            os._exit(0)

    def refuse_leftovers(self) -> None:
        """Raise RefusedError if the user's code left a thread running."""
        for thread in set(threading.enumerate()) - self.threads:
            if not thread.daemon:
                thread.join(THREAD_SECONDS)
            if thread.is_alive() and not thread.daemon:
                raise RefusedError(
                    f"{self.model} leaves a thread running ({thread.name}), which would be "
                    "measured with it: end it before the network is returned."
                )
