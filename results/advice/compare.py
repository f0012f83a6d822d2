"""Advices of several platforms side by side: which finding matters on one and not on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guideline_benchmarks.results.advice.judged import Finding, Judged
from guideline_benchmarks.results.advice.ranking import standing
from guideline_benchmarks.results.advice.record import Guideline
from guideline_benchmarks.results.statistics.verdict import Interval

# A finding's guideline and nodes, and the same with the text of its first alternative.
Place = tuple[Guideline, frozenset[str]]
_Key = tuple[Place, str]


@dataclass(frozen=True)
class Aligned:
    """What is the same finding on several platforms, by guideline, nodes and first alternative.

    `findings` has one for each platform, None where it has none; `elsewhere` says of each platform
    whether it has one of the same guideline and nodes, with whatever alternative.
    """

    instead: str
    findings: Sequence[Finding | None]
    elsewhere: Sequence[bool]

    @property
    def first(self) -> Finding:
        """The finding of the first platform that has it."""
        return next(finding for finding in self.findings if finding is not None)

    @property
    def differs(self) -> bool:
        """Whether it is shown to matter on one platform and not, or less, on another.

        It costs time on one; on the other it does not, by an interval that lies wholly below, or
        is no finding at all.
        """
        return any(
            _matters_more(one, other, found)
            for one in self.findings
            for other, found in zip(self.findings, self.elsewhere, strict=True)
        )

    @property
    def most(self) -> float:
        """The largest gain on any platform, in percent of the whole network."""
        gains = [finding.gain.percent for finding in self.findings if finding and finding.gain]
        return max(gains, default=float("-inf"))


def _matters_more(one: Finding | None, other: Finding | None, found: bool) -> bool:
    """Whether a finding costs time on one platform and not on the other, whose own is `found`."""
    if one is None or standing(one) != "gain":
        return False
    if other is None:
        return not found
    ours, theirs = _interval(one), _interval(other)
    if ours is None or theirs is None or standing(other) == "gain":
        return False
    return ours[0] > theirs[1]


def _interval(finding: Finding) -> Interval | None:
    return finding.gain.percent_ci95 if finding.gain else None


def aligned(advices: Sequence[Judged]) -> list[Aligned]:
    """Return all findings side by side.

    First those that matter on one platform and not on another, then by their largest gain.
    """
    by_key = [{_key(finding): finding for finding in judged.findings} for judged in advices]
    places = [{place for place, _ in found} for found in by_key]
    rows = [
        Aligned(
            key[1],
            [found.get(key) for found in by_key],
            [key[0] in known for known in places],
        )
        for key in dict.fromkeys(key for found in by_key for key in found)
    ]
    return sorted(rows, key=lambda row: (not row.differs, -row.most))


def _key(finding: Finding) -> _Key:
    found = finding.found
    place = (found.guideline, frozenset(found.nodes))
    return place, found.alternatives[0].text if found.alternatives else ""
