"""From an advice and its runs to gains: pure statistics of raw samples.

A layer's time is the difference of two networks of one round, with it and without it, and a gain
that of two such differences, as a share of the whole network's time in the same round: what
disturbs a whole round cancels. Times in ms are these shares of what the network takes by itself:
among others, which push its weights out of the caches, it may take a third longer. The median of
the rounds is taken; the interval is Student's of the processes' medians: where one of them was
disturbed it gets wider to both sides, so that it says nothing that is not so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from guideline_benchmarks.results.advice.judged import (
    Finding,
    Gain,
    Judged,
    Segment,
    Together,
    Tried,
    Verdict,
)
from guideline_benchmarks.results.advice.record import Advice, Alternative, Applied, Found, Timed
from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.inference import of_mean
from guideline_benchmarks.results.statistics.intervals import (
    Array,
    Samples,
    representative,
    time_interval,
)
from guideline_benchmarks.results.statistics.verdict import Interval

NS_PER_MS = 1e6
NOT_YET = "its layers were not measured yet"
ORDER: tuple[Verdict, ...] = (
    "gain",
    "costs nothing here",
    "alternative is slower",
    "not measured",
)


@dataclass(frozen=True)
class Measured:
    """The samples of a run by cell, one array of ns for each process, and why others have none."""

    samples: Mapping[str, Samples]
    failures: Mapping[str, str]

    def of(self, timed: Timed, times: int = 1) -> list[Array]:
        """Return the time of some layers, `times` over, in every round of every process, in ns."""
        if not timed.inside:
            first = next(iter(self.samples.values()))
            return [np.zeros_like(own) for own in first]
        both = zip(self.samples[timed.inside], self.samples[timed.around], strict=True)
        return [times * (inside - around) for inside, around in both]

    def failure(self, timed: Timed) -> str:
        """Say why some layers have no times, "" where they have."""
        wanted = [name for name in (timed.inside, timed.around) if name]
        return next((self.failures[name] for name in wanted if name in self.failures), "")


def measured(run: Run) -> Measured:
    """Return what was measured of a run's cells."""
    return Measured(samples_by_cell(run), run.failures)


def gain_of(saved: Sequence[Array], whole: Sequence[Array], whole_ms: float) -> Gain:
    """Return a gain from what is saved in every round, and the whole network's time there, in ns.

    One array of rounds for each process, aligned. What is estimated is the share of the whole, in
    which what slows a round cancels; ms are that share of `whole_ms`.
    """
    shares = _percent(saved, whole)
    percent = _median(shares)
    medians = [float(np.median(own)) for own in representative(shares)]
    estimate = of_mean(np.array(medians))
    found = estimate.interval if estimate else None
    interval = found and (min(found[0], percent), max(found[1], percent))
    each = whole_ms / 100
    return Gain(
        ms=each * percent,
        ms_ci95=interval and (each * interval[0], each * interval[1]),
        percent=percent,
        percent_ci95=interval,
    )


def _percent(times: Sequence[Array], whole: Sequence[Array]) -> list[Array]:
    return [100 * own / all_of_it for own, all_of_it in zip(times, whole, strict=True)]


def _median(samples: Sequence[Array]) -> float:
    return float(np.median(np.concatenate(samples)))


def verdict_of(gain: Gain) -> Verdict:
    """Return what a gain's interval says; the sign decides where there is none."""
    low, high = gain.ms_ci95 or (gain.ms, gain.ms)
    if low > 0:
        return "gain"
    return "alternative is slower" if high < 0 else "costs nothing here"


def judge(advice: Advice, network: Run, parts: Run | None, whole: Run | None) -> Judged:
    """Return what an advice says, from the runs that are measured of it so far.

    Raises KeyError where a run has none of the advice's cells.
    """
    alone = measured(network)
    own = alone.samples[advice.network]
    ms = _median(own) / NS_PER_MS
    found = _findings(advice, measured(parts) if parts else Measured({}, {}), ms)
    findings, interval = sorted(found, key=_rank), time_interval(own)
    return Judged(
        advice=advice,
        platform=network.platform,
        fingerprint=network.fingerprint,
        protocol=network.protocol,
        ms=ms,
        ms_ci95=interval and (interval[0] / NS_PER_MS, interval[1] / NS_PER_MS),
        findings=findings,
        segments=_segments(advice, network, ms),
        together=_together(
            advice, _ranked(advice.applied, findings), measured(parts), measured(whole), ms
        )
        if advice.applied and parts and whole
        else None,
    )


