"""Which of the two controls a network moves with (docs/protocol.md, "Controls")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

COMPUTE_BOUND, MEMORY_HEAVY = "control/compute-bound/x1", "control/memory-heavy/x1"


def mixture(apart: Array, own: Array) -> float:
    """Return the weight of the compute-bound control, 0 to 1; the memory-heavy one has the rest.

    `apart` are deviations of the compute-bound control from the memory-heavy one, `own` those of a
    network: the weight is the slope of the one on the other.
    """
    spread = float(np.sum(apart * apart))
    return min(1.0, max(0.0, float(np.sum(apart * own)) / spread)) if spread else 0.5
