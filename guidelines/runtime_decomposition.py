"""Fig. 2: where the time of whole networks goes, and the same for a network of the user's own."""

from __future__ import annotations

from collections.abc import Sequence

from guidelines.experiment import Study
from results.paper import published_decomposition
from results.record.cells import (
    CellDeclaration,
    Experiment,
    NetworkChoice,
    UserNetwork,
    WholeNetwork,
)

TITLE = "Where the time goes"
CLAIM = "Not all time goes into convolutions, which alone count as FLOPs"


def _cell(experiment: str, row: str, network: WholeNetwork | UserNetwork) -> CellDeclaration:
    return CellDeclaration(
        experiment=experiment,
        row=row,
        scale=1,
        axes={},
        network=network,
        operators=None,
        profiled=True,
    )


def _cells(choice: NetworkChoice) -> list[CellDeclaration]:
    names = published_decomposition(choice.channels)
    return [_cell("fig2", name, WholeNetwork(name=name)) for name in names]


FIG2 = Study(
    Experiment(name="fig2", table="Fig. 2", title=TITLE, claim=CLAIM, axes=[], base=None),
    cells=_cells,
)


def user_study(model: str, shape: Sequence[int]) -> Study:
    """Return the decomposition of a network that the user names, on an input of `shape`."""
    cell = _cell("decomposition", model, UserNetwork(model=model, input=list(shape)))
    experiment = Experiment(
        name="decomposition", table="Decomposition", title=TITLE, claim=CLAIM, axes=[], base=None
    )
    return Study(experiment, lambda _: [cell])
