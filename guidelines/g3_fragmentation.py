"""G3, Table 3: network fragmentation reduces the degree of parallelism."""

from __future__ import annotations

import math

from guidelines.experiment import BLOCKS, guideline
from results.paper import PublishedSpeed
from results.record.cells import CellDeclaration, Experiment, Network, NetworkChoice, Operators


def _cell(entry: PublishedSpeed, _: NetworkChoice) -> CellDeclaration:
    c = int(entry.axes["c_of_1_fragment"])
    count, _fragment, *rest = entry.row.split("-")
    fragments, arrangement = int(count), rest[0] if rest else "single"
    # n convolutions of width c/√n have the multiply-adds of one of width c, but for the rounding.
    width = round(c / math.sqrt(fragments))
    additions = fragments - 1 if arrangement == "parallel" else 0
    return CellDeclaration(
        experiment="g3",
        row=entry.row,
        scale=entry.scale,
        axes={"fragments": fragments, "arrangement": arrangement, "c": c, "width": width},
        network=Network(
            block="FragmentedBlock",
            arguments={"width": width, "fragments": fragments, "arrangement": arrangement},
            channels=width,
        ),
        operators=Operators(convolutions=BLOCKS * fragments, adds=BLOCKS * additions),
    )


GUIDELINE = guideline(
    Experiment(
        name="g3",
        table="Table 3",
        title="Fragmentation",
        claim="Network fragmentation reduces the degree of parallelism",
        axes=["fragments", "arrangement", "c", "width"],
        base="1-fragment",
        slower=True,
    ),
    cell=_cell,
)
