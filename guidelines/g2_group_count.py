"""G2, Table 2: excessive group convolution raises memory access cost."""

from __future__ import annotations

from guideline_benchmarks.guidelines.experiment import Coverage, Declaration
from guideline_benchmarks.guidelines.paper import parts
from guideline_benchmarks.results.paper import SCALES, Entry, read_speeds
from guideline_benchmarks.results.record.cells import (
    Cell,
    Experiment,
    Network,
    NetworkChoice,
    Operators,
    RowLabel,
)
from guideline_benchmarks.results.record.published import Published

EXPERIMENT = Experiment(
    name="g2",
    label="G2",
    table="Table 2",
    title="Group count",
    claim="Excessive group convolution raises memory access cost",
    axes=("groups", "c"),
    base="g=1",
    slower=True,
    row_labels=(RowLabel("g", "{groups}"), RowLabel("c at ×1", "{c}")),
)
# The channel set `exact` at ×1, c by groups: twice as wide with four times as many groups has the
# same multiply-adds, c²/g a position. A group's width, c/g, is a multiple of 8, too.
EXACT = {1: 64, 4: 128, 16: 256}


def divisible_width(c: int, groups: int) -> int:
    """Return c, or where `groups` does not divide it the multiple of `groups` to use instead.

    The paper prints c = 180 for 8 groups (Table 2, ARM ×1), which cannot exist. Multiply-adds are
    c²/groups a position, and c stands for a rounded c₁·sqrt(groups) that keeps them at the
    ungrouped c₁²: of the two neighbouring multiples, take the one whose multiply-adds lie nearest.
    """
    if c % groups == 0:
        return c
    below = c - c % groups
    ungrouped = round(c / groups**0.5) ** 2
    return min(below, below + groups, key=lambda width: abs(width**2 / groups - ungrouped))


def _cell(
    groups: int, c: int, scale: int, note: str = "", published: Published | None = None
) -> Cell:
    return Cell(
        experiment=EXPERIMENT.name,
        row=f"g={groups}",
        scale=scale,
        axes={"groups": groups, "c": c},
        network=Network(block="GroupConvolution", arguments={"c": c, "groups": groups}, channels=c),
        operators=Operators(convolutions=10),
        note=note,
        published=published,
    )


def _published_cell(entry: Entry) -> Cell:
    groups, printed = int(entry.columns["groups"]), int(entry.columns["c"])
    c = divisible_width(printed, groups)
    note = ""
    if c != printed:
        note = (
            f"the paper prints c = {printed}, which {groups} groups do not divide; c = {c} was "
            "measured"
        )
    return _cell(groups, c, entry.scale, note, entry.published)


def _cells(choice: NetworkChoice) -> list[Cell]:
    if choice.channels == "exact":
        return [_cell(groups, c * scale, scale) for groups, c in EXACT.items() for scale in SCALES]
    table = read_speeds("table2_g2_group_count", choice.channels, "scale")
    return [_published_cell(entry) for entry in table]


COVERAGE = Coverage(
    measured="speed",
    counted="multiply-adds, memory access cost",
    why="180 channels are no 8 groups: 184 stand for them",
)
GUIDELINE = Declaration(EXPERIMENT, _cells, exact=True, coverage=COVERAGE, part=parts.TABLES)
