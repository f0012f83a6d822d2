"""How often the gate cries wolf and sees known slow-downs, by resampling real replicates.

They were recorded with both sides the same and every execution followed by known extra work, timed
step by step (runners.worker.extra_work). Which step of side B counts is chosen afterwards, so one
set of replicates serves every slow-down of every cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.results.gate import sequential
from guideline_benchmarks.results.gate.designs import RULES
from guideline_benchmarks.results.gate.finding import Change, Finding, rows_of
from guideline_benchmarks.results.gate.ratios import Choice, Reading
from guideline_benchmarks.results.gate.sequential import Ledger, advance, procedure
from guideline_benchmarks.results.gate.trial import (
    Replicate,
    SideName,
    SideProcess,
    Step,
    Trial,
    TrialProtocol,
)

Array = NDArray[np.float64]

# Neighbouring replicates share a state of the machine, so sessions are strung together from runs of
# neighbours, of this mean length (Politis and Romano's stationary bootstrap, JASA 89, 1994).
MEAN_RUN = 5
# Executions of each network before its first sample, about.
WARM_UP = 3
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
    """What a replicate takes: fixed seconds, and so many for each second of networks' rounds."""

    fixed: float
    scale: float
    typical: Mapping[str, float]

    def seconds(self, networks: Sequence[str], rounds: int) -> float:
        """Return the seconds of a replicate of these networks."""
        return self.fixed + self.scale * self.work(networks, rounds)

    def work(self, networks: Sequence[str], rounds: int) -> float:
        """Return the seconds that one process spends on its networks, warm-up included."""
        return sum(self.typical[name] for name in networks) * (rounds + WARM_UP)


class Pool:
    """Recorded replicates of one design, ready to be drawn from."""

    def __init__(self, trial: Trial, replicates: Sequence[Replicate]) -> None:
        self.trial = trial
        self.rules = RULES[trial.design]
        self.replicates = [one for one in replicates if one.stage == "screening"]
        self.small = [one for one in replicates if one.stage == "confirmation"]
        self.cells = [cell.name for cell in trial.a.cells]
        self.controls = [control.name for control in trial.a.controls]
        self.rows = rows_of(trial.experiments, trial.a.cells, trial.a.controls)
        everything = frozenset([*self.cells, *self.controls])
        self._levels = {
            fraction: [
                self.rules.read(one, injected(trial.extra, Slowdown(fraction, everything)))
                for one in self.replicates
            ]
            for fraction in (0.0, *trial.extra)
        }

    def members(self, *experiments: str) -> list[str]:
        """Return the cells of some experiments, by their names."""
        return [cell.name for cell in self.trial.a.cells if cell.experiment in experiments]

    def samples(self, side: SideName, fraction: float) -> Array:
        """Return a side's samples of the cells in ns, with a slow-down of B in all of them.

        Of shape (replicates, samples, cells).
        """
        choose = injected(self.trial.extra, Slowdown(fraction, frozenset(self.cells)))
        return np.array(
            [
                np.concatenate(
                    [
                        np.array([choose(process, cell) for cell in self.cells], float).T
                        for process in one.processes
                        if process.side == side
                    ]
                )
                for one in self.replicates
            ]
        )

    def really_injected(self, fraction: float) -> Array:
        """Return what fraction of each network's time the extra work took: the median execution."""
        step = list(self.trial.extra).index(fraction)
        return np.array(
            [
                np.median(
                    [
                        extra[step] / ns - 1
                        for one in self.replicates
                        for process in one.processes
                        for ns, extra in zip(process.ns[name], process.extra_ns[name], strict=True)
                    ]
                )
                for name in (*self.cells, *self.controls)
            ]
        )

    @cached_property
    def cost(self) -> Cost:
        """What replicates take, by those recorded: of all networks, and of one cell alone."""
        typical = {
            name: float(
                np.median([t for one in self.replicates for p in one.processes for t in p.ns[name]])
            )
            / 1e9
            for name in (*self.cells, *self.controls)
        }
        unit = Cost(0.0, 1.0, typical)
        full = float(np.mean([one.seconds for one in self.replicates]))
        full_work = unit.work(self.cells, self._rounds(self.replicates[0]))
        if not self.small:
            return Cost(0.0, full / full_work, typical)
        one = self.small[0]
        few = float(np.mean([small.seconds for small in self.small]))
        few_work = unit.work(one.cells, self._rounds(one))
        scale = (full - few) / (full_work - few_work)
        return Cost(few - scale * few_work, scale, typical)

    def _rounds(self, one: Replicate) -> int:
        return len(one.processes[0].ns[next(name for name in one.cells if name in self.cells)])

    def reading(self, index: int, slowdown: Slowdown) -> Reading:
        """Return what one replicate says when a slow-down counts."""
        slowed = self._levels[slowdown.fraction][index]
        changed = {name: slowed.of[name] for name in slowdown.networks}
        return Reading({**self._levels[0.0][index].of, **changed})

    def indexes(self, random: np.random.Generator) -> Iterator[int]:
        """Draw replicates without end, in runs of neighbours."""
        count = len(self.replicates)
        at = int(random.integers(count))
        while True:
            yield at
            follows = random.random() >= 1 / MEAN_RUN
            at = (at + 1) % count if follows else int(random.integers(count))


@dataclass(frozen=True)
class SessionOutcome:
    """What one session found, and how long it took, or would have taken."""

    findings: Sequence[Finding]
    seconds: float
    replicates: int

    def alarms(self) -> set[str]:
        """Names of rows called SLOWER."""
        return {f.row.name for f in self.findings if f.verdict == Change.SLOWER}

    def share(self, verdict: Change) -> float:
        """The share of rows with a verdict."""
        return sum(f.verdict == verdict for f in self.findings) / len(self.findings)


def simulate(
    pool: Pool,
    slowdown: Slowdown,
    protocol: TrialProtocol,
    random: np.random.Generator,
) -> SessionOutcome:
    """Play one session on replicates drawn from a pool, within the time that they would take."""
    ledger = Ledger(pool.rows, protocol, pool.trial.design)
    steps = procedure(ledger)
    step: Step | None = next(steps)
    spent, count = 0.0, 0
    draws = pool.indexes(random)
    while step is not None:
        rounds = protocol.rounds_of(pool.trial.design, step.stage)
        spent += pool.cost.seconds(step.cells, rounds)
        if spent > protocol.max_seconds:
            break
        count += 1
        step = advance(steps, pool.reading(next(draws), slowdown))
    sequential.end(ledger)
    return SessionOutcome(sequential.findings(ledger), min(spent, protocol.max_seconds), count)
