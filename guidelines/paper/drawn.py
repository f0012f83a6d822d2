"""The paper's figures and tables that are drawn or counted, not timed.

Table 5, Fig. 3, Fig. 4 (b), and Fig. 1 and 2 of the appendix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from guideline_benchmarks.guidelines.g3_fragmentation import GUIDELINE, ROWS
from guideline_benchmarks.guidelines.paper.architecture import counted_rows
from guideline_benchmarks.networks.blocks import FragmentedBlock
from guideline_benchmarks.networks.paper.diagram import operators
from guideline_benchmarks.networks.paper.feature_reuse import shared_channels
from guideline_benchmarks.networks.whole.shufflenet_v1 import ShuffleNetV1Unit
from guideline_benchmarks.networks.whole.shufflenet_v2 import (
    WIDTHS,
    ShuffleNetV2Unit,
    shufflenet_v2,
)
from guideline_benchmarks.reports.document import Section
from guideline_benchmarks.reports.paper import blocks, feature_reuse
from guideline_benchmarks.reports.paper.architecture import architecture_section
from guideline_benchmarks.results.paper import read_csv
from guideline_benchmarks.results.record.cells import NetworkChoice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The network whose feature reuse is drawn.
DRAWN = "ShuffleNet v2 1x"
# Variants of ShuffleNet v2's unit (Appendix Fig. 2), by what they add.
VARIANTS = {
    "residual": {"residual": True},
    "SE": {"se": True},
    "SE and residual": {"se": True, "residual": True},
}
# No figure shows a width; three groups and a quarter divide this one.
CHANNELS = 24
GROUPS, NARROWING = 3, 4


def drawn() -> tuple[list[Section], dict[str, Figure]]:
    """Return the sections of these figures and tables in the paper's order, and figures by name."""
    reuse = {f"ShuffleNet v2 {width:g}x": _reuse(width) for width in WIDTHS}
    fragments = {name: operators(block) for name, block in fragmented_blocks().items()}
    units = {
        "ShuffleNet v1": operators(_v1_unit(CHANNELS, 1)),
        "ShuffleNet v1, stride 2": operators(_v1_unit(2 * CHANNELS, 2)),
        "ShuffleNet v2": operators(ShuffleNetV2Unit(CHANNELS, CHANNELS, 1)),
        "ShuffleNet v2, stride 2": operators(ShuffleNetV2Unit(CHANNELS, 2 * CHANNELS, 2)),
    }
    variants = {
        f"ShuffleNet v2 with {name}": operators(ShuffleNetV2Unit(CHANNELS, CHANNELS, 1, **added))
        for name, added in VARIANTS.items()
    }
    sections = [
        architecture_section(counted_rows(), read_csv("table5_shufflenet_v2")),
        blocks.units_section(),
        feature_reuse.reuse_section(reuse),
        blocks.fragments_section(),
        blocks.variants_section(),
    ]
    figures = {
        blocks.UNITS: blocks.block_diagrams(units),
        feature_reuse.PLOT: feature_reuse.reuse_figure(DRAWN, reuse[DRAWN]),
        blocks.FRAGMENTS: blocks.block_diagrams(fragments),
        blocks.VARIANTS: blocks.block_diagrams(variants),
    }
    return sections, figures


def fragmented_blocks() -> dict[str, FragmentedBlock]:
    """Return the blocks of Table 3's rows by their names; exact widths have further ones."""
    rows = dict.fromkeys(cell.row for cell in GUIDELINE.cells(NetworkChoice()))
    return {name: FragmentedBlock(CHANNELS, *ROWS[name]) for name in rows}


def _v1_unit(c2: int, stride: int) -> ShuffleNetV1Unit:
    groups = {"groups": GROUPS, "first_groups": GROUPS}
    return ShuffleNetV1Unit(CHANNELS, c2, c2 // NARROWING, **groups, stride=stride)


def _reuse(width: float) -> tuple[tuple[int, ...], ...]:
    """Return how many channels the units of a ShuffleNet v2 have in common."""
    network = shufflenet_v2(width).eval()
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    units = [layer for layer in network if isinstance(layer, ShuffleNetV2Unit)]
    return shared_channels(units, first.out_channels)
