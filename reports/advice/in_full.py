"""All that is known of one finding, in sentences."""

from __future__ import annotations

from guideline_benchmarks.reports.advice.wording import (
    GUIDELINES,
    ms_text,
    one_line,
    percent_text,
    times,
    with_unit,
)
from guideline_benchmarks.reports.document import Section
from guideline_benchmarks.reports.layout import millions, significant
from guideline_benchmarks.results.advice.json_object import after
from guideline_benchmarks.results.advice.judged import Finding, Gain, Judged
from guideline_benchmarks.results.advice.ranking import alternatives
from guideline_benchmarks.results.advice.record import Alternative
from guideline_benchmarks.results.record.cells import Shape, shape_text


def in_full(judged: Judged, rank: int, finding: Finding) -> Section:
    """Return why a finding is one, what it costs, every alternative, and all of its places."""
    found = finding.found
    lines = [
        f"Breaks {found.guideline} ({GUIDELINES[found.guideline]}) {times(found.count)}. "
        f"{one_line(found.why)}",
        _costs(finding),
        *([f"Not measured: {one_line(found.unmeasured)}"] if found.unmeasured else []),
        *(_instead(judged, finding, one, gain) for one, gain in alternatives(finding)),
        f"Nodes: {'; '.join(', '.join(map(one_line, place)) for place in found.places)}",
    ]
    said = "" if finding.gain is None else f": {finding.verdict}"
    return Section(f"#{rank} {found.guideline} {one_line(found.title)}{said}", lines)


def _costs(finding: Finding) -> str:
    """Say what a finding's layers take in all places, and what one place costs."""
    found, bound = finding.found, finding.found.memory_access_bound
    taken = "" if finding.ms is None else f"Takes {significant(finding.ms)} ms. "
    least = "" if bound is None else f" (bound {millions(bound)} M)"
    return (
        f"{taken}One place, {shapes_text(found.inputs)} → {shapes_text(found.outputs)}: "
        f"{millions(found.multiply_adds)} M multiply-adds, memory access cost "
        f"{millions(found.memory_access_cost)} M elements{least}, {found.weights} weights."
    )


def shapes_text(shapes: list[Shape]) -> str:
    """Return shapes as they are printed: "1×24×56×56, 1×24×56×56"; a scalar's is 1."""
    return ", ".join(shape_text(shape) or "1" for shape in shapes)


def _instead(judged: Judged, finding: Finding, one: Alternative, gain: Gain | None) -> str:
    """Say what an alternative gains, and what the whole network then costs."""
    multiply_adds, weights = after(judged, finding, one)
    gained = (
        f"gains {with_unit(ms_text(gain), 'ms')} ({with_unit(percent_text(gain), '%')})"
        if gain
        else "its gain was not measured"
    )
    in_place = "; fits in place" if one.in_place else ""
    return (
        f"Instead: {one_line(one.text)}: {gained}; the network then has "
        f"{millions(multiply_adds)} M multiply-adds and {millions(weights)} M weights{in_place}."
    )
