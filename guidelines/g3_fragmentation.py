"""G3, Table 3: network fragmentation reduces the degree of parallelism."""

from __future__ import annotations

import math

from guideline_benchmarks.guidelines.experiment import BLOCKS, Declaration
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
    name="g3",
    label="G3",
    table="Table 3",
    title="Fragmentation",
    claim="Network fragmentation reduces the degree of parallelism",
    axes=("fragments", "arrangement", "c", "width"),
    base="1-fragment",
    slower=True,
    row_labels=(RowLabel("block", "{row}"),),
    column_label="c = {c}",
    tick="{fragments}",
    panels="arrangement",
    panel_title="fragments in",
    in_every_panel="single",
)
# The table's rows as the paper prints them: how many fragments, and how they are arranged.
ROWS = {
    "1-fragment": (1, "single"),
    "2-fragment-series": (2, "series"),
    "4-fragment-series": (4, "series"),
    "2-fragment-parallel": (2, "parallel"),
    "4-fragment-parallel": (4, "parallel"),
}


def _cell(entry: Entry) -> Cell:
    row, c = entry.columns["block"], int(entry.columns["c_of_1_fragment"])
    fragments, arrangement = ROWS[row]
    # n convolutions of width c/√n have the multiply-adds of one of width c, but for the rounding.
    width = round(c / math.sqrt(fragments))
    additions = fragments - 1 if arrangement == "parallel" else 0
    return Cell(
        experiment=EXPERIMENT.name,
        row=row,
        scale=entry.scale,
        axes={"fragments": fragments, "arrangement": arrangement, "c": c, "width": width},
        network=Network(
            block="FragmentedBlock",
            arguments={"width": width, "fragments": fragments, "arrangement": arrangement},
            channels=width,
        ),
        operators=Operators(convolutions=BLOCKS * fragments, adds=BLOCKS * additions),
        short=f"{fragments}" if fragments == 1 else f"{fragments}-{arrangement}",
        published=entry.published,
    )


def _cells(choice: NetworkChoice) -> list[Cell]:
    table = read_speeds("table3_g3_fragmentation", choice.channels, "c_of_1_fragment")
    return [_cell(entry) for entry in table]


GUIDELINE = Declaration(EXPERIMENT, _cells)
