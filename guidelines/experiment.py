"""What an experiment is: a claim, its axes and its cells, declared without importing torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from guideline_benchmarks.results.record.cells import Cell, Experiment, NetworkChoice

# The paper stacks ten of every block; Network.times has the same default.
BLOCKS = 10


@dataclass(frozen=True)
class Declaration:
    """One experiment: how it is called and what it claims, and its cells for a choice of networks.

    Cells come in the order of the table's rows. Where what the paper leaves open can be read in
    several ways, `reading` gives the experiment as a choice reads it.
    """

    experiment: Experiment
    cells: Callable[[NetworkChoice], list[Cell]]
    reading: Callable[[NetworkChoice], Experiment] | None = None

    @property
    def name(self) -> str:
        """The experiment's short name, by which the command line knows it."""
        return self.experiment.name

    def declared(self, choice: NetworkChoice) -> Experiment:
        """Return the experiment as the record of a run with this choice keeps it."""
        return self.reading(choice) if self.reading else self.experiment
