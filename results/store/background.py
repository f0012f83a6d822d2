"""Work through many files in other processes, while this one does something else."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from guideline_benchmarks.results.errors import PlatformError

A = TypeVar("A")
B = TypeVar("B")

CHUNKS_PER_PROCESS = 8


@contextmanager
def in_background(work: Callable[[A], B], items: Sequence[A]) -> Iterator[Iterator[B]]:
    """Give the results of `work` on each item, in order; both must be picklable.

    What it raises is raised where its result is asked for, and PlatformError where a process was
    ended from outside.
    """
    # A forked process has imported already what this one has; elsewhere forking is not safe.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    processes = min(_cores(), len(items)) or 1
    # Processes that live so briefly need not search for garbage, of which many records make much.
    with ProcessPoolExecutor(processes, context, gc.disable) as pool:
        try:
            chunk = len(items) // (CHUNKS_PER_PROCESS * processes) or 1
            yield pool.map(work, items, chunksize=chunk)
        except BrokenProcessPool:
            raise PlatformError(
                "A process at work in the background was ended, for want of memory perhaps."
            ) from None


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return multiprocessing.cpu_count()
