"""Appendix Table 1b: ten stacked units of each network, as many multiply-adds in each.

The table gives the width of ShuffleNet v2's unit alone. The others' are read as those whose
multiply-adds lie nearest to it (docs/protocol.md, decision 7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from guidelines.experiment import Study
from results.paper import UNIT_SIZES, PublishedSpeed, published_speeds
from results.record.cells import AxisValue, CellDeclaration, Experiment, Network, NetworkChoice

KERNEL = 9
V1_GROUPS, V1_NARROWING, V2_EXPANSION = 3, 4, 6
WIDEST = 2048


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
}


def equal_width(unit: Unit, c: int) -> int:
    """Return the width at which `unit` costs most nearly what ShuffleNet v2's does at width c."""
    wanted = UNITS["ShuffleNet v2"].multiply_adds(c)
    widths = range(unit.step, WIDEST, unit.step)
    return min(widths, key=lambda width: abs(unit.multiply_adds(width) - wanted))


def _cell(experiment: str, entry: PublishedSpeed) -> CellDeclaration:
    unit = UNITS[entry.row]
    c = equal_width(unit, int(entry.axes["c"]))
    return CellDeclaration(
        experiment=experiment,
        row=entry.row,
        scale=entry.scale,
        axes={"c": int(entry.axes["c"]), "width": c},
        network=Network(
            block=unit.block,
            arguments={"c1": c, "c2": c, "stride": 1, **unit.arguments(c)},
            channels=c,
            size=int(UNIT_SIZES[experiment].partition("x")[0]),
        ),
        operators=None,
    )


def _cells(experiment: str, choice: NetworkChoice) -> list[CellDeclaration]:
    entries = published_speeds(experiment, choice.channels)
    return [_cell(experiment, entry) for entry in entries if entry.row in UNITS]


STACKED_UNITS = [
    Study(
        Experiment(
            name=experiment,
            table="Appendix Table 1b",
            title=f"Units at {size.replace('x', '×')}",
            claim="At the same multiply-adds, ShuffleNet v2's unit is faster than the others",
            axes=["c", "width"],
            base="ShuffleNet v2",
            slower=True,
        ),
        cells=partial(_cells, experiment),
    )
    for experiment, size in UNIT_SIZES.items()
]
