"""What quartets say of a network: log ratios of B to A, corrected by the controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from guideline_benchmarks.results.gate.finding import Row
from guideline_benchmarks.results.gate.ratios import Array, Choice, Reading, as_timed, typical_log
from guideline_benchmarks.results.gate.trial import ORDER, Replicate
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY, mixture

# Of the four processes in their order: the mean of B's less the mean of A's.
CONTRAST = np.array([0.5 if side == "b" else -0.5 for side in ORDER])

# What makes one log time of a process's times in ns.
Typical = Callable[[Sequence[int]], float]


def read(quartet: Replicate, choose: Choice = as_timed, typical: Typical = typical_log) -> Reading:
    """Return the typical times of one quartet."""
    known = set.intersection(*(set(process.ns) for process in quartet.processes))
    return Reading(
        {
            name: np.array([typical(choose(process, name)) for process in quartet.processes])
            for name in sorted(known)
        }
    )


def row_logs(row: Row, quartets: Sequence[Reading]) -> Array:
    """Return a row's corrected log times, (quartets, 4), of quartets that have all its cells."""
    chosen = [quartet for quartet in quartets if quartet.has(row.cells)]
    if not chosen:
        return np.empty((0, len(ORDER)))
    parts = [np.stack([quartet.of[cell] for quartet in chosen]) for cell in row.cells]
    if row.kind == "absolute":
        return parts[0]
    compute = np.stack([quartet.of[COMPUTE_BOUND] for quartet in chosen])
    memory = np.stack([quartet.of[MEMORY_HEAVY] for quartet in chosen])
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


def ratios(row: Row, quartets: Sequence[Reading]) -> Array:
    """Return a row's log ratio of B to A in each quartet that has all its cells."""
    result: Array = row_logs(row, quartets) @ CONTRAST
    return result


def null_ratios(row: Row, quartets: Sequence[Reading]) -> Array:
    """Return log ratios of like to like, two for each pair of successive quartets.

    Of the four processes of one side in two quartets the outer ones are compared with the inner
    ones: quartets A A A A and B B B B in which nothing differs, with the same cancelling of drift
    as the session's own. They vary a little less, since the controls' mixture was fitted to these
    very differences.
    """
    logs = row_logs(row, quartets)
    pairs = len(logs) // 2
    first, second = logs[0 : 2 * pairs : 2], logs[1 : 2 * pairs : 2]
    found = [
        (first[:, right] + second[:, left] - first[:, left] - second[:, right]) / 2
        for left, right in ((0, 3), (1, 2))
    ]
    return np.concatenate(found)