def _findings(advice: Advice, parts: Measured, whole_ms: float) -> list[Finding]:
    return [_finding(advice, number, parts, whole_ms) for number in range(len(advice.findings))]


def _finding(advice: Advice, number: int, parts: Measured, whole_ms: float) -> Finding:
    found = advice.findings[number]
    options = [option.timed for option in found.alternatives]
    timed = [found.timed, *options, Timed(inside=advice.network)]
    reason = found.unmeasured or next(filter(None, map(parts.failure, timed)), "")
    if reason or advice.network not in parts.samples:
        return _unmeasured(advice, number, reason or NOT_YET)
    whole = parts.samples[advice.network]
    tried = [
        Tried(option, gain_of(saved_by(found, option, parts), whole, whole_ms))
        for option in found.alternatives
    ]
    first = tried[0].gain
    ms = whole_ms / 100 * _median(_percent(parts.of(found.timed, found.count), whole))
    return Finding(number, found, ms, first, verdict_of(first), tried)


def _unmeasured(advice: Advice, number: int, reason: str) -> Finding:
    found = advice.findings[number]
    kept = found.model_copy(update={"unmeasured": found.unmeasured or reason})
    return Finding(number, kept, None, None, "not measured")


def saved_by(found: Found, option: Alternative, parts: Measured) -> list[Array]:
    """Return what an alternative saves in all places together, in every round, in ns."""
    own, other = parts.of(found.timed, found.count), parts.of(option.timed, found.count)
    return [a - b for a, b in zip(own, other, strict=True)]


def _rank(finding: Finding) -> tuple[int, float]:
    return ORDER.index(finding.verdict), -(finding.gain.ms if finding.gain else 0.0)


def _segments(advice: Advice, network: Run, ms: float) -> list[Segment]:
    """Return what the runtime executed, in order; in sum no longer than the whole."""
    proof = network.processes[0].proofs[advice.network]
    names = [one.name for one in network.networks]
    profiles = [p for r in network.rounds for p in r.profiles]
    mine = [p.operators_ns for p in profiles if names[p.network] == advice.network]
    if not mine or not proof.calls:
        return []
    times = np.median(np.array(mine, float), axis=0) / NS_PER_MS
    # A profiler adds to every operator's time.
    times *= min(1.0, ms / max(float(times.sum()), np.finfo(float).tiny))
    of: dict[str, list[int]] = {}
    for number, found in enumerate(advice.findings):
        for name in found.nodes:
            of.setdefault(name, []).append(number)
    return [
        Segment(node or call.name, call.operator, float(time), tuple(of.get(node, ())))
        for call, node, time in zip(proof.calls, advice.executed, times, strict=True)
    ]


def _ranked(applied: Applied, findings: Sequence[Finding]) -> Applied:
    """Return what was applied in the order in which findings are listed."""
    numbers = [finding.number for finding in findings]
    chosen = sorted(applied.chosen, key=lambda one: numbers.index(one[0]))
    return applied.model_copy(update={"chosen": chosen})


def _together(
    advice: Advice, applied: Applied, parts: Measured, whole: Measured, whole_ms: float
) -> Together | None:
    if not {applied.original, applied.changed} <= set(whole.samples):
        return None
    chosen = [(advice.findings[n], advice.findings[n].alternatives[a]) for n, a in applied.chosen]
    saved = [saved_by(found, option, parts) for found, option in chosen]
    together = [np.sum(own, axis=0) for own in zip(*saved, strict=True)]
    predicted = gain_of(together, parts.samples[advice.network], whole_ms)
    before, after = whole.samples[applied.original], whole.samples[applied.changed]
    found = gain_of([a - b for a, b in zip(before, after, strict=True)], before, whole_ms)
    return Together(
        findings=[number for number, _ in applied.chosen],
        texts=[option.text for _, option in chosen],
        predicted=predicted,
        measured=found,
        agrees=_overlap(predicted.ms_ci95, found.ms_ci95),
        multiply_adds=(advice.multiply_adds, applied.multiply_adds),
        weights=(advice.weights, applied.weights),
    )


def _overlap(one: Interval | None, other: Interval | None) -> bool | None:
    if one is None or other is None:
        return None
    return one[0] <= other[1] and other[0] <= one[1]
