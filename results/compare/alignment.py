"""What is left of a guideline's effect in exact widths, and what alignment made of it.

The paper's widths are not all multiples of 8, and their multiply-adds not all equal; those of the
channel set `exact` are (docs/protocol.md, decision 8). Where a platform ran both, each row of the
paper's is laid beside what exact widths cost at the same memory access cost (docs/comparing.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from guideline_benchmarks.results.compare.entrants import Entrant
from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.record.same_machine import other_machine, other_platform
from guideline_benchmarks.results.statistics.between_runs import Component, between_runs, widened
from guideline_benchmarks.results.statistics.inference import (
    Array,
    Estimate,
    of_difference,
    of_mean,
)
from guideline_benchmarks.results.statistics.verdict import Interval


@dataclass(frozen=True)
class Effect:
    """A ratio of speeds and its 95 % interval, None where one process, or no noise, gives none."""

    ratio: float
    interval: Interval | None


@dataclass(frozen=True)
class AlignedRow:
    """One row of the paper's widths beside exact ones, in geometric means over some columns.

    `printed` is its speed relative to the base cell, `exact` that of exact widths at the same
    memory access cost: of the one row that `between` names, or read between the two that it does.
    `alignment` is the former over the latter: what unaligned widths make of it, and unequal
    multiply-adds, which exceed the base cell's by the fraction `multiply_adds`.
    """

    experiment: Experiment
    name: str
    between: tuple[str, ...]
    columns: int
    multiply_adds: float
    printed: Effect
    exact: Effect
    alignment: Effect

    @property
    def same(self) -> bool:
        """Whether the paper's widths are exact ones, so that both runs had these networks."""
        return len(self.between) == 1


@dataclass(frozen=True)
class Alignment:
    """A run in the paper's widths beside one in exact ones, both of one platform.

    `hours` is how far the same networks of both lie apart beyond their errors, None where they are
    too few to say.
    """

    printed: Entrant
    exact: Entrant
    hours: Component | None
    rows: Sequence[AlignedRow]


@dataclass(frozen=True)
class _Point:
    """A cell: memory access cost and speeds (one a process), as logarithms over the base cell's."""

    cell: Cell
    cost: float
    speeds: Array


# The points of a column, by row.
_Column = Mapping[str, _Point]


@dataclass(frozen=True)
class _Reading:
    """A point of the paper's widths, and speeds of exact ones at its cost, by a parabola.

    `chord` are those that a straight line gives.
    """

    point: _Point
    multiply_adds: float
    between: tuple[str, ...]
    exact: Array
    chord: Array


def both_widths(entrants: Sequence[Entrant]) -> bool:
    """Whether there are runs in the paper's widths, and in exact ones."""
    sets = {entrant.channels for entrant in entrants if entrant.platform}
    return "exact" in sets and not sets.isdisjoint(PAPER_PLATFORMS)


def alignments(entrants: Sequence[Entrant], experiments: Sequence[Experiment]) -> list[Alignment]:
    """Return every run in the paper's widths beside every one in exact ones of its platform.

    That is one machine with the same software, precision and batch. Those without a row in common
    are left out.
    """
    found = [
        _alignment(printed, exact, experiments)
        for printed, exact in product(entrants, entrants)
        if printed.channels in PAPER_PLATFORMS and exact.channels == "exact"
        if _of_one_platform(printed, exact)
    ]
    return [alignment for alignment in found if alignment.rows]


def _of_one_platform(one: Entrant, other: Entrant) -> bool:
    if not (one.platform and other.platform and one.fingerprint and other.fingerprint):
        return False
    return (
        (one.precision, one.batch, one.fingerprint.runtimes)
        == (other.precision, other.batch, other.fingerprint.runtimes)
        and not other_platform(one.platform, other.platform)
        and not other_machine(one.fingerprint, other.fingerprint)
    )


def _alignment(printed: Entrant, exact: Entrant, experiments: Sequence[Experiment]) -> Alignment:
    beside = {e.name: [*_columns_beside(printed, exact, e)] for e in experiments}
    hours = between_runs([e for pairs in beside.values() for pair in pairs for e in _twins(*pair)])
    rows = []
    for experiment in experiments:
        readings: dict[str, list[_Reading]] = {}
        for ours, theirs in beside[experiment.name]:
            for reading in _readings(experiment, ours, theirs):
                readings.setdefault(reading.point.cell.row, []).append(reading)
        rows += [_row(experiment, found, hours) for found in readings.values()]
    return Alignment(printed, exact, hours, rows)


