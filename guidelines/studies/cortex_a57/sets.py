"""The sets of cells that the cost model is fitted to and tested on."""

from __future__ import annotations

from typing import Literal

from guideline_benchmarks.guidelines import (
    g1_channel_ratio,
    g2_group_count,
    g3_fragmentation,
    g4_elementwise,
    input_sizes,
    stacked_units,
    whole_networks,
)

TABLE_1, TABLE_2, TABLE_3, TABLE_4 = (
    module.EXPERIMENT.name
    for module in (g1_channel_ratio, g2_group_count, g3_fragmentation, g4_elementwise)
)
TABLE_8 = whole_networks.EXPERIMENT.name
UNITS_56, UNITS_28 = (declaration.name for declaration in stacked_units.STACKED_UNITS)
INPUTS = tuple(declaration.name for declaration in input_sizes.INPUT_SIZES)
# The rows of whole networks and units that are counted together with the paper's four tables.
# Further ones have a record of their own: what is added leaves the old counts as they are.
EARLIER_ROWS = (
    *("ShuffleNet v2", "ShuffleNet v2 SE", "ShuffleNet v1"),
    *("MobileNet v1", "MobileNet v2", "MobileNet v2, smaller input"),
)
# Table 4 in the other reading of its unit.
READING: Literal["equal-width"] = "equal-width"
EQUAL_WIDTH = f"{TABLE_4} {READING}"

FITTED = (TABLE_1, TABLE_2, TABLE_3)
SETS = (*FITTED, TABLE_4, EQUAL_WIDTH, TABLE_8, *INPUTS, UNITS_56, UNITS_28)
# What the prediction interval is taken from: the paper's four tables, none of them seen.
SPREAD_SETS = (*FITTED, TABLE_4)
TITLES = {
    TABLE_1: "Table 1",
    TABLE_2: "Table 2",
    TABLE_3: "Table 3",
    TABLE_4: "Table 4",
    EQUAL_WIDTH: "Table 4, equal-width reading",
    TABLE_8: "Table 8, whole networks",
    **{
        declaration.name: f"Appendix Table 1a, {height}×{width}"
        for declaration, (height, width) in zip(
            input_sizes.INPUT_SIZES, input_sizes.SIZES, strict=True
        )
    },
    UNITS_56: "Appendix Table 1b, 56×56",
    UNITS_28: "Appendix Table 1b, 28×28",
}
