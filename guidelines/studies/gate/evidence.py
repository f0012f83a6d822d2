"""Rates of false alarms and of detection of the gate, in sessions resampled from one pool."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from scipy.special import betaincinv

from guideline_benchmarks.guidelines.studies.gate.pool import (
    NOTHING,
    Pool,
    SessionOutcome,
    Slowdown,
    simulate,
)
from guideline_benchmarks.results.gate.finding import Change
from guideline_benchmarks.results.gate.trial import TrialProtocol
from guideline_benchmarks.results.statistics.verdict import Interval

FALSE_ALARM_SESSIONS = 500
SHARE_SESSIONS = 100
SESSIONS_PER_CELL = 10
SESSIONS_PER_GUIDELINE = 10
SESSIONS_OF_ALL = 40
# Of these, for the design that pairs took the place of, which takes far longer to play.
FORMER = 0.2


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


def together(found: Iterable[Detection]) -> Detection:
    """Return several detections as one."""
    parts = list(found)

    def summed(rates: Iterable[Rate]) -> Rate:
        pairs = [(rate.hits, rate.sessions) for rate in rates]
        return Rate(sum(hits for hits, _ in pairs), sum(sessions for _, sessions in pairs))

    return Detection(
        summed(part.found for part in parts),
        summed(part.others for part in parts),
        [seconds for part in parts for seconds in part.seconds],
    )


@dataclass(frozen=True)
class Equal:
    """Sessions in which nothing was slower: alarms, what was left open, how long they took.

    `same` is the mean share of rows that were SAME when a session was ended after its minutes.
    """

    slower: Rate
    faster: Rate
    inconclusive: float
    minutes: Sequence[float]
    same: float


@dataclass(frozen=True)
class Evidence:
    """What a pool says of the gate; detections are by the fraction of extra work."""

    equal: Equal
    cells: Mapping[float, Mapping[str, Detection]]
    guidelines: Mapping[float, Detection]
    everything: Mapping[float, Detection]

    def one_cell(self, fraction: float) -> Detection:
        """All sessions in which one cell was slower."""
        return together(self.cells[fraction].values())


def played(pool: Pool, sessions: int) -> range:
    """Return the numbers of the sessions that are played with a pool, of so many."""
    return range(sessions if pool.trial.design == "pairs" else math.ceil(FORMER * sessions))


def evidence(pool: Pool, protocol: TrialProtocol, same_within: float) -> Evidence:
    """Return what a pool says; rows are to be SAME within so many minutes."""
    return Evidence(
        _equal(pool, protocol, same_within),
        {f: _in_cells(pool, f, protocol) for f in pool.trial.extra},
        {f: together(_in_guidelines(pool, f, protocol)) for f in pool.trial.extra},
        {f: _in_all(pool, f, protocol) for f in pool.trial.extra},
    )


def any_called(sessions: Sequence[SessionOutcome], verdict: Change) -> Rate:
    """Return how many sessions called any row so."""
    return Rate(sum(session.share(verdict) > 0 for session in sessions), len(sessions))


def _equal(pool: Pool, protocol: TrialProtocol, same_within: float) -> Equal:
    whole = [
        simulate(pool, NOTHING, protocol, np.random.default_rng((1, number)))
        for number in played(pool, FALSE_ALARM_SESSIONS)
    ]
    shorter = protocol.model_copy(update={"max_seconds": 60 * same_within})
    ended = [
        simulate(pool, NOTHING, shorter, np.random.default_rng((1, number)))
        for number in played(pool, SHARE_SESSIONS)
    ]
    return Equal(
        any_called(whole, Change.SLOWER),
        any_called(whole, Change.FASTER),
        float(np.mean([session.share(Change.INCONCLUSIVE) for session in whole])),
        [session.seconds / 60 for session in whole],
        float(np.mean([session.share(Change.SAME) for session in ended])),
    )


def _in_cells(pool: Pool, fraction: float, protocol: TrialProtocol) -> dict[str, Detection]:
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


def _in_guidelines(pool: Pool, fraction: float, protocol: TrialProtocol) -> Iterable[Detection]:
    """Yield, for each guideline, sessions in which its cells were slower; found by its mean."""
    for place, experiment in enumerate(pool.trial.experiments, 1):
        slowdown = Slowdown(fraction, frozenset(pool.members(experiment.name)))
        seed = (3, place, round(1000 * fraction))
        wanted = {experiment.name}
        yield _detection(pool, slowdown, wanted, protocol, SESSIONS_PER_GUIDELINE, seed)


def _in_all(pool: Pool, fraction: float, protocol: TrialProtocol) -> Detection:
    """Return sessions in which everything was slower, controls too; found by the controls."""
    slowdown = Slowdown(fraction, frozenset([*pool.cells, *pool.controls]))
    seed = (4, round(1000 * fraction))
    return _detection(pool, slowdown, {*pool.controls}, protocol, SESSIONS_OF_ALL, seed)


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
    found = [
        simulate(pool, slowdown, protocol, np.random.default_rng((*seed, number)))
        for number in played(pool, sessions)
    ]
    return Detection(
        Rate(sum(bool(session.alarms() & wanted) for session in found), len(found)),
        Rate(sum(bool(session.alarms() - slower) for session in found), len(found)),
        [session.seconds for session in found],
    )


def median_minutes(detection: Detection) -> float:
    """Return how long a session with a slow-down took, in minutes."""
    return median(detection.seconds) / 60
