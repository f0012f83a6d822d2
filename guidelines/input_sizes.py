"""Appendix Table 1a: whole networks at larger inputs, an experiment for each size.

Batches are the table's own, row by row.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from guideline_benchmarks.guidelines import whole_networks
from guideline_benchmarks.guidelines.experiment import Coverage, Declaration
from guideline_benchmarks.guidelines.paper import parts
from guideline_benchmarks.results.paper.networks import read_table1a
from guideline_benchmarks.results.record.cells import Cell, NetworkChoice

# Height and width.
SIZES = ((320, 320), (480, 640), (720, 1080))
COVERAGE = Coverage(
    measured="speed",
    counted="multiply-adds",
    why="batches are the table's own, row by row",
    subject="whole networks at larger inputs",
)


def _cells(experiment: str, size: tuple[int, int], choice: NetworkChoice) -> list[Cell]:
    return [
        whole_networks.network_cell(experiment, entry.family, entry, choice)
        for entry in read_table1a()
        if (entry.height, entry.width) == size
    ]


def _declaration(height: int, width: int) -> Declaration:
    """Return the networks at one of the table's input sizes."""
    experiment = replace(
        whole_networks.EXPERIMENT,
        name=f"input-{width}",
        table="Appendix Table 1a",
        title=f"Whole networks at {height}×{width}",
    )
    cells = partial(_cells, experiment.name, (height, width))
    return Declaration(experiment, cells, coverage=COVERAGE, part=parts.INPUTS)


INPUT_SIZES = [_declaration(*size) for size in SIZES]
