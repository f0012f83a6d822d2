"""Widths one by one, not from the paper: what to round channels to.

A runtime computes channels in blocks, of a register's width say, and a part of a block takes as
long as a whole one. What is measured here shows the block (see results.advice.widths).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.results.advice.record import Kind
from guideline_benchmarks.results.record.cells import (
    WIDTH_AXES,
    AxisValue,
    Cell,
    Experiment,
    Network,
    NetworkChoice,
    Operators,
    RowLabel,
)

EXPERIMENT = Experiment(
    name="widths",
    table="Widths",
    title="What to round channels to",
    claim="A part of a block of channels takes as long as the whole block",
    axes=WIDTH_AXES,
    base=None,
    row_labels=(RowLabel("kind", "{kind}"), RowLabel("c", "{c}")),
    across_platforms=False,
)
# From one multiple of the largest block that is looked for to the next: those between which the
# networks of Table 8 are as wide at 14×14 (ShuffleNet v2 0.5× has 96 channels there, MobileNet v2
# has 64 and then 96). Narrower layers take so little time that what comes with each of them shows.
WIDTHS = range(64, 96 + 1)
SIZE = 14


@dataclass(frozen=True)
class Layers:
    """Equal layers one after the other: `times` of the same block."""

    block: str
    times: int
    arguments: dict[str, AxisValue] = field(default_factory=dict)


# Ten, as in the paper's networks; of those with nine times the multiply-adds fewer, since short
# samples are disturbed more seldom.
LAYERS: dict[Kind, Layers] = {
    "1×1": Layers("GroupConvolution", 10, {"groups": 1}),
    "3×3": Layers("ComputeBoundBlock", 3),
    "depthwise": Layers("DepthwiseConvolution", 10),
}


def _cell(kind: Kind, c: int) -> Cell:
    layers = LAYERS[kind]
    return Cell(
        experiment=EXPERIMENT.name,
        row=f"{kind}, c = {c}",
        scale=1,
        axes={"kind": kind, "c": c},
        network=Network(
            block=layers.block,
            arguments={"c": c, **layers.arguments},
            channels=c,
            size=SIZE,
            times=layers.times,
        ),
        operators=Operators(convolutions=layers.times),
    )


def _cells(_: NetworkChoice) -> list[Cell]:
    return [_cell(kind, c) for kind in LAYERS for c in WIDTHS]


CHANNEL_WIDTHS = Declaration(EXPERIMENT, _cells)
