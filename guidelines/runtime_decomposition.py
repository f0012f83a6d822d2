"""Fig. 2: where the time of whole networks goes, and the same for a network of the user's own."""

from __future__ import annotations

from guideline_benchmarks.guidelines.experiment import Coverage, Declaration
from guideline_benchmarks.guidelines.paper import parts
from guideline_benchmarks.results.paper import PAPER_PLATFORMS, published_decomposition
from guideline_benchmarks.results.record.cells import (
    Cell,
    Experiment,
    NetworkChoice,
    UserNetwork,
    WholeNetwork,
)

TITLE = "Where the time goes"
CLAIM = "Not all time goes into convolutions, which alone count as FLOPs"


def _cells(choice: NetworkChoice) -> list[Cell]:
    pies = {channels: published_decomposition(channels) for channels in PAPER_PLATFORMS}
    return [
        Cell(
            experiment=FIG2.name,
            row=name,
            scale=1,
            axes={},
            network=WholeNetwork(name=name),
            profiled=True,
            published_shares={channels: pie[name] for channels, pie in pies.items() if name in pie},
        )
        for name in pies[choice.channels]
    ]


FIG2 = Declaration(
    Experiment(name="fig2", table="Fig. 2", title=TITLE, claim=CLAIM, axes=(), base=None),
    cells=_cells,
    coverage=Coverage(
        measured="share of each kind of operator",
        why="platforms that count tell no times, and leave it out",
    ),
    part=parts.OPERATORS,
)


def user_declaration(model: str, network: WholeNetwork | UserNetwork) -> Declaration:
    """Return the decomposition of a network that the user names as `model`."""
    experiment = Experiment(
        name="decomposition", table="Decomposition", title=TITLE, claim=CLAIM, axes=(), base=None
    )
    cell = Cell(experiment.name, model, 1, axes={}, network=network, profiled=True)
    return Declaration(experiment, lambda _: [cell])
