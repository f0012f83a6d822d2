"""From rounds to samples: the one place where the order of a round is decoded.

A round names the networks in the order in which it measured them, by their places in the record
(cells, then controls), and its figures in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.results.record.parts import Beside
from guideline_benchmarks.results.record.schema import Run

Array = NDArray[np.float64]
# The process of a round, its order, and its figures in that order.
Taken = tuple[int, Sequence[int], Sequence[float]]


def by_process(rounds: Iterable[Taken], networks: int) -> dict[int, Array]:
    """Return the figures of every process, (rounds, networks) each, NaN where there is none."""
    grouped: dict[int, list[Taken]] = {}
    for taken in rounds:
        grouped.setdefault(taken[0], []).append(taken)
    found = {}
    for process, own in grouped.items():
        table = np.full((len(own), networks), np.nan)
        # A process measures the same networks in all of its rounds.
        places = np.array([order for _, order, _ in own])
        table[np.arange(len(own))[:, None], places] = [figures for _, _, figures in own]
        found[process] = table
    return found


def samples_by_cell(run: Run, beside: Beside | None = None) -> dict[str, list[Array]]:
    """Return the samples in ns of each cell and control, an array for every process with some.

    Those that were taken `beside`, if that is given. Networks that failed their proof in any
    process have none. Rounds stay aligned across networks.
    """
    rounds = ((r.process, r.order, r.beside[beside] if beside else r.ns) for r in run.rounds)
    tables = by_process(rounds, len(run.networks)).values()
    failures = run.failures
    found = {}
    for place, network in enumerate(run.networks):
        own = [table[:, place] for table in tables if not np.isnan(table[0, place])]
        if own and network.name not in failures:
            found[network.name] = own
    return found
