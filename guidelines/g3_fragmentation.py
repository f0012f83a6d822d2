"""G3, Table 3: network fragmentation reduces the degree of parallelism."""

from __future__ import annotations

import math

from guideline_benchmarks.guidelines.experiment import BLOCKS, Coverage, Declaration
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
# Rows as the paper prints them, and more of their kind: how many fragments, how they are arranged.
ROWS = {
    "1-fragment": (1, "single"),
    "2-fragment-series": (2, "series"),
    "4-fragment-series": (4, "series"),
    "16-fragment-series": (16, "series"),
    "2-fragment-parallel": (2, "parallel"),
    "4-fragment-parallel": (4, "parallel"),
    "16-fragment-parallel": (16, "parallel"),
}
# The channel set `exact`: so many fragments have widths c, c/2 and c/4; c at ×1.
EXACT_FRAGMENTS = (1, 4, 16)
EXACT_C = 64


def _cell(row: str, c: int, scale: int, published: Published | None = None) -> Cell:
    fragments, arrangement = ROWS[row]
    # n convolutions of width c/√n have the multiply-adds of one of width c, but for the rounding.
    width = round(c / math.sqrt(fragments))
    additions = fragments - 1 if arrangement == "parallel" else 0
    return Cell(
        experiment=EXPERIMENT.name,
        row=row,
        scale=scale,
        axes={"fragments": fragments, "arrangement": arrangement, "c": c, "width": width},
        network=Network(
            block="FragmentedBlock",
            arguments={"width": width, "fragments": fragments, "arrangement": arrangement},
            channels=width,
        ),
        operators=Operators(convolutions=BLOCKS * fragments, adds=BLOCKS * additions),
        short=f"{fragments}" if fragments == 1 else f"{fragments}-{arrangement}",
        published=published,
    )


def _cells(choice: NetworkChoice) -> list[Cell]:
    if choice.channels == "exact":
        rows = [row for row, (fragments, _) in ROWS.items() if fragments in EXACT_FRAGMENTS]
        return [_cell(row, EXACT_C * scale, scale) for row in rows for scale in SCALES]
    table = read_speeds("table3_g3_fragmentation", choice.channels, "c_of_1_fragment")
    return [
        _cell(e.columns["block"], int(e.columns["c_of_1_fragment"]), e.scale, e.published)
        for e in table
    ]


COVERAGE = Coverage(
    measured="speed",
    counted="multiply-adds, memory access cost",
    why="widths of fragments are rounded (docs/protocol.md)",
)
GUIDELINE = Declaration(EXPERIMENT, _cells, exact=True, coverage=COVERAGE, part=parts.TABLES)
