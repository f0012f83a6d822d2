"""G1, Table 1: equal channel widths minimise memory access cost."""

from __future__ import annotations

from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.results.paper import Entry, read_speeds
from guideline_benchmarks.results.record.cells import (
    Cell,
    Experiment,
    Network,
    NetworkChoice,
    Operators,
    RowLabel,
)

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


def _cell(entry: Entry) -> Cell:
    ratio = entry.columns["ratio"]
    c1, c2 = int(entry.columns["c1"]), int(entry.columns["c2"])
    return Cell(
        experiment=EXPERIMENT.name,
        row=ratio,
        scale=entry.scale,
        axes={"ratio": ratio, "c1": c1, "c2": c2},
        network=Network(block="ChannelRatioBlock", arguments={"c1": c1, "c2": c2}, channels=c1),
        operators=Operators(convolutions=20),
        published=entry.published,
    )


def _cells(choice: NetworkChoice) -> list[Cell]:
    return [_cell(e) for e in read_speeds("table1_g1_channel_ratio", choice.channels, "scale")]


GUIDELINE = Declaration(EXPERIMENT, _cells)
