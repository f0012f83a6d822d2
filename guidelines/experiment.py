"""What an experiment is: a claim, its axes and its cells, declared without importing torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from results.paper import PublishedSpeed, published_speeds
from results.record.cells import CellDeclaration, Experiment, NetworkChoice

# The paper stacks ten of every block; Network.times has the same default.
BLOCKS = 10


@dataclass(frozen=True)
class Study:
    """One experiment: what the record keeps of it, and the cells that a choice of networks gives.

    Cells come in the paper's order.
    """

    experiment: Experiment
    cells: Callable[[NetworkChoice], list[CellDeclaration]]

    @property
    def name(self) -> str:
        """The experiment's short name, "g1" to "g4", "fig2", "table8", "units-56" or "units-28"."""
        return self.experiment.name


def guideline(
    experiment: Experiment, cell: Callable[[PublishedSpeed, NetworkChoice], CellDeclaration]
) -> Study:
    """Return the study of one of Tables 1 to 4: `cell` repeats each of its published entries."""

    def cells(choice: NetworkChoice) -> list[CellDeclaration]:
        return [cell(entry, choice) for entry in published_speeds(experiment.name, choice.channels)]

    return Study(experiment, cells)
