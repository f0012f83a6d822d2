"""What a column of a table says about its guideline, defined here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

Interval = tuple[float, float]

# Relative speeds that differ from 1 by less than this are called no effect.
NEGLIGIBLE = 0.03


class Verdict(StrEnum):
    """The five things that a column can say about its guideline (see `judge`)."""

    HOLDS = "holds"
    HOLDS_AT_THE_EXTREME = "holds at the extreme"
    NO_EFFECT = "no effect within ±3 %"
    REVERSED = "reversed"
    UNDECIDED = "undecided"


def judge(intervals: Sequence[Interval | None], slower: bool, rivals: bool = False) -> Verdict:
    """Return the verdict of one column.

    `intervals` are the 95 % intervals of the relative speeds of all rows but the base, in the
    table's order, None for a row without figures. The last row is the extreme one, unless all are
    `rivals`, of which any stands for it. `slower` says that the guideline predicts relative speeds
    below 1, otherwise above. The first that applies:

    - holds: every interval lies wholly on the predicted side of 1;
    - no effect: every interval lies within 1 ± 0.03;
    - holds at the extreme: the last interval lies wholly on the predicted side (not of rivals);
    - reversed: the last interval (of rivals: any) lies wholly on the other side, and none on the
      predicted one;
    - undecided: anything else (rows that contradict one another, too), and a column with no rows.
    """
    if not intervals:
        return Verdict.UNDECIDED
    sides = [_side(interval, slower) for interval in intervals]
    if all(side > 0 for side in sides):
        return Verdict.HOLDS
    if all(_negligible(interval) for interval in intervals):
        return Verdict.NO_EFFECT
    if sides[-1] > 0 and not rivals:
        return Verdict.HOLDS_AT_THE_EXTREME
    if (min(sides) if rivals else sides[-1]) < 0 and max(sides) <= 0:
        return Verdict.REVERSED
    return Verdict.UNDECIDED


def _side(interval: Interval | None, slower: bool) -> int:
    """Return 1 on the predicted side of 1, -1 on the other, 0 across it or unknown."""
    if interval is None:
        return 0
    below, above = interval[1] < 1, interval[0] > 1
    return (below - above) if slower else (above - below)


def _negligible(interval: Interval | None) -> bool:
    return interval is not None and interval[0] >= 1 - NEGLIGIBLE and interval[1] <= 1 + NEGLIGIBLE


def order_agreement(measured: Sequence[float], published: Sequence[float]) -> float | None:
    """Return Kendall's tau-b of two orders of the same rows, -1 to 1 (Biometrika 33, 1945).

    None where it is not defined: fewer than two rows, or all of one side equal. Written out, since
    importing scipy.stats takes longer than all else that a report of stored runs does.
    """
    one, other = (
        np.sign(np.subtract.outer(side, side)) for side in (np.asarray(measured), published)
    )
    untied = float(np.sum(one * one)) * float(np.sum(other * other))
    return float(np.sum(one * other)) / math.sqrt(untied) if untied else None
