"""Table 7: the backbones of a detector, at its input of 800×1200."""

from __future__ import annotations

from dataclasses import replace

from guideline_benchmarks.guidelines import whole_networks
from guideline_benchmarks.guidelines.experiment import Coverage, Declaration
from guideline_benchmarks.guidelines.paper import parts
from guideline_benchmarks.results.paper.networks import BASE, read_table7
from guideline_benchmarks.results.record.cells import Cell, NetworkChoice

EXPERIMENT = replace(
    whole_networks.EXPERIMENT,
    name="table7",
    table="Table 7",
    title="Backbones of a detector at 800×1200",
    claim="At the same multiply-adds, ShuffleNet v2 is faster than the others as a backbone",
    notes=(
        "The paper's speeds are of the whole detector (Light-Head R-CNN) on its GPU; what runs "
        "here is the backbone with its classifier. The two are not like for like "
        "(docs/protocol.md, 9).",
    ),
)


def _cells(choice: NetworkChoice) -> list[Cell]:
    """Return the base row's cells, then the others in the table's order."""
    return [
        whole_networks.network_cell(EXPERIMENT.name, entry.family, entry, choice)
        for entry in sorted(read_table7(), key=lambda entry: entry.family != BASE)
    ]


COVERAGE = Coverage(
    measured="speed of the backbone",
    counted="multiply-adds",
    quoted="mmAP; the whole detector's speed on the GPU",
    why="no network is trained here, and no detector is built",
)
TABLE7 = Declaration(EXPERIMENT, _cells, coverage=COVERAGE, part=parts.BACKBONES)
