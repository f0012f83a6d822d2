"""What an experiment is: a claim, its axes and its cells, declared without importing torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from results.paper import PublishedSpeed, published_speeds
from results.schema import CellDeclaration, Experiment, NetworkChoice

# The paper stacks ten of every block; Network.times has the same default.
BLOCKS = 10


@dataclass(frozen=True)
class Guideline:
    """One experiment: what the record keeps of it, and how each published entry is repeated."""

    experiment: Experiment
    cell: Callable[[PublishedSpeed, NetworkChoice], CellDeclaration]

    @property
    def name(self) -> str:
        """The experiment's short name, "g1" to "g4"."""
        return self.experiment.name

    def cells(self, choice: NetworkChoice) -> list[CellDeclaration]:
        """Return all cells of a channel set, in the paper's order."""
        return [self.cell(entry, choice) for entry in published_speeds(self.name, choice.channels)]
