"""Work through many files in other processes, while this one does something else."""

from __future__ import annotations

import gc
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

CHUNKS_PER_PROCESS = 8


@contextmanager
def in_background(work: Callable[[A], B], items: Sequence[A]) -> Iterator[Iterator[B]]:
    """Give the results of `work` on each item, in order; both must be picklable.

    What it raises is raised where its result is asked for.
    """
    # A forked process has imported already what this one has; elsewhere forking is not safe.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    processes = min(multiprocessing.cpu_count(), len(items)) or 1
    # Processes that live so briefly need not search for garbage, of which many records make much.
    with ProcessPoolExecutor(processes, context, gc.disable) as pool:
        yield pool.map(work, items, chunksize=len(items) // (CHUNKS_PER_PROCESS * processes) or 1)
