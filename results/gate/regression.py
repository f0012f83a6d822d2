"""Judge a run against an earlier one of the same platform: regressions apart from drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate import counted, timed
from guideline_benchmarks.results.gate.finding import (
    Figure,
    Finding,
    Judgement,
    Row,
    rows_of,
    without_figures,
)
from guideline_benchmarks.results.gate.ratios import Array
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.record.same_machine import (
    changed_software,
    other_machine,
    other_platform,
)
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.disturbed import busy_run
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.statistics.verdict import Interval

# Of a protocol, what chooses the networks.
NETWORKS = [field.name for field in fields(NetworkChoice)]
LOST = "it is in the baseline and was not measured"
TOGETHER = "Both sides measured in one session, side by side: `guidelines ab`."
Logs = Mapping[str, Array]
Drifts = dict[str, tuple[float, Interval | None]]


def no_drifts(*_: Logs) -> Drifts:
    """Return nothing: what does not depend on the machine's state does not drift."""
    return {}


@dataclass(frozen=True)
class Check:
    """How runs of one kind are checked: `metric` is what is compared.

    `logs` are logarithms of what is compared, by network; the rest is made of them. With the
    findings comes a sentence on the spread that they were made with, "" without noise.
    """

    metric: Literal["time", "instructions"]
    logs: Callable[[Run], Logs]
    findings: Callable[[Sequence[Row], Logs, Logs, float], tuple[list[Finding], str]]
    drifts: Callable[[Logs, Logs], Drifts]
    figures: Callable[[Run], dict[str, Figure]]
    amount: Callable[[Run], str]


TIMED = Check("time", timed.logs, timed.findings, timed.drifts, timed.figures, timed.amount)
COUNTED = Check(
    "instructions",
    counted.logs,
    counted.findings,
    no_drifts,
    counted.figures,
    counted.amount,
)


def judge_run(run: Run, baseline: Run, margin: float | None = None) -> Judgement:
    """Return what a run shows against its baseline; `margin` is the platform's own by default.

    Times are compared after correction by the controls, so that a drift of the whole machine is
    told as such and not as regressions. Raises BadInputError for runs of two machines, platforms or
    choices of networks.
    """
    _refuse_incomparable(run, baseline)
    counter = run.platform.counter
    check = COUNTED if counter else TIMED
    if margin is None:
        margin = counter.margin if counter else timed.MARGIN
    names = {cell.name for cell in run.networks}
    failures = {name: why for name, why in run.failures.items() if name not in baseline.failures}
    new, old = check.logs(run), check.logs(baseline)
    lost = [cell for cell in baseline.cells if cell.name in old.keys() - {*new, *failures}]
    common = [cell for cell in baseline.cells if cell.name in names and cell.name in old]
    measured = [cell for cell in common if cell.name in new or cell.name in failures]
    rows = rows_of(baseline.experiments, measured, [])
    found, spread = check.findings(rows, new, old, margin)
    findings = [_with_failure(finding, failures) for finding in found]
    findings += [without_figures(row, LOST) for row in rows_of([], lost, [])]
    judgement = Judgement(
        title=f"Check of {run.label} against its baseline",
        metric=check.metric,
        margin=margin,
        facts=[("Run", _told(run, check)), ("Baseline", _told(baseline, check))],
        findings=findings,
        remarks=_remarks(run, baseline),
        figures=check.figures(run),
        drifts=check.drifts(new, old) if new and old else {},
        rests_on="processes",
        spread=spread,
    )
    return replace(judgement, needed=TOGETHER) if judgement.cannot_tell else judgement


def _refuse_incomparable(run: Run, baseline: Run) -> None:
    """Raise BadInputError unless two runs are of one platform, machine and choice of networks."""
    pairs = [
        (field, getattr(baseline.protocol, field), getattr(run.protocol, field))
        for field in (*NETWORKS, "precision", "seed")
    ]
    differing = other_platform(baseline.platform, run.platform)
    differing += [f"{field} ({old} / {new})" for field, old, new in pairs if old != new]
    differing += other_machine(baseline.fingerprint, run.fingerprint)
    if differing:
        raise BadInputError(
            "The run and its baseline are not of the same platform (baseline / run): "
            f"{'; '.join(differing)}. Compare them with `guidelines compare`, or measure both "
            "sides at once with `guidelines ab`."
        )


def _with_failure(finding: Finding, failures: Mapping[str, str]) -> Finding:
    failed = [cell for cell in finding.row.cells if cell in failures]
    return (
        without_figures(finding.row, f"{failed[0]}: {failures[failed[0]]}") if failed else finding
    )


def _told(run: Run, check: Check) -> str:
    """Say when a run was measured, with what, and how much of it."""
    return f"{_started(run)}, {run.fingerprint.software}; {check.amount(run)}"


def _started(run: Run) -> str:
    return run.sessions[0].started if run.sessions else "never"


def _remarks(run: Run, baseline: Run) -> list[str]:
    counter = run.platform.counter
    remarks = [counter.blind] if counter and counter.blind else []
    changed = changed_software(baseline.fingerprint, run.fingerprint)
    if changed:
        remarks.append(f"Changed since the baseline (baseline / run): {'; '.join(changed)}.")
    models = {cell.name: cell.model for cell in baseline.networks}
    anew = [c.name for c in run.networks if models.get(c.name, c.model) != c.model]
    if anew:
        remarks.append(f"{len(anew)} networks were exported otherwise than in the baseline.")
    if run.model != baseline.model:
        remarks.append("The runs have other cost models; what is compared is instructions.")
    added = [cell.name for cell in run.cells if cell.name not in models]
    if added:
        remarks.append(f"Not in the baseline, so not judged: {', '.join(added)}.")
    remarks += [
        f"{name} failed its proof in the baseline already, so it is not judged: {reason}."
        for name, reason in baseline.failures.items()
    ]
    for side, which in ((run, "run"), (baseline, "baseline")):
        if not complete(side):
            remarks.append(f"The {which} is unfinished.")
        if busy_run(side):
            remarks.append(f"Of the {which}: {busy_run(side)}")
    return remarks