def _columns_beside(
    printed: Entrant, exact: Entrant, experiment: Experiment
) -> Iterator[tuple[_Column, _Column]]:
    """Yield the columns of both whose base cells are the same network."""
    base = str(experiment.base)
    for ours, theirs in product(_columns(printed, experiment), _columns(exact, experiment)):
        if ours[base].cell.network == theirs[base].cell.network:
            yield ours, theirs


def _columns(entrant: Entrant, experiment: Experiment) -> Iterator[_Column]:
    for scale in sorted({key[2] for key in entrant.cells if key[0] == experiment.name}):
        known = {
            row: (cell, entrant.log_ratios[name, row, at])
            for (name, row, at), cell in entrant.cells.items()
            if (name, at) == (experiment.name, scale) and cell.memory_access_cost
            if (name, row, at) in entrant.log_ratios
        }
        if experiment.base in known:
            least = known[experiment.base][0].memory_access_cost
            yield {
                row: _Point(cell, math.log(cell.memory_access_cost / least), speeds)
                for row, (cell, speeds) in known.items()
            }


def _twins(ours: _Column, theirs: _Column) -> Iterator[Estimate]:
    """Yield how far each network that is in both columns, the base cell's aside, lies apart."""
    for row, point in ours.items():
        twin = theirs.get(row)
        if twin and point.cost and point.cell.network == twin.cell.network:
            estimate = of_difference(point.speeds, twin.speeds)
            yield from [estimate] if estimate else []


def _readings(experiment: Experiment, ours: _Column, theirs: _Column) -> Iterator[_Reading]:
    """Yield what exact widths say of each row but the base, if they reach its cost."""
    base = ours[str(experiment.base)]
    for point in ours.values():
        # Rows that are drawn in one panel are of one kind.
        kinds = (_kind(experiment, point), experiment.in_every_panel)
        curve = {one.cost: one for one in theirs.values() if _kind(experiment, one) in kinds}
        costs = sorted(curve)
        below = [cost for cost in costs if cost <= point.cost][-1:]
        above = [cost for cost in costs if cost >= point.cost][:1]
        if point is base or len(costs) != 3 or not (below and above):
            continue
        between = [curve[cost] for cost in dict.fromkeys([*below, *above])]
        yield _Reading(
            point,
            point.cell.multiply_adds / base.cell.multiply_adds - 1,
            tuple(one.cell.row for one in between),
            _polynomial(between, point.cost),
            _polynomial([*curve.values()], point.cost),
        )


def _kind(experiment: Experiment, point: _Point) -> str:
    return str(point.cell.axes[experiment.panels]) if experiment.panels else ""


def _polynomial(points: Sequence[_Point], cost: float) -> Array:
    """Return the speeds at a cost by the polynomial through all points (Lagrange's form)."""
    weights = [
        math.prod((cost - b.cost) / (a.cost - b.cost) for b in points if b is not a) for a in points
    ]
    found: Array = sum(
        (weight * one.speeds for weight, one in zip(weights, points, strict=True)), np.zeros(1)
    )
    return found


def _row(
    experiment: Experiment, readings: Sequence[_Reading], hours: Component | None
) -> AlignedRow:
    """Return the means of one row over its columns.

    How far a parabola bends off the straight line is taken for how far the truth may lie off the
    parabola, as a standard deviation. What lies between hours counts as for one cell: those of one
    guideline move together, so that nothing of it averages out.
    """
    first = readings[0]
    printed = np.mean([one.point.speeds for one in readings], axis=0)
    exact = np.mean([one.exact for one in readings], axis=0)
    chord = np.mean([one.chord for one in readings], axis=0)
    bend = Component(abs(float(np.mean(exact - chord))))
    further = [bend, *([hours] if hours else [])]
    apart = float(printed.mean() - exact.mean())
    return AlignedRow(
        experiment=experiment,
        name=first.point.cell.row,
        between=first.between,
        columns=len(readings),
        multiply_adds=float(np.mean([one.multiply_adds for one in readings])),
        printed=_effect(float(printed.mean()), of_mean(printed), []),
        exact=_effect(float(exact.mean()), of_mean(exact), [bend]),
        alignment=_effect(apart, of_difference(printed, exact), further),
    )


def _effect(log_ratio: float, estimate: Estimate | None, further: Sequence[Component]) -> Effect:
    """Return a ratio of speeds, its interval widened by further components of its error."""
    ends = widened(estimate, further).interval if estimate else None
    return Effect(math.exp(log_ratio), ends and (math.exp(ends[0]), math.exp(ends[1])))
