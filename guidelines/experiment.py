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
class Coverage:
    """How a table or figure of the paper comes about here, in words.

    What of it is `measured` on the platform at hand, `counted` or derived from the modules
    themselves, and `quoted` from the paper; `why` is the reason for what is not measured, or for
    how it is read. `subject` is what it is of, the experiment's title if empty.
    """

    measured: str = ""
    counted: str = ""
    quoted: str = ""
    why: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Part:
    """Some experiments that `guidelines paper` measures together, one record.

    Networks that stay loaded together must fit into memory together, and large ones get fewer
    `runs` over fewer `processes` (None is what is usual); their intervals say how much is lost.
    `minutes` is about what it took on a desktop machine, for estimates of the time left.
    """

    name: str
    minutes: float
    runs: int | None = None
    processes: int | None = None


@dataclass(frozen=True)
class Declaration:
    """One experiment: how it is called and what it claims, and its cells for a choice of networks.

    Cells come in the order of the table's rows. Where what the paper leaves open can be read in
    several ways, `reading` gives the experiment as a choice reads it. `exact` says that it has
    cells of the channel set of that name, too. `coverage` says what of the paper it is, and `part`
    with which others `guidelines paper` measures it; None of one that is none of the paper's.
    """

    experiment: Experiment
    cells: Callable[[NetworkChoice], list[Cell]]
    reading: Callable[[NetworkChoice], Experiment] | None = None
    coverage: Coverage | None = None
    part: Part | None = None
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
