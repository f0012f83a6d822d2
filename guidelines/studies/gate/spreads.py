"""How far replicates lie apart: of both designs, cell by cell, and with simpler statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.guidelines.studies.gate.pool import Pool
from guideline_benchmarks.results.gate import pair_ratios, quartet_ratios
from guideline_benchmarks.results.gate.finding import Kind, Row
from guideline_benchmarks.results.gate.pair_ratios import middle_half
from guideline_benchmarks.results.gate.ratios import Reading, as_timed, typical_log
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY, mixture

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """How far cells' log ratios lie apart with a statistic, as standard deviations."""

    statistic: str
    controls: str
    by_cell: Mapping[str, float]

    @property
    def median(self) -> float:
        """That of the median cell."""
        return float(np.median([*self.by_cell.values()]))

    @property
    def largest(self) -> float:
        """That of the worst cell."""
        return max(self.by_cell.values())


def of_replicate(pool: Pool) -> Spread:
    """Return the spread of one replicate's log ratios, as the gate takes them."""
    return spreads(pool)[0]


def spreads(pool: Pool) -> list[Spread]:
    """Return the spread of the gate's own statistic, then of simpler or other ones."""
    return _of_pairs(pool) if pool.trial.design == "pairs" else _of_quartets(pool)


def _of_pairs(pool: Pool) -> list[Spread]:
    def readings(typical: pair_ratios.Typical) -> list[Reading]:
        return [pair_ratios.read(pair, as_timed, typical) for pair in pool.replicates]

    def ratios(found: Sequence[Reading]) -> dict[str, Array]:
        return {name: np.array([reading.of[name][0] for reading in found]) for name in found[0].of}

    own = ratios(readings(middle_half))
    apart = own[COMPUTE_BOUND] - own[MEMORY_HEAVY]
    corrected = {
        cell: own[cell] - own[MEMORY_HEAVY] - mixture(apart, own[cell] - own[MEMORY_HEAVY]) * apart
        for cell in pool.cells
    }
    found = [
        _spread(pool, "middle half of the paired ratios", "none", own),
        _spread(pool, "middle half of the paired ratios", "taken off", corrected),
    ]
    simpler: dict[str, pair_ratios.Typical] = {
        "median of the paired ratios": lambda values: float(np.median(values)),
        "mean of the paired ratios": lambda values: float(np.mean(values)),
    }
    found += [
        _spread(pool, name, "none", ratios(readings(typical))) for name, typical in simpler.items()
    ]
    unpaired: dict[str, quartet_ratios.Typical] = {
        "faster half of each process": typical_log,
        "minimum of each process": lambda ns: float(np.log(min(ns))),
        "median of each process": lambda ns: float(np.median(np.log(ns))),
    }
    return found + [
        _spread(pool, name, "none", _unpaired(pool, typical)) for name, typical in unpaired.items()
    ]


def _unpaired(pool: Pool, typical: quartet_ratios.Typical) -> dict[str, Array]:
    """Return log ratios of the two processes of each pair, each with a figure of its own."""
    found = {}
    for cell in pool.cells:
        sides = [
            {process.side: typical(process.ns[cell]) for process in pair.processes}
            for pair in pool.replicates
        ]
        found[cell] = np.array([side["b"] - side["a"] for side in sides])
    return found


def _of_quartets(pool: Pool) -> list[Spread]:
    statistics: dict[str, quartet_ratios.Typical] = {
        "faster half of each process": typical_log,
        "minimum of each process": lambda ns: float(np.log(min(ns))),
        "median of each process": lambda ns: float(np.median(np.log(ns))),
    }
    kinds: tuple[tuple[Kind, str], ...] = (("cell", "taken off"), ("absolute", "none"))
    found = []
    for name, typical in statistics.items():
        readings = [quartet_ratios.read(one, as_timed, typical) for one in pool.replicates]
        for kind, controls in kinds:
            ratios = {
                cell: quartet_ratios.ratios(Row(cell, kind, (cell,)), readings)
                for cell in pool.cells
            }
            found.append(_spread(pool, name, controls, ratios))
    return found


def _spread(pool: Pool, statistic: str, controls: str, ratios: Mapping[str, Array]) -> Spread:
    by_cell = {cell: float(ratios[cell].std(ddof=1)) for cell in pool.cells}
    return Spread(statistic, controls, by_cell)
