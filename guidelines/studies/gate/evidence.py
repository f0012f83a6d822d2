"""Rates of false alarms and of detection: of the gate, and of other tools on the same data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from guideline_benchmarks.guidelines.studies.gate.pool import (
    NOTHING,
    Pool,
    SessionOutcome,
    Slowdown,
    simulate,
)
from guideline_benchmarks.guidelines.studies.gate.rules import RULES, Rule
from guideline_benchmarks.results.gate.finding import Change, Kind, Row
from guideline_benchmarks.results.gate.ratios import (
    CONTRAST,
    Choice,
    QuartetTimes,
    Typical,
    quartet_times,
    ratios,
    row_logs,
    typical_log,
)
from guideline_benchmarks.results.gate.trial import SideProcess, TrialProtocol
from guideline_benchmarks.results.statistics.verdict import Interval

Array = NDArray[np.float64]

FALSE_ALARM_SESSIONS = 2000
SESSIONS_PER_CELL = 20
SESSIONS_PER_GROUP = 200
CURVE_SESSIONS = 300
RULE_SESSIONS = 200
MARGINS = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.04)
CURVE_FRACTIONS = (0.03, 0.05)
# How the rules get their samples: from all quartets of ten minutes, A and B of the same ones, or A
# of the first half and B of the second; or from two processes of A in one quartet and two of B in
# another, which is about what the tools collect by themselves.
MODES = ("interleaved", "one after the other", "two processes each")


@dataclass(frozen=True)
class Spread:
    """How far cells' log quartet ratios lie apart with a statistic, as standard deviations."""

    statistic: str
    controls: str
    median: float
    largest: float


def spreads(pool: Pool) -> list[Spread]:
    """Return what the gate's statistic gains: its spread beside those of simpler ones."""
    found = []
    for name, typical in STATISTICS.items():
        quartets = [quartet_times(quartet, typical=typical) for quartet in pool.quartets]
        found.append(_spread(pool, name, "in every six cells", quartets))
        if typical is typical_log:
            seldom = [
                quartet_times(quartet, _controls_once(pool), typical) for quartet in pool.quartets
            ]
            found.append(_spread(pool, name, "once a round", seldom))
        found.append(_spread(pool, name, "none", quartets, "absolute"))
    return found


# Of a process's times in ns, one log time.
STATISTICS: dict[str, Typical] = {
    "mean log of the faster half": typical_log,
    "minimum": lambda ns: float(np.log(min(ns))),
    "median": lambda ns: float(np.median(np.log(ns))),
    "mean": lambda ns: float(np.log(np.mean(ns))),
}


def _spread(
    pool: Pool, name: str, controls: str, quartets: Sequence[QuartetTimes], kind: Kind = "cell"
) -> Spread:
    found = [
        float(ratios(row_logs(Row(cell, kind, (cell,)), quartets)).std(ddof=1))
        for cell in pool.cells
    ]
    return Spread(name, controls, float(np.median(found)), max(found))


