"""What a gate finds of one row: a cell, a guideline as a whole, or the machine itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.statistics.inference import Estimate, holm
from guideline_benchmarks.results.statistics.resolution import WIDEST_RATIO, bracketed
from guideline_benchmarks.results.statistics.verdict import Interval

Kind = Literal["cell", "guideline", "absolute"]

# The share of rows beyond which what was measured could not tell, and a reader learns that first.
MOST_OPEN = 0.1


class Change(StrEnum):
    """The four things that a gate can say of a row."""

    SLOWER = "SLOWER"
    FASTER = "FASTER"
    SAME = "SAME"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True)
class Row:
    """What is decided on: the log ratio, averaged over `cells`, of one thing to another.

    Of an absolute row it is taken as it is; of others it is corrected by the controls. `experiment`
    is the one that it belongs to.
    """

    name: str
    kind: Kind
    cells: tuple[str, ...]
    experiment: str = ""


@dataclass(frozen=True)
class Figure:
    """A cell's typical value in the newer of two things, with its 95 % interval if there is one."""

    value: float
    interval: Interval | None
    unit: Literal["ms", "instructions"]


@dataclass(frozen=True)
class Finding:
    """A row's verdict; `ratio` is time over the baseline's time (or instructions over them).

    `ratio` is None for a row without figures, of which `failure` says why. `p` is one-sided,
    against the margin, in the direction of the ratio, and not adjusted; None where there is no
    noise. `smallest_detectable` is the ratio that would have been called SLOWER with a chance of
    80 %, None where that is beyond WIDEST_RATIO. `rests_on` is how many replicates of a trial, or
    processes of a run, the verdict rests on. `between_runs` is the standard deviation of log ratios
    that the interval holds beyond that of processes, None where both sides are of one session.
    """

    row: Row
    verdict: Change
    ratio: float | None
    ratio_ci95: Interval | None
    p: float | None
    smallest_detectable: float | None
    rests_on: int
    failure: str | None = None
    between_runs: float | None = None

    @property
    def text(self) -> str:
        """The ratio with its interval, for people: "1.052 [1.041, 1.063]"; "" without one."""
        if self.ratio is None:
            return ""
        digits = 3 if self.ratio_ci95 else 5
        interval = f" {bracketed(self.ratio_ci95)}" if self.ratio_ci95 else ""
        return f"{self.ratio:.{digits}f}{interval}"

    def json_object(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "cell": self.row.name,
            "kind": self.row.kind,
            "verdict": self.verdict.value,
            "ratio": self.ratio,
            "ratio_ci95": self.ratio_ci95,
            "p": self.p,
            "smallest_detectable": self.smallest_detectable,
            # Scripts know it by the name that quartets had.
            "blocks": self.rests_on,
            "failure": self.failure,
            "between_runs": self.between_runs,
        }


@dataclass(frozen=True)
class Judgement:
    """All that a gate says: findings row by row, and what else a reader must know.

    `title` names what was compared, `facts` are pairs of a label and a text, `remarks` sentences.
    `figures` are the newer values by cell. `margin` is the fraction beyond which a change counts,
    `metric` what ratios are of. `drifts` are ratios of the controls, by name, with their intervals:
    they tell the machine's own change, which is judged by nobody. `rests_on` says
    what each finding counts. `spread` is a sentence on how noisy what was measured is, and which
    change it could find; `needed` one on what would decide the open rows. "" is not said.
    """

    title: str
    metric: Literal["time", "instructions"]
    margin: float
    facts: Sequence[tuple[str, str]]
    findings: Sequence[Finding]
    remarks: Sequence[str]
    figures: Mapping[str, Figure]
    drifts: Mapping[str, tuple[float, Interval | None]] = field(default_factory=dict)
    rests_on: Literal["pairs", "quartets", "processes"] = "quartets"
    spread: str = ""
    needed: str = ""

    @property
    def measured(self) -> bool:
        """Whether any row has a figure."""
        return any(finding.ratio is not None for finding in self.findings)

    @property
    def with_figures(self) -> list[Finding]:
        """The findings that could have any verdict; those of rows without figures say why not."""
        return [finding for finding in self.findings if finding.failure is None]

    @property
    def open(self) -> list[Finding]:
        """The findings that are INCONCLUSIVE though their rows have figures."""
        return [f for f in self.with_figures if f.verdict == Change.INCONCLUSIVE]

    @property
    def cannot_tell(self) -> bool:
        """Whether so many rows are open, more than MOST_OPEN of them, that it is said first."""
        return len(self.open) > MOST_OPEN * len(self.with_figures)

    def json_objects(self) -> list[dict[str, Any]]:
        """Return what `--json` prints: an object for each finding, and for each drift."""
        keys = without_figures(Row("", "cell", ()), "").json_object()
        drifts = [
            dict.fromkeys(keys)
            | {"cell": name, "kind": "drift", "ratio": ratio, "ratio_ci95": interval}
            for name, (ratio, interval) in self.drifts.items()
        ]
        return [*(finding.json_object() for finding in self.findings), *drifts]

    def having(self, *verdicts: Change) -> list[Finding]:
        """Return the findings with one of these verdicts."""
        return [finding for finding in self.findings if finding.verdict in verdicts]

    def objections(self, strict: bool) -> list[str]:
        """Return what keeps a gate shut, a clause each; none where it opens.

        `strict` lets nothing inconclusive pass; so many rows that it is said first are one clause.
        """
        said = [f"{f.row.name} is SLOWER ({f.text})" for f in self.having(Change.SLOWER)]
        said += [f"{f.row.name} has no figures ({f.failure})" for f in self.findings if f.failure]
        if not self.measured:
            said.append("nothing was measured")
        if strict and self.cannot_tell:
            said.append(f"{len(self.open)} of {len(self.with_figures)} rows are INCONCLUSIVE")
        elif strict:
            said += [f"{finding.row.name} is INCONCLUSIVE" for finding in self.open]
        return said


