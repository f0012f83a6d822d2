"""Table 5 counted: what the four ShuffleNets v2 are, in the form of the published table."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from guideline_benchmarks.networks.paper.architecture import Architecture, Stage, architecture
from guideline_benchmarks.networks.whole.shufflenet_v2 import WIDTHS, shufflenet_v2
from guideline_benchmarks.reports.paper.architecture import CountedRow


def counted_rows() -> list[CountedRow]:
    """Return the rows of Table 5 as counted, in the columns and words of the published ones."""
    networks = {"x" + f"{width:g}".replace(".", "_"): _counted(width) for width in WIDTHS}
    lines = zip(*(network.stages for network in networks.values()), strict=True)
    multiply_adds = {column: network.multiply_adds for column, network in networks.items()}
    # As many digits as the paper prints.
    weights = {column: f"{network.weights / 1e6:.1f}M" for column, network in networks.items()}
    millions = {column: f"{total / 1e6:.0f}M" for column, total in multiply_adds.items()}
    return [
        *(_row(dict(zip(networks, line, strict=True))) for line in lines),
        CountedRow(_entries(layer="FLOPs (multiply-adds)") | millions, multiply_adds),
        CountedRow(_entries(layer="Weights") | weights, {}),
    ]


def _counted(width: float) -> Architecture:
    with torch.device("meta"):
        return architecture(shufflenet_v2(width))


def _row(stages: Mapping[str, Stage]) -> CountedRow:
    """Return the same stage of all networks, by their columns."""
    lines = [
        _entries(
            layer=stage.layer,
            output_size=f"{stage.size}x{stage.size}",
            kernel=f"{stage.kernel}x{stage.kernel}" if stage.kernel else "",
            stride=str(stage.stride or ""),
            repeat=str(stage.repeat),
        )
        for stage in stages.values()
    ]
    # Where networks differ in what the table has once, all of it is there.
    shared = {name: " / ".join(dict.fromkeys(line[name] for line in lines)) for name in lines[0]}
    channels = {column: str(stage.channels) for column, stage in stages.items()}
    multiply_adds = {column: stage.multiply_adds for column, stage in stages.items()}
    return CountedRow(shared | channels, multiply_adds)


def _entries(
    layer: str, output_size: str = "", kernel: str = "", stride: str = "", repeat: str = ""
) -> dict[str, str]:
    """Return the entries of a row that are not of one network alone."""
    return {
        "layer": layer,
        "output_size": output_size,
        "kernel": kernel,
        "stride": stride,
        "repeat": repeat,
    }
