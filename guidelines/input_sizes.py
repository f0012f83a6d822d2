"""Appendix Table 1a: whole networks at larger inputs, an experiment for each size.

Batches are the table's own, row by row.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from guideline_benchmarks.guidelines import whole_networks
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.results.paper.networks import read_table1a
from guideline_benchmarks.results.record.cells import Cell, NetworkChoice

# Height and width.
SIZES = {"input-320": (320, 320), "input-640": (480, 640), "input-1080": (720, 1080)}


def _cells(experiment: str, choice: NetworkChoice) -> list[Cell]:
    return [
        whole_networks.network_cell(
            experiment, entry.family, entry, choice, entry.quoted.speeds[choice.channels].batch
        )
        for entry in read_table1a()
        if (entry.height, entry.width) == SIZES[experiment]
    ]


def _declaration(name: str, height: int, width: int) -> Declaration:
    """Return the networks at one of the table's input sizes."""
    experiment = replace(
        whole_networks.EXPERIMENT,
        name=name,
        table="Appendix Table 1a",
        title=f"Whole networks at {height}×{width}",
    )
    return Declaration(experiment, partial(_cells, name))


INPUT_SIZES = [_declaration(name, *size) for name, size in SIZES.items()]
