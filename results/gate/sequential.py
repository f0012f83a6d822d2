"""How a trial goes on and decides: screening of all rows, then confirmation of suspects.

The procedure is a generator: it asks for quartets and is sent them, whether they were just measured
or read from disk, so an interrupted trial goes on as if it had not been (docs/gate.md).
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from guideline_benchmarks.results.gate.finding import Change, Finding, Row, decided, judged, within
from guideline_benchmarks.results.gate.ratios import QuartetTimes, null_ratios, ratios, row_logs
from guideline_benchmarks.results.gate.trial import Step, TrialProtocol
from guideline_benchmarks.results.statistics import inference
from guideline_benchmarks.results.statistics.inference import Estimate, holm

# Quartets of one pass of screening, and after how many fresh quartets suspects are looked at.
SCREENING = 4
LOOKS = (4, 8, 16, 32)
# Fewer say too little of how far quartets lie apart.
FEWEST_QUARTETS = 3


@dataclass(frozen=True)
class LikeWithLike:
    """The session's comparisons of like with like, judged as its sides are.

    `false_alarms` are rows that one test at the level of the last look, shared among all rows,
    calls SLOWER; `beyond` is the share of rows whose 95 % interval excludes no change, 5 % where
    intervals are honest.
    """

    rows: int
    false_alarms: list[str]
    beyond: float


@dataclass
class Ledger:
    """What a trial knows: the quartets so far, and the verdicts."""

    rows: Sequence[Row]
    protocol: TrialProtocol
    screening: list[QuartetTimes] = field(default_factory=list)
    fresh: dict[Row, list[QuartetTimes]] = field(default_factory=dict)
    verdicts: dict[Row, Change] = field(default_factory=dict)
    looks: int = 0
    families: dict[Row, int] = field(default_factory=dict)

    @property
    def undecided(self) -> list[Row]:
        """Rows without a verdict, in their order."""
        return [row for row in self.rows if row not in self.verdicts]

    def quartets(self, row: Row) -> list[QuartetTimes]:
        """The quartets that a row's verdict rests on: of suspects the fresh ones alone.

        A suspect with too few of these has no verdict, and shows what screening said.
        """
        fresh = self.fresh.get(row, [])
        chosen = fresh if len(fresh) >= FEWEST_QUARTETS else self.screening
        return [quartet for quartet in chosen if all(cell in quartet.logs for cell in row.cells)]

    def estimate(self, row: Row) -> Estimate | None:
        """Return the estimate of a row's log ratio."""
        return inference.of_mean(ratios(row_logs(row, self.quartets(row))))


def procedure(ledger: Ledger) -> Generator[Step, QuartetTimes, None]:
    """Ask for quartets until every row is decided, writing what comes into the ledger.

    A row is SAME once its interval lies inside the margin. Rows that seem to differ by more than
    half of it are suspects, and are decided on fresh quartets of their own.
    """
    while ledger.undecided:
        cells = _cells(ledger.undecided)
        for _ in range(SCREENING):
            quartet = yield Step("screening", cells)
            ledger.screening.append(quartet)
        suspects = _screen(ledger)
        if suspects:
            yield from _confirm(ledger, suspects)


def advance(steps: Generator[Step, QuartetTimes, None], times: QuartetTimes) -> Step | None:
    """Send a quartet to the procedure; return what it asks for next, None when all is decided."""
    try:
        return steps.send(times)
    except StopIteration:
        return None


def _cells(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the cells that rows need measured; the controls always are."""
    return tuple(sorted({cell for row in rows if row.kind != "absolute" for cell in row.cells}))


def _screen(ledger: Ledger) -> list[Row]:
    """Decide the rows that are the same, and return those that are suspected to differ."""
    suspects = []
    for row in ledger.undecided:
        estimate = ledger.estimate(row)
        if estimate is None:
            ledger.verdicts[row] = Change.INCONCLUSIVE
        elif within(estimate, ledger.protocol.margin):
            ledger.verdicts[row] = Change.SAME
        elif abs(estimate.mean) > math.log1p(ledger.protocol.margin) / 2:
            suspects.append(row)
    return suspects


def _confirm(ledger: Ledger, suspects: Sequence[Row]) -> Generator[Step, QuartetTimes, None]:
    """Measure suspects on fresh quartets; what is open after the last look is inconclusive."""
    for row in suspects:
        ledger.fresh[row], ledger.families[row] = [], len(suspects)
    for measured, look in zip((0, *LOOKS), LOOKS, strict=False):
        # Those that a look decides are measured no more.
        left = [row for row in suspects if row not in ledger.verdicts]
        for _ in range(look - measured if left else 0):
            quartet = yield Step("confirmation", _cells(left))
            for row in left:
                ledger.fresh[row].append(quartet)
        look_at(ledger, left)
    for row in suspects:
        ledger.verdicts.setdefault(row, Change.INCONCLUSIVE)


def look_at(ledger: Ledger, rows: Sequence[Row]) -> None:
    """Decide those suspects that can be decided by now.

    Look number l spends α/(l(l+1)) of each error's budget, which sums to α however many there are;
    within a look, Holm's method shares it among all that were suspects together, decided or not.
    """
    known = {row: estimate for row in rows if (estimate := ledger.estimate(row)) is not None}
    if not known:
        return
    ledger.looks += 1
    level = look_level(ledger)
    family = max(ledger.families[row] for row in known)
    ledger.verdicts |= decided(known, ledger.protocol.margin, level, family)


def look_level(ledger: Ledger) -> float:
    """Return the level of the last look, or of the first if there was none."""
    look = max(1, ledger.looks)
    return ledger.protocol.alpha / (look * (look + 1))


def end(ledger: Ledger) -> None:
    """Close a ledger whose time is up: look once more at suspects that have enough quartets."""
    look_at(
        ledger,
        [row for row in ledger.undecided if len(ledger.fresh.get(row, ())) >= FEWEST_QUARTETS],
    )


def findings(ledger: Ledger) -> list[Finding]:
    """Return what a ledger says of every row; what it has not decided is inconclusive."""
    level = look_level(ledger)
    found = []
    for row in ledger.rows:
        verdict = ledger.verdicts.get(row, Change.INCONCLUSIVE)
        values = ratios(row_logs(row, ledger.quartets(row)))
        if len(values) == 1:
            ratio = math.exp(float(values[0]))
            found.append(Finding(row, verdict, ratio, None, None, None, 1))
            continue
        share = level / ledger.families.get(row, 1)
        estimate = inference.of_mean(values)
        found.append(judged(row, verdict, estimate, ledger.protocol.margin, share, len(values)))
    return found


def like_with_like(ledger: Ledger) -> LikeWithLike:
    """Judge what the sides' processes say of their own likes, on the quartets that decided."""
    nulls = {row: null_ratios(row_logs(row, ledger.quartets(row))) for row in ledger.rows}
    known = {row: e for row, values in nulls.items() if (e := inference.of_mean(values))}
    bound = math.log1p(ledger.protocol.margin)
    adjusted = holm([estimate.p_above(bound) for estimate in known.values()])
    level = look_level(ledger)
    alarms = [row.name for row, p in zip(known, adjusted, strict=True) if p <= level]
    outside = [not low <= 0 <= high for low, high in (e.interval for e in known.values())]
    return LikeWithLike(len(known), alarms, float(np.mean(outside)) if outside else math.nan)