def without_figures(row: Row, reason: str) -> Finding:
    """Return the finding of a row that has no figures."""
    return Finding(row, Change.INCONCLUSIVE, None, None, None, None, 0, failure=reason)


def rows_of(
    experiments: Sequence[Experiment], cells: Sequence[Cell], controls: Sequence[Cell]
) -> list[Row]:
    """Return every cell as a row, then every guideline of several cells, then the controls.

    A guideline's row is the geometric mean over its cells; controls are judged by absolute times.
    """
    rows = [Row(cell.name, "cell", (cell.name,), cell.experiment) for cell in cells]
    for experiment in experiments:
        members = tuple(cell.name for cell in cells if cell.experiment == experiment.name)
        if len(members) > 1:
            rows.append(Row(experiment.name, "guideline", members, experiment.name))
    return rows + [Row(c.name, "absolute", (c.name,), c.experiment) for c in controls]


def decided(
    estimates: Mapping[Row, Estimate], margin: float, level: float, family: int = 0
) -> dict[Row, Change]:
    """Return the verdicts of those rows that can be decided at a level, which Holm's method shares.

    It is shared among all of the rows, or among their `family` if that is larger.
    """
    bound = math.log1p(margin)
    slower = holm([estimate.p_above(bound) for estimate in estimates.values()], family)
    faster = holm([estimate.p_below(-bound) for estimate in estimates.values()], family)
    verdicts = {}
    for (row, estimate), above, below in zip(estimates.items(), slower, faster, strict=True):
        if above <= level:
            verdicts[row] = Change.SLOWER
        elif below <= level:
            verdicts[row] = Change.FASTER
        elif within(estimate, margin):
            verdicts[row] = Change.SAME
    return verdicts


def judged(
    row: Row, verdict: Change, estimate: Estimate | None, margin: float, level: float, rests_on: int
) -> Finding:
    """Return a finding from the estimate of a row's log ratio; `level` is the test's own."""
    if estimate is None:
        return Finding(row, verdict, None, None, None, None, rests_on)
    bound = math.log1p(margin)
    slower = estimate.mean >= 0
    low, high = estimate.interval
    detectable = estimate.detectable(bound, level)
    return Finding(
        row=row,
        verdict=verdict,
        ratio=math.exp(estimate.mean),
        ratio_ci95=(math.exp(low), math.exp(high)),
        p=estimate.p_above(bound) if slower else estimate.p_below(-bound),
        smallest_detectable=(
            math.exp(detectable) if detectable <= math.log(WIDEST_RATIO) else None
        ),
        rests_on=rests_on,
    )


def within(estimate: Estimate, margin: float) -> bool:
    """Whether the 95 % interval lies wholly inside the margin, which is what SAME means."""
    bound = math.log1p(margin)
    low, high = estimate.interval
    return -bound <= low and high <= bound