def _controls_once(pool: Pool) -> Choice:
    """Return the choice of one sample a round of the controls, as of the cells."""

    def choose(process: SideProcess, network: str) -> Sequence[int]:
        times = process.ns[network]
        return times[:: len(times) // len(process.ns[pool.cells[0]])]

    return choose


@dataclass(frozen=True)
class Rate:
    """So many of so many sessions."""

    hits: int
    sessions: int

    @property
    def share(self) -> float:
        """The share of sessions."""
        return self.hits / self.sessions if self.sessions else float("nan")

    @property
    def interval(self) -> Interval:
        """Clopper and Pearson's 95 % interval (Biometrika 26, 1934), as if sessions were apart."""
        misses = self.sessions - self.hits
        low = float(betaincinv(self.hits, misses + 1, 0.025)) if self.hits else 0.0
        high = float(betaincinv(self.hits + 1, misses, 0.975)) if misses else 1.0
        return low, high


@dataclass(frozen=True)
class Detection:
    """How sessions with one slow-down went: it was found, something else was called SLOWER."""

    found: Rate
    others: Rate
    seconds: Sequence[float]


@dataclass(frozen=True)
class CurvePoint:
    """One setting: the share of sessions with a false alarm, and of slow-downs found."""

    setting: float
    false_alarms: float
    found: float


def false_alarms(pool: Pool, protocol: TrialProtocol) -> list[SessionOutcome]:
    """Return sessions in which nothing was slower."""
    return [
        simulate(pool, NOTHING, protocol, np.random.default_rng((1, number)))
        for number in range(FALSE_ALARM_SESSIONS)
    ]


def any_called(sessions: Sequence[SessionOutcome], verdict: Change) -> Rate:
    """Return how many sessions called any row so."""
    hits = sum(any(f.verdict == verdict for f in session.findings) for session in sessions)
    return Rate(hits, len(sessions))


def cell_detection(pool: Pool, fraction: float, protocol: TrialProtocol) -> dict[str, Detection]:
    """Return, for each cell, sessions in which it alone was slower."""
    return {
        cell: _detection(
            pool,
            Slowdown(fraction, frozenset([cell])),
            {cell},
            protocol,
            SESSIONS_PER_CELL,
            (2, number, round(1000 * fraction)),
        )
        for number, cell in enumerate(pool.cells)
    }


def guideline_detection(
    pool: Pool, name: str, fraction: float, protocol: TrialProtocol
) -> Detection:
    """Return sessions in which all cells of one guideline were slower; found by the guideline."""
    members = frozenset(pool.members(name))
    place = [experiment.name for experiment in pool.trial.experiments].index(name)
    seed = (3, place + 1, round(1000 * fraction))
    slowdown = Slowdown(fraction, members)
    return _detection(pool, slowdown, {name}, protocol, SESSIONS_PER_GROUP // 4, seed)


def overall_detection(pool: Pool, fraction: float, protocol: TrialProtocol) -> Detection:
    """Return sessions in which everything was slower, controls too; found by the controls."""
    slowdown = Slowdown(fraction, frozenset([*pool.cells, *pool.controls]))
    seed = (4, round(1000 * fraction))
    return _detection(pool, slowdown, {*pool.controls}, protocol, SESSIONS_PER_GROUP, seed)


def _detection(
    pool: Pool,
    slowdown: Slowdown,
    wanted: set[str],
    protocol: TrialProtocol,
    sessions: int,
    seed: tuple[int, ...],
) -> Detection:
    """Return sessions with a slow-down, which is found where any of the `wanted` rows is SLOWER.

    Another cell or guideline that is called so, though nothing in it is slower, is a false alarm.
    """
    slower = {
        row.name for row in pool.rows if set(row.cells) & slowdown.networks or row.name in wanted
    }
    played = [
        simulate(pool, slowdown, protocol, np.random.default_rng((*seed, number)))
        for number in range(sessions)
    ]
    found = sum(bool(session.alarms() & wanted) for session in played)
    others = sum(bool(session.alarms() - slower) for session in played)
    return Detection(
        Rate(found, sessions), Rate(others, sessions), [session.seconds for session in played]
    )


def gate_curve(pool: Pool, fraction: float, protocol: TrialProtocol) -> list[CurvePoint]:
    """Return the gate's own curve: a point for each margin."""
    points = []
    for margin in MARGINS:
        strict = protocol.model_copy(update={"margin": margin})
        quiet = [
            simulate(pool, NOTHING, strict, np.random.default_rng((5, number)))
            for number in range(CURVE_SESSIONS)
        ]
        found = 0
        for number in range(CURVE_SESSIONS):
            cell = pool.cells[number % len(pool.cells)]
            slowdown = Slowdown(fraction, frozenset([cell]))
            session = simulate(pool, slowdown, strict, np.random.default_rng((6, number)))
            found += cell in session.alarms()
        alarms = any_called(quiet, Change.SLOWER).share
        points.append(CurvePoint(margin, alarms, found / CURVE_SESSIONS))
    return points


@dataclass(frozen=True)
class RuleScores:
    """A rule's scores in many sessions, (sessions, cells), by the extra work in side B."""

    rule: Rule
    by_fraction: dict[float, Array]

    def at(self, threshold: float, fraction: float) -> CurvePoint:
        """Return the rates at a threshold: any alarm where nothing is slower, and detection."""
        quiet = (self.by_fraction[0.0] > threshold).any(axis=1)
        found = self.by_fraction[fraction] > threshold
        return CurvePoint(threshold, float(quiet.mean()), float(found.mean()))

    def curve(self, fraction: float) -> list[CurvePoint]:
        """Return the rule's curve: a point for each threshold that changes anything."""
        quiet, found = self.by_fraction[0.0].max(axis=1), self.by_fraction[fraction]
        found = found[np.isfinite(found)]
        known = [quiet[np.isfinite(quiet)]]
        known += [np.quantile(found, CURVE_QUANTILES)] if found.size else []
        thresholds = np.unique(np.concatenate(known))
        return [self.at(float(threshold), fraction) for threshold in thresholds]


CURVE_QUANTILES = np.linspace(0, 1, 101)


def rule_scores(pool: Pool, seconds: float, mode: str) -> list[RuleScores]:
    """Return every rule's scores in sessions of so many seconds of full quartets.

    `mode` is one of MODES. A cell's score depends on no other cell, so one session serves every
    cell as the one that is slower.
    """
    cost = pool.cost.seconds(pool.cells, len(pool.quartets[0].processes[0].ns[pool.cells[0]]))
    count = max(2, int(seconds / cost))
    fractions = (0.0, *pool.trial.extra)
    scores: dict[str, dict[float, list[Array]]] = {
        rule.name: {fraction: [] for fraction in fractions} for rule in RULES
    }
    for number in range(RULE_SESSIONS):
        drawn = list(islice(pool.indexes(np.random.default_rng((7, number))), count))
        for fraction, a, b in _both_sides(pool, drawn, mode, fractions):
            for rule in RULES:
                scores[rule.name][fraction].append(rule.score(a, b))
    return [
        RuleScores(rule, {f: np.stack(found) for f, found in scores[rule.name].items()})
        for rule in RULES
    ]


def _both_sides(
    pool: Pool, drawn: Sequence[int], mode: str, fractions: Sequence[float]
) -> Iterator[tuple[float, Array, Array]]:
    """Yield the samples of A and of B, (samples, cells), for each amount of extra work in B."""
    half = len(drawn) // 2
    first, second = {
        MODES[0]: (drawn, drawn),
        MODES[1]: (drawn[:half], drawn[half : 2 * half]),
        MODES[2]: (drawn[:1], drawn[-1:]),
    }[mode]
    cells = len(pool.cells)
    for fraction in fractions:
        samples = pool.samples[fraction]
        a = samples[first][:, CONTRAST < 0].reshape(-1, cells)
        b = samples[second][:, CONTRAST > 0].reshape(-1, cells)
        yield fraction, a, b
