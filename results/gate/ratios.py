"""Typical times of processes, and what else the ratios of both designs are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.results.gate.trial import SideProcess

Array = NDArray[np.float64]

# Which times of a process count, in ns, for a network by name.
Choice = Callable[[SideProcess, str], Sequence[int]]


@dataclass(frozen=True)
class Reading:
    """What one replicate says of each network, by name.

    Of a pair the log ratio of B to A, of shape (1,); of a quartet the typical log times (ns) of its
    four processes, of shape (4,). Networks that failed their proof in any of its processes are not
    there.
    """

    of: Mapping[str, Array]

    def has(self, networks: Sequence[str]) -> bool:
        """Whether it says something of all these networks."""
        return all(network in self.of for network in networks)


def typical_log(ns: Sequence[int] | Array) -> float:
    """Return the mean of the logarithms of the faster half of some times.

    Disturbances only ever slow an execution down, so the faster half repeats better between
    processes than the median, and rests on more than the minimum (docs/gate.md).
    """
    ordered = np.sort(np.log(np.asarray(ns, float)))
    return float(ordered[: (len(ordered) + 1) // 2].mean())


def as_timed(process: SideProcess, network: str) -> Sequence[int]:
    """Return the times of a process as they are, without any extra work."""
    return process.ns[network]
