"""NASNet-A (Zoph et al., CVPR 2018): normal and reduction cells that a search found in turn."""

from __future__ import annotations

from guideline_benchmarks.networks.whole.cells import (
    CellDesign,
    CellNetwork,
    average_pooling,
    identity,
    max_pooling,
    separable_3,
    separable_5,
    separable_7,
)

REPEATS, LAST = 4, 1056
# Its Fig. 4. Of the normal cell, the earlier of its two inputs is an output, too.
NORMAL = CellDesign(
    blocks=(
        (separable_5, 0, separable_3, 1),
        (separable_5, 1, separable_3, 1),
        (average_pooling, 0, identity, 1),
        (average_pooling, 1, average_pooling, 1),
        (separable_3, 0, identity, 0),
    ),
    outputs=(1, 2, 3, 4, 5, 6),
)
REDUCTION = CellDesign(
    blocks=(
        (separable_5, 0, separable_7, 1),
        (max_pooling, 0, separable_7, 1),
        (average_pooling, 0, separable_5, 1),
        (identity, 3, average_pooling, 2),
        (separable_3, 2, max_pooling, 0),
    ),
    outputs=(3, 4, 5, 6),
)


def nasnet_a() -> CellNetwork:
    """Return NASNet-A 4 @ 1056: four normal cells a stage, 1056 channels before the classifier.

    Two reduction cells come first, a quarter and half as wide as the first stage; one that doubles
    the width is between any two of the three stages. Input (batch, 3, 224, 224), output
    (batch, 1000).
    """
    c = LAST // (4 * len(NORMAL.outputs))
    cells = [(REDUCTION, c // 4, 2), (REDUCTION, c // 2, 2)]
    for stage in range(3):
        if stage:
            cells.append((REDUCTION, c << stage, 2))
        cells += [(NORMAL, c << stage, 1)] * REPEATS
    return CellNetwork(cells)
