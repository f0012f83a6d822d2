"""What `guidelines advise` measures: a whole network, parts of it, and a changed one beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.results.record.cells import Cell, DerivedNetwork, Experiment

EXPERIMENT = Experiment(
    name="advice",
    table="Advice",
    title="Layers that break a guideline, and what could stand there",
    claim="A layer that breaks a guideline takes longer than one of the same work that obeys it",
    axes=(),
    base=None,
    across_platforms=False,
)
WHOLE, CHANGED = "the whole network", "the changed network"


def cell(row: str, network: DerivedNetwork, *, profiled: bool = False) -> Cell:
    """Return the cell of a graph that was made of a network."""
    return Cell(EXPERIMENT.name, row, 1, axes={}, network=network, profiled=profiled)


def declared(cells: Sequence[Cell]) -> Declaration:
    """Return an experiment of just these cells."""
    return Declaration(EXPERIMENT, lambda _: list(cells))


def part_cells(whole: DerivedNetwork, parts: Mapping[str, DerivedNetwork]) -> list[Cell]:
    """Return the cells of the whole network and of parts by row: what they save is of it."""
    return [cell(WHOLE, whole), *(cell(row, part) for row, part in parts.items())]
