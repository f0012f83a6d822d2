"""How a trial goes on and decides: all rows are screened, suspects are confirmed on fresh data.

The procedure is a generator: it asks for replicates and is sent what they say, whether they were
just measured or read from disk, so an interrupted trial goes on as if it had not been
(docs/gate.md).
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from guideline_benchmarks.results.gate.designs import RULES
from guideline_benchmarks.results.gate.finding import Change, Finding, Row, decided, judged, within
from guideline_benchmarks.results.gate.ratios import Array, Reading
from guideline_benchmarks.results.gate.trial import Design, Step, TrialProtocol
from guideline_benchmarks.results.statistics import inference
from guideline_benchmarks.results.statistics.inference import Estimate, holm

# Replicates between two looks at rows that are screened.
SCREENING = 4
# After how many fresh replicates suspects are looked at.
LOOKS = (4, 8, 16, 32)
# Of so few networks, rounds cost less than starting a process does, so there are more of them.
FEW_NETWORKS = 8
# Fewer say too little of how far replicates lie apart.
FEWEST_REPLICATES = 3


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


@dataclass(frozen=True)
class Suspicion:
    """Since when a row is a suspect, in replicates, and how many rows became suspects then."""

    since: int
    family: int


@dataclass
class Ledger:
    """What a trial knows: what its replicates said so far, the suspects, and the verdicts.

    `decided_at` is after how many replicates rows were decided; later ones change nothing of them.
    """

    rows: Sequence[Row]
    protocol: TrialProtocol
    design: Design
    readings: list[Reading] = field(default_factory=list)
    suspects: dict[Row, Suspicion] = field(default_factory=dict)
    verdicts: dict[Row, Change] = field(default_factory=dict)
    decided_at: dict[Row, int] = field(default_factory=dict)
    looks: int = 0

    @property
    def undecided(self) -> list[Row]:
        """Rows without a verdict, in their order."""
        return [row for row in self.rows if row not in self.verdicts]

    def decide(self, row: Row, verdict: Change) -> None:
        """Give a row its verdict, on what was measured until now."""
        self.verdicts[row] = verdict
        self.decided_at[row] = len(self.readings)

    def basis(self, row: Row) -> list[Reading]:
        """Return what a row's verdict rests on: of suspects the fresh replicates alone.

        A suspect with too few of these has no verdict, and shows what made it one.
        """
        own = self.readings[: self.decided_at.get(row)]
        if row not in self.suspects:
            return [reading for reading in own if reading.has(row.cells)]
        since = self.suspects[row].since
        parts = [
            [reading for reading in part if reading.has(row.cells)]
            for part in (own[:since], own[since:])
        ]
        return parts[1] if len(parts[1]) >= FEWEST_REPLICATES else parts[0]

    def ratios(self, row: Row) -> Array:
        """Return the log ratios that a row's verdict rests on."""
        return RULES[self.design].ratios(row, self.basis(row))

    def estimate(self, row: Row) -> Estimate | None:
        """Return the estimate of a row's log ratio."""
        return inference.of_mean(self.ratios(row))


def procedure(ledger: Ledger) -> Generator[Step, Reading, None]:
    """Ask for replicates until every row is decided, writing what comes into the ledger.

    Each replicate measures the rows that are still undecided, and no others. After every SCREENING
    of them, rows are looked at: one is SAME once its interval lies inside the margin, and a suspect
    once its interval excludes "no change" and does not lie inside. A suspect is decided on what is
    measured from then on.
    """
    while ledger.undecided:
        for _ in range(SCREENING):
            ledger.readings.append((yield _step(ledger)))
        _confirm(ledger)
        _screen(ledger)


def advance(steps: Generator[Step, Reading, None], reading: Reading) -> Step | None:
    """Send a reading to the procedure; return what it asks for next, None when all is decided."""
    try:
        return steps.send(reading)
    except StopIteration:
        return None


def _step(ledger: Ledger) -> Step:
    """Return what the next replicate has to measure."""
    rows: Iterable[Row] = ledger.undecided
    screened = any(row not in ledger.suspects for row in rows)
    if RULES[ledger.design].controls_always:
        rows = [row for row in rows if row.kind != "absolute"]
    cells = tuple(sorted({cell for row in rows for cell in row.cells}))
    few = not screened and len(cells) <= FEW_NETWORKS
    return Step("confirmation" if few else "screening", cells)


