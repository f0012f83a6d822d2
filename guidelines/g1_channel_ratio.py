"""G1, Table 1: equal channel widths minimise memory access cost."""

from __future__ import annotations

from guidelines.experiment import guideline
from results.paper import PublishedSpeed
from results.record.cells import CellDeclaration, Experiment, Network, NetworkChoice, Operators


def _cell(entry: PublishedSpeed, _: NetworkChoice) -> CellDeclaration:
    c1, c2 = int(entry.axes["c1"]), int(entry.axes["c2"])
    return CellDeclaration(
        experiment="g1",
        row=entry.row,
        scale=entry.scale,
        axes={"ratio": entry.axes["ratio"], "c1": c1, "c2": c2},
        network=Network(block="ChannelRatioBlock", arguments={"c1": c1, "c2": c2}, channels=c1),
        operators=Operators(convolutions=20),
    )


GUIDELINE = guideline(
    Experiment(
        name="g1",
        table="Table 1",
        title="Channel ratio",
        claim="Equal channel widths minimise memory access cost",
        axes=["ratio", "c1", "c2"],
        base="1:1",
        slower=True,
    ),
    cell=_cell,
)
