"""Which block a curve of times over widths shows: pure functions of logarithms.

The time of a multiply-add falls slowly with the width by itself. So a width is compared with the
line between the next multiples of a block below and above it: by how much it lies above the line is
its loss. A smooth curve has none, whatever its slope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.results.statistics.inference import of_mean
from guideline_benchmarks.results.statistics.intervals import representative
from guideline_benchmarks.results.statistics.resolution import resolves

Array = NDArray[np.float64]
Widths = NDArray[np.int64]

# What is looked for, the largest first.
BLOCKS = (32, 16, 8, 4, 2, 1)
# The fraction of a time for which nobody changes a width.
NEGLIGIBLE_LOSS = 0.02
# The chance with which a smooth curve is given a block: of each size but the largest it is asked
# once whether its multiples do.
FALSE_BLOCKS = 0.05
LEVEL = FALSE_BLOCKS / (len(BLOCKS) - 1)


@dataclass(frozen=True)
class Curve:
    """Times of layers of some widths (n of them, ascending), as logarithms.

    `times` are arrays (n, rounds), one for each process; `work` is the multiply-adds' (n).
    """

    widths: Widths
    times: Sequence[Array]
    work: Array


@dataclass(frozen=True)
class Answer:
    """The smallest block whose multiples lose nothing against those of twice that, and so on.

    1 where any width does. None where that is not known: of one process, of too few widths, or
    where no loss that could occur would have been found. `shows` is the mean loss, as a fraction,
    that would have been found against any larger block; None where none was looked for.
    """

    block: int | None
    shows: float | None


def best_block(curve: Curve) -> Answer:
    """Return the block of a curve.

    From the largest block on, the odd multiples of half of it are held against the line between its
    own. Half is enough unless their mean loss is shown, over processes and at LEVEL, to exceed
    NEGLIGIBLE_LOSS.
    """
    bound, found, shows = math.log1p(NEGLIGIBLE_LOSS), None, None
    for block, half in pairwise(BLOCKS):
        widths, losses = lost(curve, block)
        odd = losses[:, widths % half == 0]
        estimate = of_mean(odd.mean(axis=1)) if odd.size else None
        if estimate is None:
            continue
        if estimate.p_above(bound) < LEVEL:
            return Answer(block, shows)
        found, shows = half, max(shows or 0.0, math.expm1(estimate.detectable(bound, LEVEL)))
    told = found == BLOCKS[-1] and shows is not None and resolves((1.0, 1.0 + shows))
    return Answer(found if told else None, shows)


def lost(curve: Curve, block: int) -> tuple[Widths, Array]:
    """Return the widths between multiples of a block, and what each loses (processes, widths).

    The logarithm of the time of a multiply-add over what the line between the multiples has there:
    the median of the rounds of every representative process.
    """
    multiples = curve.widths % block == 0
    knots = curve.widths[multiples]
    if len(knots) < 2:
        return curve.widths[:0], np.empty((len(curve.times), 0))
    between = ~multiples & (curve.widths > knots[0]) & (curve.widths < knots[-1])
    # Row by row, how much of each multiple the line at a width is made of.
    shares = np.stack(
        [np.interp(curve.widths[between], knots, one) for one in np.eye(len(knots))], axis=1
    )
    rates = [times - curve.work[:, None] for times in representative(curve.times)]
    above = [rate[between] - shares @ rate[multiples] for rate in rates]
    return curve.widths[between], np.stack([np.median(rounds, axis=1) for rounds in above])


def rounded(curve: Curve, width: int, other: int) -> Array | None:
    """Return the logarithm of the time at another width over that at a width, by process.

    The median of the rounds of every representative process. None where the other was not measured.
    """
    if other not in curve.widths:
        return None
    own, wide = (int(np.searchsorted(curve.widths, c)) for c in (width, other))
    times = representative(curve.times)
    return np.array([float(np.median(process[wide] - process[own])) for process in times])
