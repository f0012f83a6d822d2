"""G1, Table 1: equal channel widths minimise memory access cost."""

from __future__ import annotations

from guideline_benchmarks.guidelines.experiment import Coverage, Declaration
from guideline_benchmarks.guidelines.paper import parts
from guideline_benchmarks.results.paper import SCALES, read_speeds
from guideline_benchmarks.results.record.cells import (
    Cell,
    Experiment,
    Network,
    NetworkChoice,
    Operators,
    RowLabel,
)
from guideline_benchmarks.results.record.published import Published

EXPERIMENT = Experiment(
    name="g1",
    label="G1",
    table="Table 1",
    title="Channel ratio",
    claim="Equal channel widths minimise memory access cost",
    axes=("ratio", "c1", "c2"),
    base="1:1",
    slower=True,
    row_labels=(RowLabel("c1:c2", "{ratio}"), RowLabel("(c1, c2) at ×1", "({c1}, {c2})")),
)
# The channel set `exact` at ×1: c1·c2, and so the multiply-adds, are the same in each.
EXACT = {"1:1": (32, 32), "1:4": (16, 64), "1:16": (8, 128)}


def _cell(ratio: str, c1: int, c2: int, scale: int, published: Published | None = None) -> Cell:
    return Cell(
        experiment=EXPERIMENT.name,
        row=ratio,
        scale=scale,
        axes={"ratio": ratio, "c1": c1, "c2": c2},
        network=Network(block="ChannelRatioBlock", arguments={"c1": c1, "c2": c2}, channels=c1),
        operators=Operators(convolutions=20),
        published=published,
    )


def _cells(choice: NetworkChoice) -> list[Cell]:
    if choice.channels == "exact":
        return [
            _cell(ratio, c1 * scale, c2 * scale, scale)
            for ratio, (c1, c2) in EXACT.items()
            for scale in SCALES
        ]
    return [
        _cell(e.columns["ratio"], int(e.columns["c1"]), int(e.columns["c2"]), e.scale, e.published)
        for e in read_speeds("table1_g1_channel_ratio", choice.channels, "scale")
    ]


COVERAGE = Coverage(
    measured="speed",
    counted="multiply-adds, memory access cost",
    why="the paper names no batch: 1, which alone fits its speeds (docs/protocol.md)",
)
GUIDELINE = Declaration(EXPERIMENT, _cells, exact=True, coverage=COVERAGE, part=parts.TABLES)
