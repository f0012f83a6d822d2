"""Table 8: whole networks, those of the paper that `networks/` builds."""

from __future__ import annotations

import re

from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.results.paper import Entry, read_network_speeds
from guideline_benchmarks.results.record.cells import (
    Cell,
    Experiment,
    NetworkChoice,
    RowLabel,
    WholeNetwork,
)

BASE = "ShuffleNet v2"
FAMILIES = (BASE, "MobileNet v1", "MobileNet v2", "ShuffleNet v1", "ShuffleNet v2 SE")
SIZE = 224
EXPERIMENT = Experiment(
    name="table8",
    table="Table 8",
    title="Whole networks",
    claim="At the same multiply-adds, ShuffleNet v2 is faster than the others",
    axes=("network", "size"),
    base=BASE,
    slower=True,
    row_labels=(RowLabel("network", "{row}"),),
    column_label="{scale} M",
    across_platforms=False,
)


def _family(entry: Entry) -> str:
    """Return a network's name without its width and groups."""
    return re.sub(r" [\d.]+x( g=\d+)?", "", entry.columns["name"])


def _cell(entry: Entry) -> Cell:
    name, size = entry.columns["name"], int(entry.columns["input_size"])
    return Cell(
        experiment=EXPERIMENT.name,
        row=_family(entry) if size == SIZE else f"{_family(entry)}, smaller input",
        scale=entry.scale,
        axes={"network": name, "size": size},
        network=WholeNetwork(name=name, size=size, batch=entry.published.batch),
        published=entry.published,
    )


def _cells(choice: NetworkChoice) -> list[Cell]:
    """Return the cells family after family; channel sets differ in the batch alone."""
    entries = read_network_speeds(choice.channels)
    cells = [_cell(entry) for entry in entries if _family(entry) in FAMILIES]
    return sorted(cells, key=lambda cell: (cell.row != BASE, cell.row))


TABLE8 = Declaration(EXPERIMENT, _cells)
