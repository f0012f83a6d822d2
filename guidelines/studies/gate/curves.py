"""False alarms against detection at other settings: of the gate, and of other tools' rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.guidelines.studies.gate.evidence import any_called
from guideline_benchmarks.guidelines.studies.gate.pool import NOTHING, Pool, Slowdown, simulate
from guideline_benchmarks.guidelines.studies.gate.rules import RULES, Rule
from guideline_benchmarks.results.gate.finding import Change
from guideline_benchmarks.results.gate.trial import TrialProtocol

Array = NDArray[np.float64]

CURVE_SESSIONS = 60
RULE_SESSIONS = 50
MARGINS = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.04)
CURVE_FRACTIONS = (0.03, 0.05)
# How the rules get their samples: from all pairs of ten minutes, A and B of the same ones, or A of
# the first half and B of the second; or from one process of A in a pair and one of B in another,
# which is about what the tools collect by themselves.
MODES = ("alternating", "one after the other", "a process each")
QUANTILES = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class CurvePoint:
    """One setting: the share of sessions with a false alarm, and of slow-downs found."""

    setting: float
    false_alarms: float
    found: float


def gate_curve(pool: Pool, fraction: float, protocol: TrialProtocol) -> list[CurvePoint]:
    """Return the gate's own curve: a point for each margin."""
    points = []
    for margin in MARGINS:
        strict = protocol.model_copy(update={"margin": margin})
        equal = [
            simulate(pool, NOTHING, strict, np.random.default_rng((5, number)))
            for number in range(CURVE_SESSIONS)
        ]
        found = 0
        for number in range(CURVE_SESSIONS):
            cell = pool.cells[number % len(pool.cells)]
            slowdown = Slowdown(fraction, frozenset([cell]))
            session = simulate(pool, slowdown, strict, np.random.default_rng((6, number)))
            found += cell in session.alarms()
        alarms = any_called(equal, Change.SLOWER).share
        points.append(CurvePoint(margin, alarms, found / CURVE_SESSIONS))
    return points


@dataclass(frozen=True)
class RuleScores:
    """A rule's scores in many sessions, (sessions, cells), by the extra work in side B."""

    rule: Rule
    by_fraction: dict[float, Array]

    def at(self, threshold: float, fraction: float) -> CurvePoint:
        """Return the rates at a threshold: any alarm where nothing is slower, and detection."""
        equal = (self.by_fraction[0.0] > threshold).any(axis=1)
        found = self.by_fraction[fraction] > threshold
        return CurvePoint(threshold, float(equal.mean()), float(found.mean()))

    def curve(self, fraction: float) -> list[CurvePoint]:
        """Return the rule's curve: a point for each threshold that changes anything."""
        equal, found = self.by_fraction[0.0].max(axis=1), self.by_fraction[fraction]
        found = found[np.isfinite(found)]
        known = [equal[np.isfinite(equal)]]
        known += [np.quantile(found, QUANTILES)] if found.size else []
        thresholds = np.unique(np.concatenate(known))
        return [self.at(float(threshold), fraction) for threshold in thresholds]


def rule_scores(pool: Pool, seconds: float, mode: str) -> list[RuleScores]:
    """Return every rule's scores in sessions of so many seconds of whole pairs.

    `mode` is one of MODES. A cell's score depends on no other cell, so one session serves every
    cell as the one that is slower.
    """
    each = float(np.mean([one.seconds for one in pool.replicates]))
    count = max(2, int(seconds / each))
    a = pool.samples("a", 0.0)
    b = {fraction: pool.samples("b", fraction) for fraction in (0.0, *pool.trial.extra)}
    scores: dict[str, dict[float, list[Array]]] = {
        rule.name: {fraction: [] for fraction in b} for rule in RULES
    }
    for number in range(RULE_SESSIONS):
        drawn = list(islice(pool.indexes(np.random.default_rng((7, number))), count))
        for fraction, ours, theirs in _both_sides(a, b, drawn, mode):
            for rule in RULES:
                scores[rule.name][fraction].append(rule.score(ours, theirs))
    return [
        RuleScores(rule, {f: np.stack(found) for f, found in scores[rule.name].items()})
        for rule in RULES
    ]


def _both_sides(
    a: Array, b: dict[float, Array], drawn: Sequence[int], mode: str
) -> Iterator[tuple[float, Array, Array]]:
    """Yield the samples of A and of B, (samples, cells), for each amount of extra work in B."""
    half = len(drawn) // 2
    first, second = {
        MODES[0]: (drawn, drawn),
        MODES[1]: (drawn[:half], drawn[half : 2 * half]),
        MODES[2]: (drawn[:1], drawn[-1:]),
    }[mode]
    for fraction, samples in b.items():
        cells = samples.shape[-1]
        yield fraction, a[first].reshape(-1, cells), samples[second].reshape(-1, cells)
