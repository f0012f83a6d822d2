"""PNASNet-5 (Liu et al., ECCV 2018) for mobile devices: one cell, found by a progressive search."""

from __future__ import annotations

from guideline_benchmarks.networks.whole.cells import (
    CellDesign,
    CellNetwork,
    identity,
    max_pooling,
    separable_3,
    separable_5,
    separable_7,
)

REPEATS, FILTERS = 3, 54
# Its Fig. 1.
CELL = CellDesign(
    blocks=(
        (separable_5, 1, max_pooling, 1),
        (separable_7, 0, max_pooling, 0),
        (separable_5, 0, separable_3, 0),
        (separable_3, 4, max_pooling, 0),
        (separable_3, 1, identity, 0),
    ),
    outputs=(2, 3, 4, 5, 6),
)


def pnasnet_5() -> CellNetwork:
    """Return PNASNet-5 with N = 3 cells a stage and F = 54 channels in the first stage's.

    Two cells of stride 2 come first, a quarter and half as wide (rounded down); the first cell of
    each later stage has stride 2 and doubles the width. Input (batch, 3, 224, 224), output
    (batch, 1000).
    """
    cells = [(CELL, FILTERS // 4, 2), (CELL, FILTERS // 2, 2)]
    for stage in range(3):
        strides = [2 if stage and not unit else 1 for unit in range(REPEATS)]
        cells += [(CELL, FILTERS << stage, stride) for stride in strides]
    return CellNetwork(cells)
