"""Table 8: whole networks, those of the paper that `networks/` builds."""

from __future__ import annotations

from guidelines.experiment import Study
from results.paper import PublishedSpeed, published_speeds
from results.schema import CellDeclaration, Experiment, NetworkChoice, WholeNetwork

FAMILIES = ("ShuffleNet v1", "ShuffleNet v2", "MobileNet v1", "MobileNet v2")


def _cell(entry: PublishedSpeed) -> CellDeclaration:
    name, size = entry.axes["network"], int(entry.axes["size"])
    return CellDeclaration(
        experiment="table8",
        row=entry.row,
        scale=entry.scale,
        axes={"network": name, "size": size},
        network=WholeNetwork(name=name, size=size),
        operators=None,
    )


def _cells(_: NetworkChoice) -> list[CellDeclaration]:
    """Return the cells family after family; whole networks have one channel set."""
    entries = published_speeds("table8", "arm")
    wanted = [entry for entry in entries if entry.row.startswith(FAMILIES)]
    return [_cell(e) for e in sorted(wanted, key=lambda e: (e.row != "ShuffleNet v2", e.row))]


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
