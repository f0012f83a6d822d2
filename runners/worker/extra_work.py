"""Known extra work, timed right after an execution: what a regression gate is calibrated with."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from .backends.interface import LoadedNetwork

# Small enough for any first-level cache, so that it takes nothing from the networks.
SIZE = 32
BATCH, BATCHES = 200, 7


class ExtraWork:
    """Products of small matrices, as many as take given fractions of an execution's time."""

    def __init__(self, fractions: Sequence[float]) -> None:
        self.fractions = fractions
        self.a = np.full((SIZE, SIZE), 0.5, np.float32)
        self.b = np.full((SIZE, SIZE), 0.25, np.float32)
        self.product = np.zeros((SIZE, SIZE), np.float32)
        self.do(BATCH)
        self.unit_ns = min(self._batch() for _ in range(BATCHES)) / BATCH

    def _batch(self) -> int:
        start = time.perf_counter_ns()
        self.do(BATCH)
        return time.perf_counter_ns() - start

    def do(self, times: int) -> None:
        """Multiply so many times."""
        for _ in range(times):
            np.dot(self.a, self.b, out=self.product)

    def steps(self, ns: int) -> list[int]:
        """Return how many products lead from each fraction of `ns` to the next, from 0 on."""
        totals = [round(fraction * ns / self.unit_ns) for fraction in self.fractions]
        return [total - before for before, total in zip([0, *totals], totals)]

    def sample(self, network: LoadedNetwork, lead_in: bool, steps: Sequence[int]) -> dict[str, Any]:
        """Execute, after an execution that does not count if `lead_in` (see `Sample`)."""
        if lead_in:
            network.run()
        ns, extra = self.timed(network, steps)
        return {"ns": ns, "extra_ns": extra}

    def timed(self, network: LoadedNetwork, steps: Sequence[int]) -> tuple[int, list[int]]:
        """Execute once; return its time in ns, and the time with each step's work added."""
        clock = time.perf_counter_ns
        start = clock()
        network.run()
        ns = clock() - start
        # The first product finds cold caches, which belong to no fraction.
        self.do(1)
        resumed = clock()
        extra = []
        for times in steps:
            self.do(times)
            extra.append(ns + clock() - resumed)
        return ns, extra
