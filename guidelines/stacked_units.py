"""Appendix Table 1b: ten stacked units of each network, as many multiply-adds in each.

The table gives the width of ShuffleNet v2's unit alone. The others' are read as those whose
multiply-adds lie nearest to it (docs/protocol.md, decision 7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from guideline_benchmarks.guidelines.experiment import Coverage, Declaration
from guideline_benchmarks.guidelines.paper import parts
from guideline_benchmarks.results.paper import Entry, read_speeds, speeds_on_platforms
from guideline_benchmarks.results.record.cells import (
    AxisValue,
    Cell,
    Experiment,
    Network,
    NetworkChoice,
    RowLabel,
)
from guideline_benchmarks.results.record.published import Published, Quoted

TABLE = "appendix_table1b_units"
KERNEL = 9
V1_GROUPS, V1_NARROWING, V2_EXPANSION, XCEPTION_NARROWING = 3, 4, 6, 4
WIDEST = 2048
COVERAGE = Coverage(
    measured="speed",
    counted="multiply-adds",
    why="widths of the other units are those of nearly equal multiply-adds (docs/protocol.md, 7)",
    subject="ten stacked units of each network",
)


@dataclass(frozen=True)
class Unit:
    """A unit of constant width c: its multiply-adds a position, and the step of possible widths."""

    block: str
    multiply_adds: Callable[[int], float]
    step: int
    arguments: Callable[[int], dict[str, AxisValue]]


UNITS = {
    "ShuffleNet v2": Unit(
        "ShuffleNetV2Unit", lambda c: c * c / 2 + KERNEL * c / 2, 2, lambda _: {}
    ),
    "ShuffleNet v1": Unit(
        "ShuffleNetV1Unit",
        lambda c: 2 * c * c / V1_NARROWING / V1_GROUPS + KERNEL * c / V1_NARROWING,
        V1_GROUPS * V1_NARROWING,
        lambda c: {"inner": c // V1_NARROWING, "groups": V1_GROUPS, "first_groups": V1_GROUPS},
    ),
    "MobileNet v2": Unit(
        "InvertedResidual",
        lambda c: V2_EXPANSION * (2 * c * c + KERNEL * c),
        1,
        lambda _: {"expansion": V2_EXPANSION},
    ),
    "Xception": Unit(
        "XceptionUnit",
        lambda c: (
            2 * c * c / XCEPTION_NARROWING
            + (c / XCEPTION_NARROWING) ** 2
            + KERNEL * (c + 2 * c / XCEPTION_NARROWING)
        ),
        XCEPTION_NARROWING,
        lambda _: {},
    ),
}


def equal_width(unit: Unit, c: int) -> int:
    """Return the width at which `unit` costs most nearly what ShuffleNet v2's does at width c."""
    wanted = UNITS["ShuffleNet v2"].multiply_adds(c)
    widths = range(unit.step, WIDEST, unit.step)
    return min(widths, key=lambda width: abs(unit.multiply_adds(width) - wanted))


def _cell(experiment: str, size: int, entry: Entry) -> Cell:
    unit_of, wanted = entry.columns["unit_of"], int(entry.columns["c_of_shufflenet_v2"])
    unit = UNITS[unit_of]
    c = equal_width(unit, wanted)
    return Cell(
        experiment=experiment,
        row=unit_of,
        scale=entry.scale,
        axes={"c": wanted, "width": c},
        network=Network(
            block=unit.block,
            arguments={"c1": c, "c2": c, "stride": 1, **unit.arguments(c)},
            channels=c,
            size=size,
        ),
        published=entry.published,
        quoted=Quoted(speeds=_speeds()[f"{size}x{size}", unit_of, str(wanted)]),
    )


def _speeds() -> dict[tuple[str, ...], dict[str, Published]]:
    """Return the published speeds by input size, unit and ShuffleNet v2's width, by platform."""
    return speeds_on_platforms(TABLE, "input_size", "unit_of", "c_of_shufflenet_v2")


def _cells(experiment: str, size: int, choice: NetworkChoice) -> list[Cell]:
    only = {"input_size": f"{size}x{size}"}
    table = read_speeds(TABLE, choice.channels, "c_of_shufflenet_v2", **only)
    return [_cell(experiment, size, entry) for entry in table]


def _declaration(size: int) -> Declaration:
    """Return the stacks of units at one of the table's two input sizes."""
    experiment = Experiment(
        name=f"units-{size}",
        table="Appendix Table 1b",
        title=f"Units at {size}×{size}",
        claim="At the same multiply-adds, ShuffleNet v2's unit is faster than the others",
        axes=("c", "width"),
        base="ShuffleNet v2",
        slower=True,
        row_labels=(RowLabel("unit of", "{row}"),),
        column_label="c = {c}",
        rivals=True,
        across_platforms=False,
    )
    cells = partial(_cells, experiment.name, size)
    return Declaration(experiment, cells, coverage=COVERAGE, part=parts.TABLES)


STACKED_UNITS = [_declaration(size) for size in (56, 28)]
