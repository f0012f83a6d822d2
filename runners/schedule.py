"""Which process measures which rounds, and in what order each round visits the networks."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from guideline_benchmarks.results.gate.trial import SideName
from guideline_benchmarks.results.record.protocol import Protocol

CELLS_BETWEEN_CONTROLS = 6


def rounds_per_process(runs: int, processes: int) -> list[int]:
    """Spread `runs` rounds over `processes` as evenly as possible, the longer ones first."""
    share, extra = divmod(runs, processes)
    return [share + (index < extra) for index in range(processes)]


def remaining(planned: Sequence[int], done: Sequence[int]) -> list[int]:
    """Return the rounds of each worker still to be started.

    `planned` holds the rounds of each planned process, `done` those of each worker that was
    started. What an interrupted worker left over goes to a fresh one, which comes first; no round
    is measured twice, and sum(done) + sum(result) = sum(planned).
    """
    left = sum(done)
    result = []
    for rounds in planned:
        used = min(rounds, left)
        left -= used
        if rounds > used:
            result.append(rounds - used)
    return result


def place(planned: Sequence[int], stored: int) -> tuple[int, int]:
    """Return which round comes after so many: the number of its planned process, and within that.

    A round keeps its place, and so its order, whichever worker measures it after an interruption.
    Beyond what is planned all processes are as long as the first.
    """
    for process, rounds in enumerate(planned):
        if stored < rounds:
            return process, stored
        stored -= rounds
    further, index = divmod(stored, planned[0])
    return len(planned) + further, index


def loading_order(protocol: Protocol, networks: int, process: int) -> list[int]:
    """Return in which order a process loads that many networks."""
    places = list(range(networks))
    if protocol.shuffled_loading:
        Random(f"{protocol.seed}/{process}/loading").shuffle(places)
    return places


def order(networks: Sequence[int], seed: int, process: int, index: int) -> list[int]:
    """Return `networks` in the shuffled order of round `index` of a process."""
    shuffled = list(networks)
    Random(f"{seed}/{process}/{index}").shuffle(shuffled)
    return shuffled


def interleaved(
    cells: Sequence[int], controls: Sequence[int], seed: int, process: int, index: int
) -> list[int]:
    """Return `cells` in the shuffled order of round `index`, with the controls among them.

    All controls are visited before every CELLS_BETWEEN_CONTROLS cells, and at least twice: what a
    round says of them must not be noisier than what it says of a cell.
    """
    shuffled = order(cells, seed, process, index)
    visits = max(2, -(-len(cells) // CELLS_BETWEEN_CONTROLS))
    result: list[int] = []
    for visit in range(visits):
        result += controls
        result += shuffled[visit * len(cells) // visits : (visit + 1) * len(cells) // visits]
    return result


def paired(
    networks: Sequence[int], seed: int, pair: int, index: int
) -> list[tuple[int, tuple[SideName, SideName]]]:
    """Return `networks` in the shuffled order of round `index` of a pair, each with its sides.

    The sides stand in the order in which they are timed, which is drawn for each network.
    """
    random = Random(f"{seed}/{pair}/{index}/sides")
    visited = order(networks, seed, pair, index)
    return [(i, ("a", "b") if random.random() < 0.5 else ("b", "a")) for i in visited]
