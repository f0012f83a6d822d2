"""How the work of a fleet is ended early: whoever does some asks here, again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

import psutil

# For a sample to end; and for all else, boards being told on the way.
SAMPLE_SECONDS, LONGEST_SECONDS = 3.0, 30.0


class StoppedError(Exception):
    """The fleet is to end now; what was measured is kept."""


_STOP = threading.Event()


def go_on() -> None:
    """Let work be done again."""
    _STOP.clear()


def is_stopped() -> bool:
    """Whether the fleet is to end."""
    return _STOP.is_set()


def refuse_if_stopped() -> None:
    """Raise StoppedError when the fleet is to end."""
    if is_stopped():
        raise StoppedError


def pause(seconds: float) -> None:
    """Wait; raises StoppedError at once when the fleet is to end."""
    if _STOP.wait(seconds):
        raise StoppedError


@contextmanager
def stopped_on_error(unfinished: Callable[[], Collection[str]]) -> Iterator[None]:
    """End all work of this program's threads when an error, or Ctrl-C, ends what is within."""
    try:
        yield
    except BaseException:
        started = psutil.Process().children(recursive=True)
        _STOP.set()
        _wait_while(unfinished, SAMPLE_SECONDS)
        # What still waits for a board hears of its end; what tells boards has started since.
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _wait_while(unfinished, LONGEST_SECONDS)
        raise


def _wait_while(unfinished: Callable[[], Collection[str]], seconds: float) -> None:
    end = time.monotonic() + seconds
    with suppress(Exception):
        while time.monotonic() < end and unfinished():
            time.sleep(0.1)
