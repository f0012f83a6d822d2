"""How noisy a trial is, what it can find, and how much longer what is open would take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

from pydantic import Field

from guideline_benchmarks.results.gate.finding import Row
from guideline_benchmarks.results.gate.sequential import LOOKS, Ledger, row_level
from guideline_benchmarks.results.gate.trial import Design
from guideline_benchmarks.results.record.platform import Record
from guideline_benchmarks.results.statistics.inference import Estimate

# The study's own figures, which it writes itself (guidelines/studies/gate).
CALIBRATION = Path(__file__).with_name("calibration.json")
# Replicates; a row that would need more lies too near the margin to be decided.
MOST = 1000


class Calibration(Record):
    """What the study of the gate measured: the median cell's spread of one replicate, a fraction.

    By design, and by the condition that it was measured in.
    """

    spread: dict[Design, dict[str, Annotated[float, Field(gt=0)]]]


def calibration() -> Calibration:
    """Return what the study of the gate measured."""
    return Calibration.model_validate_json(CALIBRATION.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Noise:
    """How far replicates' log ratios lie apart, as standard deviations, by row.

    `findable` is the ratio of a suspect of the median spread that is called SLOWER in four of five
    sessions.
    """

    spreads: Mapping[Row, float]
    findable: float

    @property
    def typical(self) -> float:
        """That of the median row."""
        return median(self.spreads.values())

    @property
    def worst(self) -> tuple[Row, float]:
        """The row whose replicates lie farthest apart, and how far."""
        return max(self.spreads.items(), key=lambda pair: pair[1])


def noise_of(ledger: Ledger, fresh: int) -> Noise | None:
    """Return how noisy a trial was, whose suspects could be measured on so many fresh replicates.

    Of cells and of the machine itself: guidelines average over many. None where there are no two
    replicates.
    """
    rows = [row for row in ledger.rows if row.kind != "guideline"]
    estimates = {row: found for row in rows if (found := ledger.estimate(row)) is not None}
    if not estimates:
        return None
    spreads = {row: found.deviation for row, found in estimates.items()}
    fresh = max(LOOKS[0], min(fresh, LOOKS[-1]))
    looks = sum(look <= fresh for look in LOOKS)
    suspect = Estimate(0.0, median(spreads.values()) / math.sqrt(fresh), fresh - 1)
    bound = math.log1p(ledger.protocol.margin)
    level = ledger.protocol.alpha / (looks * (looks + 1))
    return Noise(spreads, math.exp(suspect.detectable(bound, level)))


def replicates_needed(ledger: Ledger, row: Row) -> int | None:
    """Return how many more replicates would decide an open row, if they are like those so far.

    That is until its interval lies inside the margin, or the test rejects that it does. None for a
    row that lies too near the margin, or of which too little is known.
    """
    known = ledger.estimate(row)
    if known is None:
        return None
    count, spread = round(known.freedom) + 1, known.deviation
    bound = math.log1p(ledger.protocol.margin)
    level = row_level(ledger, row)
    # A suspect is decided on fresh replicates alone, and so is one that is to become one.
    has = count if row in ledger.suspects or abs(known.mean) < bound else 0
    for wanted in range(max(has + 1, LOOKS[0]), MOST):
        then = Estimate(abs(known.mean), spread / math.sqrt(wanted), wanted - 1)
        if then.interval[1] <= bound or then.p_above(bound) <= level:
            return wanted - has
    return None
