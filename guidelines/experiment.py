"""What an experiment is: a claim, its axes and its cells, declared without importing torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from guideline_benchmarks.results.record.cells import (
    Cell,
    ChannelSet,
    Experiment,
    NetworkChoice,
)

# The paper stacks ten of every block; Network.times has the same default.
BLOCKS = 10
EXACT_WIDTHS = (
    "All widths are multiples of 8, and the multiply-adds of a column are equal "
    "(docs/protocol.md, 8): the paper has no such table."
)


@dataclass(frozen=True)
class Declaration:
    """One experiment: how it is called and what it claims, and its cells for a choice of networks.

    Cells come in the order of the table's rows. Where what the paper leaves open can be read in
    several ways, `reading` gives the experiment as a choice reads it. `exact` says that it has
    cells of the channel set of that name, too.
    """

    experiment: Experiment
    cells: Callable[[NetworkChoice], list[Cell]]
    reading: Callable[[NetworkChoice], Experiment] | None = None
    exact: bool = False

    @property
    def name(self) -> str:
        """The experiment's short name, by which the command line knows it."""
        return self.experiment.name

    def has(self, channels: ChannelSet) -> bool:
        """Whether it has cells of a channel set."""
        return self.exact or channels != "exact"

    def declared(self, choice: NetworkChoice) -> Experiment:
        """Return the experiment as the record of a run with this choice keeps it."""
        found = self.reading(choice) if self.reading else self.experiment
        if self.exact and choice.channels == "exact":
            return replace(found, notes=(*found.notes, EXACT_WIDTHS))
        return found
