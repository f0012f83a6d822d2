"""What quartets of a trial say of a network: log ratios of B to A, corrected by the controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.results.gate.finding import Row
from guideline_benchmarks.results.gate.trial import ORDER, Quartet, SideProcess
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY, mixture

Array = NDArray[np.float64]

# Of the four processes in their order: the mean of B's less the mean of A's.
CONTRAST = np.array([0.5 if side == "b" else -0.5 for side in ORDER])

# Which times of a process count, in ns, for a network by name.
Choice = Callable[[SideProcess, str], Sequence[int]]
# What makes one log time of a process's times in ns.
Typical = Callable[[Sequence[int]], float]


@dataclass(frozen=True)
class QuartetTimes:
    """One quartet's typical log times (ns): by network, one for each process in the order of ORDER.

    Networks that failed their proof in any of its processes have no times.
    """

    logs: Mapping[str, Array]


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


def quartet_times(
    quartet: Quartet, choose: Choice = as_timed, typical: Typical = typical_log
) -> QuartetTimes:
    """Return the typical times of one quartet."""
    known = set.intersection(*(set(process.ns) for process in quartet.processes))
    logs = {
        name: np.array([typical(choose(process, name)) for process in quartet.processes])
        for name in sorted(known)
    }
    return QuartetTimes(logs)


def row_logs(row: Row, quartets: Sequence[QuartetTimes]) -> Array:
    """Return a row's corrected log times, (quartets, 4), of quartets that have all its cells."""
    chosen = [quartet for quartet in quartets if all(cell in quartet.logs for cell in row.cells)]
    if not chosen:
        return np.empty((0, len(ORDER)))
    parts = [np.stack([quartet.logs[cell] for quartet in chosen]) for cell in row.cells]
    if row.kind == "absolute":
        return parts[0]
    compute = np.stack([quartet.logs[COMPUTE_BOUND] for quartet in chosen])
    memory = np.stack([quartet.logs[MEMORY_HEAVY] for quartet in chosen])
    corrected = [corrected_by(part, compute, memory) for part in parts]
    result: Array = np.mean(corrected, axis=0)
    return result


def corrected_by(times: Array, compute: Array, memory: Array) -> Array:
    """Return log times less those of the mixture of the two controls that moves with them.

    The weights are between 0 and 1 and sum to 1, so that what slows everything alike cancels. They
    are chosen by the differences between processes of one side in a quartet: these say how a
    network follows the state of the machine, and nothing about the two sides.
    """
    own, apart = times - memory, compute - memory
    return own - mixture(_inside(apart), _inside(own)) * apart


def _inside(logs: Array) -> Array:
    """Return the differences between the two processes of each side of each quartet."""
    return np.concatenate([logs[:, 3] - logs[:, 0], logs[:, 2] - logs[:, 1]])


def ratios(logs: Array) -> Array:
    """Return the log ratio of B to A of each quartet."""
    result: Array = logs @ CONTRAST
    return result


def null_ratios(logs: Array) -> Array:
    """Return log ratios of like to like, two for each pair of successive quartets.

    Of the four processes of one side in two quartets the outer ones are compared with the inner
    ones: quartets A A A A and B B B B in which nothing differs, with the same cancelling of drift
    as the session's own. They vary a little less, since the controls' mixture was fitted to these
    very differences.
    """
    pairs = len(logs) // 2
    first, second = logs[0 : 2 * pairs : 2], logs[1 : 2 * pairs : 2]
    found = [
        (first[:, right] + second[:, left] - first[:, left] - second[:, right]) / 2
        for left, right in ((0, 3), (1, 2))
    ]
    return np.concatenate(found)
