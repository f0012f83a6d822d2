"""G2, Table 2: excessive group convolution raises memory access cost."""

from __future__ import annotations

from guidelines.experiment import guideline
from results.paper import PublishedSpeed
from results.record.cells import CellDeclaration, Experiment, Network, NetworkChoice, Operators


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


def _cell(entry: PublishedSpeed, _: NetworkChoice) -> CellDeclaration:
    groups = int(entry.axes["groups"])
    c = divisible_width(int(entry.axes["c"]), groups)
    return CellDeclaration(
        experiment="g2",
        row=entry.row,
        scale=entry.scale,
        axes={"groups": groups, "c": c},
        network=Network(block="GroupConvolution", arguments={"c": c, "groups": groups}, channels=c),
        operators=Operators(convolutions=10),
    )


GUIDELINE = guideline(
    Experiment(
        name="g2",
        table="Table 2",
        title="Group count",
        claim="Excessive group convolution raises memory access cost",
        axes=["groups", "c"],
        base="g=1",
        slower=True,
    ),
    cell=_cell,
)
