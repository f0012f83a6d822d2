"""Table 8: whole networks, those of the paper that `networks/` builds."""

from __future__ import annotations

from guidelines.experiment import Study
from results.paper import PublishedSpeed, published_speeds
from results.record.cells import CellDeclaration, Experiment, NetworkChoice, WholeNetwork

FAMILIES = ("ShuffleNet v1", "ShuffleNet v2", "MobileNet v1", "MobileNet v2")


def _cell(entry: PublishedSpeed) -> CellDeclaration:
    name, size = entry.axes["network"], int(entry.axes["size"])
    return CellDeclaration(
        experiment="table8",
        row=entry.row,
        scale=entry.scale,
        axes={"network": name, "size": size},
        network=WholeNetwork(name=name, size=size, batch=entry.batch),
        operators=None,
    )


def _cells(choice: NetworkChoice) -> list[CellDeclaration]:
    """Return the cells family after family; channel sets differ in the batch alone."""
    entries = published_speeds("table8", choice.channels)
    wanted = [entry for entry in entries if entry.row.startswith(FAMILIES)]
    wanted.sort(key=lambda entry: (entry.row != "ShuffleNet v2", entry.row))
    return [_cell(entry) for entry in wanted]


TABLE8 = Study(
    Experiment(
        name="table8",
        table="Table 8",
        title="Whole networks",
        claim="At the same multiply-adds, ShuffleNet v2 is faster than the others",
        axes=["network", "size"],
        base="ShuffleNet v2",
        slower=True,
    ),
    cells=_cells,
)
