"""Which finding stands where, and which costs more than is allowed."""

from __future__ import annotations

from typing import Literal

from guideline_benchmarks.results.advice.judged import Finding, Gain, Judged
from guideline_benchmarks.results.advice.record import Alternative

# What reports list together. Undecided is what one process measured, which gives no interval.
Standing = Literal["gain", "undecided", "costs nothing here", "slower", "not measured"]


def ranks(judged: Judged) -> dict[int, int]:
    """Return the rank of each finding, 1 for the first that is listed, by its number."""
    return {finding.number: rank for rank, finding in enumerate(judged.findings, 1)}


def standing(finding: Finding) -> Standing:
    """Return among which a finding is listed."""
    if finding.gain is None:
        return "not measured"
    if finding.gain.percent_ci95 is None:
        return "undecided"
    return "slower" if finding.verdict == "alternative is slower" else finding.verdict


def costliest(judged: Judged) -> Finding | None:
    """Return the first finding that costs time, as far as anything is decided; None for none."""
    for finding in judged.findings:
        gain = finding.gain
        if gain and gain.percent > 0 and standing(finding) in ("gain", "undecided"):
            return finding
    return None


def costs_more(judged: Judged, percent: float) -> list[Finding]:
    """Return the findings that cost more than so many percent of the whole network's time.

    Their 95 % interval lies above it as a whole; where there is none, the figure itself.
    """
    return [finding for finding in judged.findings if _least(finding.gain) > percent]


def _least(gain: Gain | None) -> float:
    """Return the least percentage that a gain is sure to have."""
    if gain is None:
        return float("-inf")
    return gain.percent if gain.percent_ci95 is None else gain.percent_ci95[0]


def alternatives(finding: Finding) -> list[tuple[Alternative, Gain | None]]:
    """Return all alternatives of a finding, with their gains as far as they were measured."""
    gains = {tried.alternative: tried.gain for tried in finding.tried}
    return [(one, gains.get(one)) for one in finding.found.alternatives]
