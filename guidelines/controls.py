"""The two control networks measured in every round beside the cells; not from the paper.

One is bound by arithmetic and one by memory, so that a change of the machine's state shows in the
one that shares its cause (docs/protocol.md, "Controls").
"""

from __future__ import annotations

from results.schema import CellDeclaration, Network, Operators

CONTROLS = (
    CellDeclaration(
        experiment="control",
        row="compute-bound",
        scale=1,
        axes={},
        network=Network(block="ComputeBoundBlock", arguments={"c": 64}, channels=64, size=14),
        operators=Operators(convolutions=10),
    ),
    CellDeclaration(
        experiment="control",
        row="memory-heavy",
        scale=1,
        axes={},
        network=Network(block="MemoryHeavyBlock", arguments={}, channels=64, size=56),
        operators=Operators(adds=10, relus=20),
    ),
)
