"""The control networks measured in every round beside the cells; not from the paper.

One is bound by arithmetic and one by memory, so that a change of the machine's state shows in the
one that shares its cause (docs/protocol.md, "Controls").
"""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.results.record.cells import Cell, Network, Operators

# What the runtime's profiler adds to the time of each operator shows in a hundred trivial ones, and
# what it adds for each thing more that it writes down, in some that give it much to write.
PROFILER = (
    Cell(
        experiment="control",
        row="profiler",
        scale=1,
        axes={},
        network=Network(block="TrivialBlock", arguments={}, channels=1, size=1, times=100),
        operators=Operators(),
        profiled=True,
    ),
    Cell(
        experiment="control",
        row="profiler-composite",
        scale=1,
        axes={},
        network=Network(block="CompositeBlock", arguments={}, channels=4, size=1, times=20),
        operators=Operators(convolutions=20),
        profiled=True,
    ),
)

CONTROLS = (
    Cell(
        experiment="control",
        row="compute-bound",
        scale=1,
        axes={},
        network=Network(block="ComputeBoundBlock", arguments={"c": 64}, channels=64, size=14),
        operators=Operators(convolutions=10),
    ),
    Cell(
        experiment="control",
        row="memory-heavy",
        scale=1,
        axes={},
        network=Network(block="MemoryHeavyBlock", arguments={}, channels=64, size=56),
        operators=Operators(adds=10, relus=20),
    ),
)


def controls(cells: Sequence[Cell]) -> list[Cell]:
    """Return the controls of a run that measures `cells`."""
    return [*CONTROLS, *(PROFILER if any(cell.profiled for cell in cells) else ())]
