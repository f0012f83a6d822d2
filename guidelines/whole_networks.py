"""Table 8: whole networks, by levels of multiply-adds."""

from __future__ import annotations

from guideline_benchmarks.guidelines.experiment import Coverage, Declaration
from guideline_benchmarks.guidelines.paper import parts
from guideline_benchmarks.results.paper.networks import (
    BASE,
    USUAL_SIZE,
    NetworkEntry,
    read_table8,
)
from guideline_benchmarks.results.record.cells import (
    Cell,
    Experiment,
    NetworkChoice,
    RowLabel,
    WholeNetwork,
)

EXPERIMENT = Experiment(
    name="table8",
    table="Table 8",
    title="Whole networks",
    claim="At the same multiply-adds, ShuffleNet v2 is faster than the others",
    axes=("network", "size"),
    base=BASE,
    row_labels=(RowLabel("network", "{row}"),),
    column_label="{scale} M",
    rivals=True,
    across_platforms=False,
)


def network_cell(
    experiment: str, row: str, entry: NetworkEntry, choice: NetworkChoice, batch: int = 1
) -> Cell:
    """Return a cell of a table of whole networks, with all that the paper prints of it.

    It has the batch of its printed speed; `batch` where none is printed.
    """
    square = entry.height == entry.width
    published = entry.quoted.speeds.get(choice.channels)
    images = published.batch if published else batch
    return Cell(
        experiment=experiment,
        row=row,
        scale=entry.level,
        axes={
            "network": entry.name,
            "size": entry.height if square else f"{entry.height}×{entry.width}",
        },
        network=WholeNetwork(entry.name, entry.height, images, None if square else entry.width),
        published=published,
        quoted=entry.quoted,
    )


def _cells(choice: NetworkChoice) -> list[Cell]:
    """Return the cells family after family; channel sets differ in the batch alone."""
    families = list(dict.fromkeys(entry.family for entry in read_table8()))
    batch = read_table8()[0].quoted.speeds[choice.channels].batch
    cells, seen = [], set[str]()
    for entry in sorted(read_table8(), key=lambda entry: families.index(entry.family)):
        row = entry.family
        if entry.height != USUAL_SIZE:
            row += ", smaller input"
        elif entry.name in seen:
            # Printed a second time, as trained by the authors themselves.
            row += " (our impl.)"
        seen.add(entry.name)
        cells.append(network_cell(EXPERIMENT.name, row, entry, choice, batch))
    return cells


COVERAGE = Coverage(
    measured="speed",
    counted="multiply-adds",
    quoted="top-1 error",
    why="no network is trained here",
)
TABLE8 = Declaration(EXPERIMENT, _cells, coverage=COVERAGE, part=parts.NETWORKS)
