"""How often the gate cries wolf and sees known slow-downs, by resampling real quartets.

Quartets were recorded in which both sides are the same and every execution is followed by known
extra work, timed step by step (runners.worker.extra_work). Which step of side B counts is chosen
afterwards, so one set of quartets serves every slow-down of every cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.results.gate import sequential
from guideline_benchmarks.results.gate.finding import Change, Finding, rows_of
from guideline_benchmarks.results.gate.ratios import Choice, QuartetTimes, quartet_times
from guideline_benchmarks.results.gate.sequential import Ledger, advance, procedure
from guideline_benchmarks.results.gate.trial import (
    ORDER,
    Quartet,
    SideProcess,
    Step,
    Trial,
    TrialProtocol,
)

Array = NDArray[np.float64]

# Neighbouring quartets share a state of the machine, so sessions are strung together from runs of
# neighbours, of this mean length (Politis and Romano's stationary bootstrap, JASA 89, 1994).
MEAN_RUN = 5
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Slowdown:
    """Extra work of `fraction` of a network's time, in side B, in the networks named."""

    fraction: float
    networks: frozenset[str]


NOTHING = Slowdown(0.0, NONE)


def injected(extra: Sequence[float], slowdown: Slowdown) -> Choice:
    """Return the choice of times in which a slow-down counts, of the fractions `extra`."""

    def choose(process: SideProcess, network: str) -> Sequence[int]:
        if process.side == "b" and network in slowdown.networks and slowdown.fraction:
            step = list(extra).index(slowdown.fraction)
            return [times[step] for times in process.extra_ns[network]]
        return process.ns[network]

    return choose


@dataclass(frozen=True)
class Cost:
    """What a quartet takes: seconds for a process, and for each second of its networks' rounds."""

    process: float
    scale: float
    typical: Mapping[str, float]

    def seconds(self, cells: Sequence[str], rounds: int) -> float:
        """Return the seconds of a quartet of these cells."""
        return len(ORDER) * (self.process + self.scale * self.work(cells, rounds))

    def work(self, cells: Sequence[str], rounds: int) -> float:
        """Return the seconds that one process spends on its cells, warm-up included."""
        return sum(self.typical[cell] for cell in cells) * (rounds + WARM_UP)


# Executions of each network before its first sample, about.
WARM_UP = 3


class Pool:
    """Recorded quartets of a study, ready to be drawn from."""

    def __init__(self, trial: Trial, quartets: Sequence[Quartet]) -> None:
        self.trial = trial
        self.quartets = [quartet for quartet in quartets if quartet.stage == "screening"]
        self.small = [quartet for quartet in quartets if quartet.stage == "confirmation"]
        self.cells = [cell.name for cell in trial.a.cells]
        self.controls = [control.name for control in trial.a.controls]
        self.rows = rows_of(trial.experiments, trial.a.cells, trial.a.controls)
        everything = frozenset([*self.cells, *self.controls])
        self._levels = {
            fraction: [
                quartet_times(quartet, injected(trial.extra, Slowdown(fraction, everything)))
                for quartet in self.quartets
            ]
            for fraction in (0.0, *trial.extra)
        }

    def members(self, *experiments: str) -> list[str]:
        """Return the cells of some experiments, by their names."""
        return [cell.name for cell in self.trial.a.cells if cell.experiment in experiments]

    @cached_property
    def samples(self) -> dict[float, Array]:
        """All samples of the cells in ns, (quartets, 4, rounds, cells), by the extra work in B."""
        everything = frozenset(self.cells)
        found = {}
        for fraction in (0.0, *self.trial.extra):
            choose = injected(self.trial.extra, Slowdown(fraction, everything))
            found[fraction] = np.array(
                [
                    [
                        np.array([choose(p, cell) for cell in self.cells]).T
                        for p in quartet.processes
                    ]
                    for quartet in self.quartets
                ],
                float,
            )
        return found

    def really_injected(self, fraction: float) -> Array:
        """Return what fraction of each network's time the extra work took: the median execution."""
        step = list(self.trial.extra).index(fraction)
        return np.array(
            [
                np.median(
                    [
                        extra[step] / ns - 1
                        for quartet in self.quartets
                        for process in quartet.processes
                        for ns, extra in zip(process.ns[name], process.extra_ns[name], strict=True)
                    ]
                )
                for name in (*self.cells, *self.controls)
            ]
        )

    @cached_property
    def cost(self) -> Cost:
        """What quartets take, by those recorded: of all cells, and of one cell alone."""
        typical = {
            name: float(
                np.median([t for b in self.quartets for p in b.processes for t in p.ns[name]])
            )
            / 1e9
            for name in self.cells
        }
        unit = Cost(0.0, 1.0, typical)
        rounds = len(self.quartets[0].processes[0].ns[self.cells[0]])
        full, full_work = (
            np.mean([b.seconds for b in self.quartets]) / len(ORDER),
            unit.work(self.cells, rounds),
        )
        if not self.small:
            return Cost(0.0, float(full / full_work), typical)
        one = self.small[0]
        few = np.mean([quartet.seconds for quartet in self.small]) / len(ORDER)
        few_work = unit.work(one.cells, len(one.processes[0].ns[one.cells[0]]))
        scale = float((full - few) / (full_work - few_work))
        return Cost(float(few) - scale * few_work, scale, typical)

    def quartet(self, index: int, slowdown: Slowdown) -> QuartetTimes:
        """Return one quartet in which a slow-down counts."""
        base = self._levels[0.0][index]
        slowed = self._levels[slowdown.fraction][index]
        changed = {name: slowed.logs[name] for name in slowdown.networks}
        return QuartetTimes({**base.logs, **changed})

    def indexes(self, random: np.random.Generator) -> Iterator[int]:
        """Draw quartets without end, in runs of neighbours."""
        count = len(self.quartets)
        at = int(random.integers(count))
        while True:
            yield at
            follows = random.random() >= 1 / MEAN_RUN
            at = (at + 1) % count if follows else int(random.integers(count))


@dataclass(frozen=True)
class SessionOutcome:
    """What one simulated session found, and how long it would have taken."""

    findings: Sequence[Finding]
    seconds: float
    quartets: int

    def alarms(self) -> set[str]:
        """Names of rows called SLOWER."""
        return {f.row.name for f in self.findings if f.verdict == Change.SLOWER}


def simulate(
    pool: Pool,
    slowdown: Slowdown,
    protocol: TrialProtocol,
    random: np.random.Generator,
) -> SessionOutcome:
    """Play one session on quartets drawn from a pool, within the time that they would take."""
    ledger = Ledger(pool.rows, protocol)
    steps = procedure(ledger)
    step: Step | None = next(steps)
    spent, quartets = 0.0, 0
    draws = pool.indexes(random)
    while step is not None:
        spent += pool.cost.seconds(step.cells, protocol.rounds_of(step.stage))
        if spent > protocol.max_seconds:
            break
        quartets += 1
        step = advance(steps, pool.quartet(next(draws), slowdown))
    sequential.end(ledger)
    return SessionOutcome(sequential.findings(ledger), min(spent, protocol.max_seconds), quartets)
