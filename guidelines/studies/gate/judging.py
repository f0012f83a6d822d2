"""Judge what was recorded of the gate, and write the page that shows how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from guideline_benchmarks.guidelines.studies.gate import curves
from guideline_benchmarks.guidelines.studies.gate.conditions import Condition
from guideline_benchmarks.guidelines.studies.gate.curves import CurvePoint, RuleScores
from guideline_benchmarks.guidelines.studies.gate.evidence import Evidence, evidence
from guideline_benchmarks.guidelines.studies.gate.pool import Pool
from guideline_benchmarks.guidelines.studies.gate.sessions import WholeSession
from guideline_benchmarks.guidelines.studies.gate.spreads import Spread, spreads
from guideline_benchmarks.results.gate.outlook import CALIBRATION, Calibration
from guideline_benchmarks.results.gate.trial import Design
from guideline_benchmarks.results.store.files import write_file

# For a condition of which nothing is asked.
MINUTES = 10.0


@dataclass(frozen=True)
class Recorded:
    """What was measured under one condition."""

    condition: Condition
    pools: Mapping[Design, Pool]
    sessions: Sequence[WholeSession]


@dataclass(frozen=True)
class Judged:
    """What the pool of one design says; rules and the gate's curve, of pairs alone."""

    evidence: Evidence
    spreads: Sequence[Spread]
    rules: Mapping[str, Sequence[RuleScores]]
    own: Mapping[float, Sequence[CurvePoint]]

    @property
    def spread(self) -> Spread:
        """That of one replicate, as the gate takes it."""
        return self.spreads[0]


@dataclass(frozen=True)
class Studied:
    """What was measured under one condition, and what it says by design."""

    recorded: Recorded
    judged: Mapping[Design, Judged]


def judge(condition: Condition, pool: Pool) -> Judged:
    """Return what a pool says."""
    protocol = pool.trial.protocol
    paired = pool.trial.design == "pairs"
    return Judged(
        evidence(pool, protocol, condition.minutes or MINUTES),
        spreads(pool),
        {
            mode: curves.rule_scores(pool, protocol.max_seconds, mode)
            for mode in (curves.MODES if paired else ())
        },
        {
            fraction: curves.gate_curve(pool, fraction, protocol)
            for fraction in (curves.CURVE_FRACTIONS if paired else ())
        },
    )


def write_page(recorded: Sequence[Recorded], page: Path) -> Path:
    """Judge what was recorded; write the page, its plots and the gate's calibration; return it.

    Raises the errors of results.store.files.write_file.
    """
    from guideline_benchmarks.guidelines.studies.gate.page import plots, text

    tasks = [(one, design) for one in recorded for design in one.pools]
    with ProcessPoolExecutor() as executor:
        found = list(
            executor.map(
                judge,
                [one.condition for one, _ in tasks],
                [one.pools[design] for one, design in tasks],
            )
        )
    judged: dict[str, dict[Design, Judged]] = {}
    for (one, design), result in zip(tasks, found, strict=True):
        judged.setdefault(one.condition.name, {})[design] = result
    studied = [Studied(one, judged[one.condition.name]) for one in recorded]
    for name, svg in plots(studied).items():
        write_file(page.parent / f"{name}.svg", svg, "--page")
    write_file(page, text(studied, page.stem), "--page")
    write_file(CALIBRATION, calibration_of(studied).model_dump_json(indent=2) + "\n", "--page")
    return page


def calibration_of(studied: Sequence[Studied]) -> Calibration:
    """Return what trials compare their own noise with: the median cell's spread of a replicate."""
    spread: dict[Design, dict[str, float]] = {}
    for one in studied:
        for design, found in one.judged.items():
            words = one.recorded.condition.words
            spread.setdefault(design, {})[words] = round(found.spread.median, 5)
    return Calibration(spread=spread)
