"""What `guidelines advise --json` prints, for scripts (JSON Schema: advice.schema.json).

Ranks name findings: 1 is the first of the list, and `applied` refers to them.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from guideline_benchmarks.results.advice.judged import Finding, Gain, Judged, Together, Verdict
from guideline_benchmarks.results.advice.ranking import alternatives, ranks
from guideline_benchmarks.results.advice.record import Alternative, Guideline, Kind
from guideline_benchmarks.results.record.cells import Shape
from guideline_benchmarks.results.record.platform import Record
from guideline_benchmarks.results.record.protocol import Precision
from guideline_benchmarks.results.statistics.verdict import Interval


class BeforeAfter(Record):
    """A cost of the whole network, before and after alternatives are put in."""

    before: int
    after: int


class Gained(Record):
    """A gain in ms and in percent of the whole network, with 95 % intervals.

    All None where nothing was measured, the intervals where one process gives none.
    """

    gain_ms: float | None
    gain_ms_ci95: Interval | None
    gain_percent: float | None
    gain_percent_ci95: Interval | None


class AlternativeObject(Gained):
    """What could stand in a finding's place, and what the whole network would then cost."""

    text: str
    multiply_adds: BeforeAfter
    weights: BeforeAfter
    in_place: bool


class FindingObject(Gained):
    """A finding; its gain is that of its first alternative, in all places together.

    `ms` is the time of its layers in all places. Shapes, multiply-adds, memory access cost with its
    bound by Eq. 1 (in elements), and weights are those of one place. `unmeasured` says why nothing
    was timed.
    """

    rank: int
    guideline: Guideline
    title: str
    why: str
    nodes: list[str]
    places: list[list[str]]
    count: int
    inputs: list[Shape]
    outputs: list[Shape]
    ms: float | None
    verdict: Verdict
    multiply_adds: int
    memory_access_cost: int
    memory_access_bound: float | None
    weights: int
    alternatives: list[AlternativeObject]
    unmeasured: str | None


class AppliedObject(Record):
    """What was put into the whole network: the sum of the gains, and what was measured.

    `findings` are ranks, `alternatives` say what was done, aligned. `agrees` says whether the
    measured gain lies within the reach of both intervals, None where there are none.
    """

    findings: list[int]
    alternatives: list[str]
    predicted_gain_ms: float
    predicted_gain_ms_ci95: Interval | None
    predicted_gain_percent: float
    predicted_gain_percent_ci95: Interval | None
    measured_gain_ms: float
    measured_gain_ms_ci95: Interval | None
    measured_gain_percent: float
    measured_gain_percent_ci95: Interval | None
    agrees: bool | None
    multiply_adds: BeforeAfter
    weights: BeforeAfter


class AdviceObject(Record):
    """An advice: the whole network, and its findings in the order of their ranks."""

    schema_version: Literal[1] = 1
    model: str
    platform: str
    backend: str
    runtimes: dict[str, str]
    threads: int
    precision: Precision
    processes: int
    network_ms: float
    network_ms_ci95: Interval | None
    multiply_adds: int
    weights: int
    findings: list[FindingObject]
    applied: AppliedObject | None
    fused: dict[str, int] | None
    blocks: dict[Kind, int | None]
    unseen: list[str]
    accuracy_assessed: Literal[False] = False


def advice_object(judged: Judged) -> dict[str, Any]:
    """Return an advice as an object of JSON, which follows advice.schema.json."""
    advice, platform = judged.advice, judged.platform
    found = AdviceObject(
        model=advice.model,
        platform=platform.name,
        backend=platform.backend,
        runtimes=judged.fingerprint.runtimes,
        threads=platform.threads,
        precision=judged.protocol.precision,
        processes=judged.protocol.processes,
        network_ms=judged.ms,
        network_ms_ci95=judged.ms_ci95,
        multiply_adds=advice.multiply_adds,
        weights=advice.weights,
        findings=[_finding(judged, rank, one) for rank, one in enumerate(judged.findings, 1)],
        applied=_applied(judged, judged.together) if judged.together else None,
        fused=advice.fused,
        blocks=advice.blocks,
        unseen=advice.unseen,
    )
    return found.model_dump(mode="json")


def _finding(judged: Judged, rank: int, finding: Finding) -> FindingObject:
    found = finding.found
    return FindingObject(
        rank=rank,
        guideline=found.guideline,
        title=found.title,
        why=found.why,
        nodes=found.nodes,
        places=found.places,
        count=found.count,
        inputs=found.inputs,
        outputs=found.outputs,
        ms=finding.ms,
        **_gained(finding.gain),
        verdict=finding.verdict,
        multiply_adds=found.multiply_adds,
        memory_access_cost=found.memory_access_cost,
        memory_access_bound=found.memory_access_bound,
        weights=found.weights,
        alternatives=[
            _alternative(judged, finding, one, gain) for one, gain in alternatives(finding)
        ],
        unmeasured=found.unmeasured or None,
    )


def _alternative(
    judged: Judged, finding: Finding, one: Alternative, gain: Gain | None
) -> AlternativeObject:
    multiply_adds, weights = after(judged, finding, one)
    return AlternativeObject(
        text=one.text,
        **_gained(gain),
        multiply_adds=BeforeAfter(before=judged.advice.multiply_adds, after=multiply_adds),
        weights=BeforeAfter(before=judged.advice.weights, after=weights),
        in_place=one.in_place,
    )


def after(judged: Judged, finding: Finding, one: Alternative) -> tuple[int, int]:
    """Return multiply-adds and weights of the whole network with an alternative in all places."""
    advice, found = judged.advice, finding.found
    return (
        advice.multiply_adds + found.count * (one.multiply_adds - found.multiply_adds),
        advice.weights + found.count * (one.weights - found.weights),
    )


def _gained(gain: Gain | None) -> dict[str, Any]:
    return {
        "gain_ms": gain and gain.ms,
        "gain_ms_ci95": gain and gain.ms_ci95,
        "gain_percent": gain and gain.percent,
        "gain_percent_ci95": gain and gain.percent_ci95,
    }


def _prefixed(prefix: str, gain: Gain) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in _gained(gain).items()}


def _applied(judged: Judged, together: Together) -> AppliedObject:
    rank_of = ranks(judged)
    return AppliedObject(
        findings=[rank_of[number] for number in together.findings],
        alternatives=list(together.texts),
        **_prefixed("predicted", together.predicted),
        **_prefixed("measured", together.measured),
        agrees=together.agrees,
        multiply_adds=_pair(together.multiply_adds),
        weights=_pair(together.weights),
    )


def _pair(costs: tuple[int, int]) -> BeforeAfter:
    return BeforeAfter(before=costs[0], after=costs[1])


def json_schema() -> str:
    """Return the JSON Schema of the object.

    `python -m guideline_benchmarks.results.advice.json_object` prints it.
    """
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        # What has a default is always there.
        **AdviceObject.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")
