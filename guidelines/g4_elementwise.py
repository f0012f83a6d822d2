"""G4, Table 4: element-wise operations are not negligible."""

from __future__ import annotations

from guidelines.experiment import BLOCKS, guideline
from results.paper import PublishedSpeed
from results.record.cells import CellDeclaration, Experiment, Network, NetworkChoice, Operators

# The two readings of "c is the number of channels in unit" (docs/protocol.md, decision 4):
# how far the unit narrows inside, and the input size that goes with it.
UNITS = {"bottleneck": (4, 56), "equal-width": (1, 28)}


def _cell(entry: PublishedSpeed, choice: NetworkChoice) -> CellDeclaration:
    c = int(entry.axes["c"])
    relu, shortcut = entry.axes["relu"] == "yes", entry.axes["shortcut"] == "yes"
    narrowing, size = UNITS[choice.g4_unit]
    return CellDeclaration(
        experiment="g4",
        row=entry.row,
        scale=entry.scale,
        axes={"relu": relu, "shortcut": shortcut, "c": c},
        network=Network(
            block="BottleneckUnit",
            arguments={"c": c, "inner": c // narrowing, "relu": relu, "shortcut": shortcut},
            channels=c,
            size=size,
        ),
        operators=Operators(
            convolutions=3 * BLOCKS,
            adds=BLOCKS if shortcut else 0,
            relus=3 * BLOCKS if relu else 0,
        ),
    )


GUIDELINE = guideline(
    Experiment(
        name="g4",
        table="Table 4",
        title="Element-wise operations",
        claim="Element-wise operations are not negligible: without them the unit is faster",
        axes=["relu", "shortcut", "c"],
        base="relu+shortcut",
        slower=False,
    ),
    cell=_cell,
)
