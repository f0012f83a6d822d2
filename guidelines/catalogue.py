"""All experiments by name."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.guidelines import (
    g1_channel_ratio,
    g2_group_count,
    g3_fragmentation,
    g4_elementwise,
)
from guideline_benchmarks.guidelines.detection_backbones import TABLE7
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.guidelines.input_sizes import INPUT_SIZES
from guideline_benchmarks.guidelines.large_networks import TABLE6
from guideline_benchmarks.guidelines.runtime_decomposition import FIG2
from guideline_benchmarks.guidelines.stacked_units import STACKED_UNITS
from guideline_benchmarks.guidelines.whole_networks import TABLE8
from guideline_benchmarks.results.errors import BadInputError, suggestion
from guideline_benchmarks.results.record.cells import ChannelSet

# What "all" means: the paper's four tables, each one guideline's.
GUIDELINES: dict[str, Declaration] = {
    module.GUIDELINE.name: module.GUIDELINE
    for module in (g1_channel_ratio, g2_group_count, g3_fragmentation, g4_elementwise)
}
WHOLE_NETWORKS = (TABLE6, TABLE7, TABLE8, *INPUT_SIZES, *STACKED_UNITS)
# Those that have a channel set `exact`.
EXACT = [name for name, declaration in GUIDELINES.items() if declaration.exact]
EXPERIMENTS: dict[str, Declaration] = {
    **GUIDELINES,
    **{declaration.name: declaration for declaration in (FIG2, *WHOLE_NETWORKS)},
}


def select(names: Sequence[str], channels: ChannelSet | None = None) -> list[Declaration]:
    """Return the named experiments in the catalogue's order, once each; "all" means GUIDELINES.

    Of the channel set "exact" it means EXACT. Raises BadInputError for a name that is not in the
    catalogue, and for one that has no such set.
    """
    every = EXACT if channels == "exact" else [*GUIDELINES]
    for name in (name for name in names if name != "all"):
        if name not in EXPERIMENTS:
            hint = suggestion(name, [*EXPERIMENTS, "all"])
            raise BadInputError(f"There is no experiment {name!r}. {hint}")
        if channels and not EXPERIMENTS[name].has(channels):
            raise BadInputError(
                f"--channels exact is for {', '.join(EXACT)}, whose widths it changes: measure "
                f"{name} with --channels gpu or arm."
            )
    wanted = {*names, *(every if "all" in names else ())}
    return [declaration for name, declaration in EXPERIMENTS.items() if name in wanted]
