"""What advice says once its runs are measured: gains with their intervals, ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from guideline_benchmarks.results.advice.record import Advice, Alternative, Found
from guideline_benchmarks.results.record.platform import Fingerprint, Platform
from guideline_benchmarks.results.record.protocol import Protocol
from guideline_benchmarks.results.statistics.verdict import Interval

# By the 95 % interval of the gain: above 0, holding 0, below 0; or there is none.
Verdict = Literal["gain", "costs nothing here", "alternative is slower", "not measured"]


@dataclass(frozen=True)
class Gain:
    """By how much a network gets faster: in ms and in percent of the whole, with 95 % intervals.

    Intervals are None where one process gives none. Negative: it gets slower.
    """

    ms: float
    ms_ci95: Interval | None
    percent: float
    percent_ci95: Interval | None


@dataclass(frozen=True)
class Tried:
    """An alternative, and what it gains in all places together."""

    alternative: Alternative
    gain: Gain


@dataclass(frozen=True)
class Finding:
    """A finding with what was measured of it.

    `number` is its place among the advice's findings. `ms` is the time of its layers in all places
    together, None where it was not measured. `tried` are its alternatives, of which the first
    decides the `gain` and the `verdict`.
    """

    number: int
    found: Found
    ms: float | None
    gain: Gain | None
    verdict: Verdict
    tried: Sequence[Tried] = ()


@dataclass(frozen=True)
class Segment:
    """An operator that the runtime executed, in order: its name and kind, and its time in ms.

    `findings` are the numbers of those that its node belongs to.
    """

    name: str
    operator: str
    ms: float
    findings: tuple[int, ...] = ()


@dataclass(frozen=True)
class Together:
    """Alternatives applied to the whole network: the sum of their gains, and what was measured.

    `findings` are numbers, `texts` say what was done, aligned. `agrees` says that the measured gain
    lies within the reach of both intervals; None where there are none. Costs are before and after.
    """

    findings: Sequence[int]
    texts: Sequence[str]
    predicted: Gain
    measured: Gain
    agrees: bool | None
    multiply_adds: tuple[int, int]
    weights: tuple[int, int]


@dataclass(frozen=True)
class Judged:
    """All that reports need to know of an advice.

    `ms` is the whole network's median time with its interval. `findings` are ranked: gains first,
    the largest first, then what costs nothing, what would be slower, and what was not measured.
    `segments` is empty where the runtime shows no times of single operators.
    """

    advice: Advice
    platform: Platform
    fingerprint: Fingerprint
    protocol: Protocol
    ms: float
    ms_ci95: Interval | None
    findings: Sequence[Finding]
    segments: Sequence[Segment] = ()
    together: Together | None = None
