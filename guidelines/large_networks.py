"""Table 6: large networks. The paper prints what they cost and how often they err, no speed."""

from __future__ import annotations

from dataclasses import replace

from guideline_benchmarks.guidelines import whole_networks
from guideline_benchmarks.guidelines.experiment import Coverage, Declaration
from guideline_benchmarks.guidelines.paper import parts
from guideline_benchmarks.results.paper.networks import read_table6
from guideline_benchmarks.results.record.cells import Cell, NetworkChoice

EXPERIMENT = replace(
    whole_networks.EXPERIMENT,
    name="table6",
    table="Table 6",
    title="Large networks",
    claim="ShuffleNet v2 is faster than the others in its large forms, too",
    notes=(
        "The paper prints no speeds in Table 6, and claims none: it compares accuracy and "
        "multiply-adds there.",
    ),
)


def _cells(choice: NetworkChoice) -> list[Cell]:
    return [
        whole_networks.network_cell(EXPERIMENT.name, entry.family, entry, choice)
        for entry in read_table6()
    ]


COVERAGE = Coverage(
    measured="speed, which the paper does not print",
    counted="multiply-adds",
    quoted="top-1 error",
    why="no network is trained here",
)
TABLE6 = Declaration(EXPERIMENT, _cells, coverage=COVERAGE, part=parts.LARGE)
