"""With which spread two runs of different hours are compared, and what that leaves undecided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from guideline_benchmarks.results.gate.finding import Change, Finding, Row
from guideline_benchmarks.results.gate.ratios import Array
from guideline_benchmarks.results.statistics.between_runs import (
    FEWEST_CELLS,
    Component,
    between_runs,
)
from guideline_benchmarks.results.statistics.inference import Estimate
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY
from guideline_benchmarks.results.statistics.stopping import FEWEST_PROCESSES

# Between runs of one machine that were hours apart the controls changed by up to 5 %. Between
# machines on which they took 1.3 to 2.9 times as long, single cells were off by half.
FARTHEST_DRIFT = 1.25


@dataclass(frozen=True)
class Between:
    """How far two runs lie apart beyond their processes, as standard deviations of log ratios.

    `own` is each cell's by itself; `common` is what all may have alike. `cells` is how many `own`
    was estimated from, 0 where the controls' drift stands in for it. `drift` is the controls' own,
    as the larger time over the smaller, the farther of the two.
    """

    own: Component
    common: Component
    cells: int
    drift: float

    @property
    def components(self) -> tuple[Component, Component]:
        """What every row's error holds besides that of its processes.

        A guideline's mean gets as much as a cell: cells of one guideline move together, so that
        nothing of it averages out.
        """
        return self.own, self.common

    @property
    def deviation(self) -> float:
        """The standard deviation of both components."""
        return math.hypot(self.own.deviation, self.common.deviation)

    @property
    def too_far(self) -> bool:
        """Whether the machine's state changed so much that nothing can be told from it."""
        return self.drift > FARTHEST_DRIFT


def between(
    estimates: Mapping[Row, Estimate], new: Mapping[str, Array], old: Mapping[str, Array]
) -> Between:
    """Return how far two runs lie apart, from their cells' estimates and their controls.

    What takes both controls alike is taken off every cell. Of what takes one control more than the
    other, a cell gets a share that processes of one run show badly: any share between none and all
    of it is possible, for all cells alike, and a uniform distribution is as wide as √12 standard
    deviations. Of too few cells, how far controls moved stands in for how far cells did: two values
    that no correction has made smaller.
    """
    drifts = [float(new[name].mean() - old[name].mean()) for name in (COMPUTE_BOUND, MEMORY_HEAVY)]
    cells = [estimate for row, estimate in estimates.items() if row.kind == "cell"]
    drift = math.exp(max(map(abs, drifts)))
    own = between_runs(cells)
    if own is None:
        square = float(np.mean(np.square(drifts)))
        own = Component(math.sqrt(square), square**2 / len(drifts))
        return Between(own, Component(0.0), 0, drift)
    common = Component(abs(drifts[0] - drifts[1]) / math.sqrt(12))
    return Between(own, common, len(cells), drift)


def allowed(verdict: Change | None, apart: Between, processes: int) -> Change:
    """Return a verdict, or INCONCLUSIVE where runs cannot show it.

    SAME needs enough processes in both runs to say how far they lie apart.
    """
    if verdict is None or apart.too_far:
        return Change.INCONCLUSIVE
    if verdict == Change.SAME and processes < FEWEST_PROCESSES:
        return Change.INCONCLUSIVE
    return verdict


def noted(finding: Finding, apart: Between) -> Finding:
    """Return a finding with how far the runs lie apart; too far, and no change could be found."""
    smallest = None if apart.too_far else finding.smallest_detectable
    return replace(finding, between_runs=apart.deviation, smallest_detectable=smallest)


def spread_text(findings: Sequence[Finding], apart: Between, within: Mapping[str, float]) -> str:
    """Say with which spread rows were judged, and which change would have been found.

    `within` are the standard deviations between processes of one run, by cell.
    """
    worst = max(within, key=lambda name: within[name])
    said = (
        f"Processes of one run lie {_percent(median(within.values()))} apart (median cell; worst "
        f"{_percent(within[worst])}, {worst}), the two runs {_beyond(apart)}"
    )
    cells = [finding for finding in findings if finding.row.name in within]
    detectable = median(finding.smallest_detectable or math.inf for finding in cells)
    if apart.too_far:
        said += (
            f". The controls took {apart.drift:.2f} times as long in one run as in the other: "
            f"beyond {FARTHEST_DRIFT:g}, no correction is exact enough to decide anything"
        )
    elif math.isfinite(detectable):
        said += f"; {_percent(detectable - 1)} slower would have been found in the median cell"
    if min(finding.rests_on for finding in cells) < FEWEST_PROCESSES:
        said += f". With fewer than {FEWEST_PROCESSES} processes in each, nothing is called SAME"
    return f"{said}."


def _beyond(apart: Between) -> str:
    if not apart.cells:
        return (
            f"{_percent(apart.deviation)} beyond that, which is the controls' own drift: fewer "
            f"than {FEWEST_CELLS} cells say nothing of it"
        )
    return (
        f"{_percent(apart.deviation)} beyond that ({_percent(apart.own.deviation)} each cell by "
        f"itself, {_percent(apart.common.deviation)} all alike)"
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