def _screen(ledger: Ledger) -> None:
    """Decide the rows that are the same, and make suspects of those that seem to differ."""
    suspected = []
    for row in ledger.undecided:
        if row in ledger.suspects:
            continue
        estimate = ledger.estimate(row)
        if estimate is None:
            ledger.decide(row, Change.INCONCLUSIVE)
        elif within(estimate, ledger.protocol.margin):
            ledger.decide(row, Change.SAME)
        elif not estimate.interval[0] <= 0 <= estimate.interval[1]:
            suspected.append(row)
    suspicion = Suspicion(len(ledger.readings), len(suspected))
    ledger.suspects |= dict.fromkeys(suspected, suspicion)


def _confirm(ledger: Ledger) -> None:
    """Look at the suspects whose turn it is; what is open after the last look is inconclusive."""
    due: dict[Suspicion, list[Row]] = {}
    for row in ledger.undecided:
        suspicion = ledger.suspects.get(row)
        if suspicion and len(ledger.readings) - suspicion.since in LOOKS:
            due.setdefault(suspicion, []).append(row)
    for suspicion, rows in due.items():
        look_at(ledger, rows)
        if len(ledger.readings) - suspicion.since == LOOKS[-1]:
            for row in rows:
                if row not in ledger.verdicts:
                    ledger.decide(row, Change.INCONCLUSIVE)


def look_at(ledger: Ledger, rows: Sequence[Row]) -> None:
    """Decide those suspects, of the same time, that can be decided by now.

    Look number l spends α/(l(l+1)) of each error's budget, which sums to α however many there are;
    within a look, Holm's method shares it among all that were suspects together, decided or not.
    """
    known = {row: estimate for row in rows if (estimate := ledger.estimate(row)) is not None}
    if not known:
        return
    ledger.looks += 1
    family = max(ledger.suspects[row].family for row in known)
    found = decided(known, ledger.protocol.margin, look_level(ledger), family)
    for row, verdict in found.items():
        ledger.decide(row, verdict)


def look_level(ledger: Ledger) -> float:
    """Return the level of the last look, or of the first if there was none."""
    look = max(1, ledger.looks)
    return ledger.protocol.alpha / (look * (look + 1))


def end(ledger: Ledger) -> None:
    """Close a ledger whose time is up: look once more at what has enough replicates."""
    due: dict[Suspicion, list[Row]] = {}
    for row in ledger.undecided:
        suspicion = ledger.suspects.get(row)
        if suspicion and len(ledger.readings) - suspicion.since >= FEWEST_REPLICATES:
            due.setdefault(suspicion, []).append(row)
    for rows in due.values():
        look_at(ledger, rows)


def findings(ledger: Ledger) -> list[Finding]:
    """Return what a ledger says of every row; what it has not decided is inconclusive."""
    found = []
    for row in ledger.rows:
        verdict = ledger.verdicts.get(row, Change.INCONCLUSIVE)
        values = ledger.ratios(row)
        if len(values) == 1:
            ratio = math.exp(float(values[0]))
            found.append(Finding(row, verdict, ratio, None, None, None, 1))
            continue
        estimate = inference.of_mean(values)
        level = row_level(ledger, row)
        found.append(judged(row, verdict, estimate, ledger.protocol.margin, level, len(values)))
    return found


def row_level(ledger: Ledger, row: Row) -> float:
    """Return the level at which one row would be tested now."""
    suspicion = ledger.suspects.get(row)
    return look_level(ledger) / (suspicion.family if suspicion else 1)


def like_with_like(ledger: Ledger) -> LikeWithLike:
    """Judge what the replicates say of like and like, on those that decided."""
    nulls = {row: RULES[ledger.design].nulls(row, ledger.basis(row)) for row in ledger.rows}
    known = {row: e for row, values in nulls.items() if (e := inference.of_mean(values))}
    bound = math.log1p(ledger.protocol.margin)
    adjusted = holm([estimate.p_above(bound) for estimate in known.values()])
    level = look_level(ledger)
    alarms = [row.name for row, p in zip(known, adjusted, strict=True) if p <= level]
    outside = [not low <= 0 <= high for low, high in (e.interval for e in known.values())]
    return LikeWithLike(len(known), alarms, float(np.mean(outside)) if outside else math.nan)
