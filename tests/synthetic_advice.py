"""Advices made up, for tests of how they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.results.advice.judged import (
    Finding,
    Gain,
    Judged,
    Segment,
    Together,
    Tried,
)
from guideline_benchmarks.results.advice.record import Advice, Alternative, Found, Timed
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.results.record.protocol import Protocol
from tests.synthetic import FINGERPRINT

NETWORK_MS = 25.9


def gain_of(percent: float, width: float | None = 0.5) -> Gain:
    """A gain of so many percent, its interval so many to either side; None for no interval."""
    scale = NETWORK_MS / 100
    around = None if width is None else (percent - width, percent + width)
    ms = around and (around[0] * scale, around[1] * scale)
    return Gain(percent * scale, ms, percent, around)


def verdict_of(gain: Gain | None) -> str:
    if gain is None or gain.percent_ci95 is None:
        return "not measured"
    low, high = gain.percent_ci95
    return "gain" if low > 0 else "alternative is slower" if high < 0 else "costs nothing here"


def finding_of(
    number: int,
    percent: float | None,
    guideline: str = "G4",
    title: str = "channel shuffle of 240 channels",
    places: Sequence[Sequence[str]] = (("/shuffle/Reshape", "/shuffle/Transpose"),),
    text: str = "one permutation before the network",
    width: float | None = 0.5,
) -> Finding:
    """A finding whose first alternative gains so many percent, a second one half of it."""
    options = [
        Alternative(
            text=said, timed=Timed(inside=f"{number}/{said}"), multiply_adds=70_000_000,
            weights=20_500, in_place=True,
        )
        for said in (text, f"{text}, half of it")
    ]  # fmt: skip
    found = Found(
        guideline=guideline,
        title=title,
        why="It moves 240 channels of 28×28 and computes nothing.",
        places=[list(place) for place in places],
        inputs=[[1, 240, 28, 28]],
        outputs=[[1, 240, 28, 28]],
        multiply_adds=64_000_000,
        memory_access_cost=4_000_000,
        memory_access_bound=3_900_000.0,
        weights=20_000,
        alternatives=options,
        unmeasured="its kernel is not known" if percent is None else "",
    )
    gain = None if percent is None else gain_of(percent, width)
    tried = [] if percent is None else [
        Tried(options[0], gain_of(percent, width)), Tried(options[1], gain_of(percent / 2, width)),
    ]  # fmt: skip
    ms = None if percent is None else 3.25
    return Finding(number, found, ms, gain, verdict_of(gain), tried)


def several(width: float | None = 0.5) -> list[Finding]:
    """Findings of all verdicts, ranked; their numbers run the other way."""
    shuffles = [[f"/stage{i}/Reshape", f"/stage{i}/Transpose"] for i in range(16)]
    grouped, parallel = "1×1 convolution 240→240 in 3 groups", ["/p/Conv_0", "/p/Conv_1"]
    return [
        finding_of(5, 8.1, places=shuffles, width=width),
        finding_of(4, 4.2, "G2", grouped, [["/group/Conv"]], "1 group", width),
        finding_of(3, 1.1, "G0", "1×1 convolution 58→58", [["/a/Conv"], ["/b/Conv"]], "64", width),
        finding_of(2, 0.1, "G1", "1×1 convolution 24→96", [["/wide/Conv"]], "48→48", width),
        finding_of(1, -3.0, "G3", "4 convolutions in parallel", [parallel], "one", width),
        finding_of(0, None, "G4", "sum of 3 tensors", [["/sum/Add"]], "a concatenation", width),
    ]


def segments_of(findings: Sequence[Finding], plain: int = 30) -> list[Segment]:
    """The nodes of findings, and so many others among them."""
    own = [
        Segment(name, name.rsplit("/", 1)[-1], 0.05 + 0.4 * (finding.number % 3), (finding.number,))
        for finding in findings
        for name in finding.found.nodes
    ]
    between = [Segment(f"/other{i}/Conv", "Conv", 0.3 + 0.05 * (i % 7)) for i in range(plain)]
    placed = zip([*_spread(own), *_spread(between)], [*own, *between], strict=True)
    return [segment for _, segment in sorted(placed, key=lambda pair: pair[0])]


def _spread(members: Sequence[object]) -> list[float]:
    return [(index + 0.5) / len(members) for index in range(len(members))]


def together_of(findings: Sequence[Finding], agrees: bool | None = True) -> Together:
    """The first two findings applied."""
    width = None if agrees is None else 0.7
    chosen = findings[:2]
    return Together(
        findings=[finding.number for finding in chosen],
        texts=[finding.found.alternatives[0].text for finding in chosen],
        predicted=gain_of(12.3, width),
        measured=gain_of(12.0 if agrees else 6.0, width),
        agrees=agrees,
        multiply_adds=(137_000_000, 140_200_000),
        weights=(2_430_000, 2_500_000),
    )


def judged_of(
    findings: Sequence[Finding],
    segments: Sequence[Segment] = (),
    together: Together | None = None,
    model: str = "ShuffleNet v1 1x g=3",
    platform: str = "cpu",
    unseen: Sequence[str] = ("Softmax: no guideline is about it.",),
    intervals: bool = True,
    **advice: object,
) -> Judged:
    """An advice of these findings."""
    content = Advice(
        model=model,
        multiply_adds=137_000_000,
        weights=2_430_000,
        findings=[one.found for one in sorted(findings, key=lambda finding: finding.number)],
        **{
            "fused": {"BatchNormalization": 49, "Relu": 33},
            "blocks": {"1×1": 16, "3×3": 8, "depthwise": None},
            "unseen": list(unseen),
        }
        | advice,
    )
    return Judged(
        advice=content,
        platform=Platform(name=platform, backend="onnxruntime-cpu"),
        fingerprint=FINGERPRINT,
        protocol=Protocol(runs=100, processes=5 if intervals else 1),
        ms=NETWORK_MS,
        ms_ci95=(25.5, 26.4) if intervals else None,
        findings=findings,
        segments=segments,
        together=together,
    )
