"""An experiment of one's own: what widths cost that are no multiple of 16.

`python my_experiment.py [RUNS]` measures it on this machine, as `guidelines run` measures the
suite's own.
"""

from __future__ import annotations

import sys

from guideline_benchmarks.guidelines.experiment import BLOCKS, Declaration
from guideline_benchmarks.guidelines.session.measuring import Output, measure_and_publish
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.results.record.cells import (
    Cell,
    Experiment,
    Network,
    NetworkChoice,
    Operators,
    RowLabel,
)

EXPERIMENT = Experiment(
    name="widths",
    table="Widths",
    title="Widths off a multiple of 16",
    claim="Layers just narrower than a multiple of 16 are slower, though they compute less",
    axes=("c", "width"),
    base="c",
    slower=True,
    row_labels=(RowLabel("width", "{row}"),),
    column_label="c = {c}",
)
# How many channels each row leaves out.
ROWS = {"c": 0, "c-1": 1, "c-2": 2}


def _cell(row: str, scale: int) -> Cell:
    c = 32 * scale
    width = c - ROWS[row]
    return Cell(
        experiment=EXPERIMENT.name,
        row=row,
        scale=scale,
        axes={"c": c, "width": width},
        network=Network(
            block="GroupConvolution",
            arguments={"c": width, "groups": 1},
            channels=width,
            size=28,
        ),
        operators=Operators(convolutions=BLOCKS),
    )


def _cells(_: NetworkChoice) -> list[Cell]:
    return [_cell(row, scale) for scale in (1, 2) for row in ROWS]


if __name__ == "__main__":
    options = Options(runs=int(sys.argv[1]) if len(sys.argv) > 1 else None)
    asked = plan([Declaration(EXPERIMENT, _cells)], "cpu", options)
    output = Output(quiet=False, json=False, depthwise="conv")
    measure_and_publish(asked, out=None, resume=False, output=output)
