"""G4, Table 4: element-wise operations are not negligible."""

from __future__ import annotations

from dataclasses import replace

from guideline_benchmarks.guidelines.experiment import BLOCKS, Coverage, Declaration
from guideline_benchmarks.guidelines.paper import parts
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
    name="g4",
    label="G4",
    table="Table 4",
    title="Element-wise operations",
    claim="Element-wise operations are not negligible: without them the unit is faster",
    axes=("relu", "shortcut", "c"),
    base="relu+shortcut",
    slower=False,
    row_labels=(RowLabel("ReLU", "{relu}"), RowLabel("shortcut", "{shortcut}")),
    column_label="c = {c}",
)
# The two readings of "c is the number of channels in unit" (docs/protocol.md, decision 4): how far
# the unit narrows inside, the input size that goes with it, and the unit in signs.
UNITS = {
    "bottleneck": (4, 56, "c → c/4 → c/4 → c"),
    "equal-width": (1, 28, "c → c → c → c"),
}


def _cell(entry: Entry, unit: str) -> Cell:
    c = int(entry.columns["c"])
    relu, shortcut = entry.columns["relu"] == "yes", entry.columns["shortcut"] == "yes"
    kept = [name for name, there in (("relu", relu), ("shortcut", shortcut)) if there]
    narrowing, size, _ = UNITS[unit]
    return Cell(
        experiment=EXPERIMENT.name,
        row="+".join(kept) or "none",
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
        published=entry.published,
    )


def _cells(choice: NetworkChoice) -> list[Cell]:
    table = read_speeds("table4_g4_elementwise", choice.channels, "c")
    return [_cell(entry, choice.g4_unit) for entry in table]


def _reading(choice: NetworkChoice) -> Experiment:
    _, size, signs = UNITS[choice.g4_unit]
    note = f"The unit is read as {signs} at {size}×{size} (docs/protocol.md, 4)."
    return replace(EXPERIMENT, reading={"unit": choice.g4_unit}, notes=(note,))


COVERAGE = Coverage(
    measured="speed",
    counted="multiply-adds, memory access cost",
    why="its unit can be read in two ways, and both are here (--g4-unit)",
)
GUIDELINE = Declaration(EXPERIMENT, _cells, _reading, coverage=COVERAGE, part=parts.TABLES)
