"""Judge a run against an earlier one of the same platform: regressions apart from drift."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from results.errors import BadInputError
from results.gate.finding import (
    Change,
    Figure,
    Finding,
    Judgement,
    Row,
    decided,
    judged,
    rows_of,
    without_figures,
)
from results.gate.ratios import typical_log
from results.record.cells import NetworkChoice
from results.record.platform import REACHING, Platform
from results.record.same_machine import changed_software, other_machine
from results.record.samples import samples_by_cell
from results.record.schema import Run
from results.statistics import inference, intervals
from results.statistics.inference import Estimate
from results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY, mixture
from results.statistics.stopping import complete
from results.statistics.verdict import Interval
from results.tables.counts import counts_of

Array = NDArray[np.float64]

# A stored run was measured at another time, in another state of the machine: see docs/gate.md.
TIME_MARGIN = 0.05
# Instructions repeat to 0.003 %.
COUNT_MARGIN = 0.0005
ALPHA = 0.05
# Of a protocol, what chooses the networks.
NETWORKS = [field.name for field in fields(NetworkChoice)]
LOST = "it is in the baseline and was not measured"


def judge_run(run: Run, baseline: Run, margin: float | None = None) -> Judgement:
    """Return what a run shows against its baseline; `margin` is the metric's own by default.

    Times are compared after correction by the controls, so that a drift of the whole machine is
    told as such and not as regressions. Raises BadInputError for runs of two machines, platforms or
    choices of networks.
    """
    _refuse_incomparable(run, baseline)
    counts = run.platform.counts
    margin = (COUNT_MARGIN if counts else TIME_MARGIN) if margin is None else margin
    names = {cell.name for cell in run.networks}
    failures = {name: why for name, why in run.failures.items() if name not in baseline.failures}
    new, old = _logs(run), _logs(baseline)
    lost = [c.name for c in baseline.cells if c.name in old and c.name not in {*new, *failures}]
    common = [cell for cell in baseline.cells if cell.name in names and cell.name in old]
    measured = [cell for cell in common if cell.name in new or cell.name in failures]
    rows = rows_of(baseline.experiments, measured, [])
    if counts:
        findings = [_counted(row, new, old, margin) for row in rows]
    else:
        findings = _timed(rows, new, old, margin)
    findings = [_with_failure(finding, failures) for finding in findings]
    findings += [without_figures(Row(cell, "cell", (cell,)), LOST) for cell in lost]
    return Judgement(
        title=f"Check of {run.platform.name} against its baseline",
        metric="instructions" if counts else "time",
        margin=margin,
        facts=[("Run", _told(run)), ("Baseline", _told(baseline))],
        findings=findings,
        remarks=_remarks(run, baseline),
        figures=_figures(run),
        drifts={} if counts or not (new and old) else _drifts(new, old),
    )


def _refuse_incomparable(run: Run, baseline: Run) -> None:
    """Raise BadInputError unless two runs are of one platform, machine and choice of networks."""
    pairs = [
        (field, getattr(baseline.platform, field), getattr(run.platform, field))
        for field in Platform.model_fields
        if field not in (*REACHING, "description")
    ]
    pairs += [
        (field, getattr(baseline.protocol, field), getattr(run.protocol, field))
        for field in (*NETWORKS, "precision", "seed")
    ]
    differing = [f"{field} ({old} / {new})" for field, old, new in pairs if old != new]
    differing += other_machine(baseline.fingerprint, run.fingerprint)
    if differing:
        raise BadInputError(
            "The run and its baseline are not of the same platform (baseline / run): "
            f"{'; '.join(differing)}. Compare them with `guidelines compare`, or measure both "
            "sides at once with `guidelines ab`."
        )


def _logs(run: Run) -> Mapping[str, Array]:
    """Return typical log times (of ns) by network, one a process, or one log count.

    Processes of fewer than half the longest one's rounds are left out, as in every interval.
    """
    if run.platform.counts:
        found = {cell.name: counts_of(run, cell, None) for cell in run.cells}
        return {name: np.array([math.log(c.instructions)]) for name, c in found.items() if c}
    logs = {
        name: np.array([typical_log(ns) for ns in intervals.representative(times)])
        for name, times in samples_by_cell(run).items()
    }
    missing = [control for control in (COMPUTE_BOUND, MEMORY_HEAVY) if control not in logs]
    if logs and missing:
        raise BadInputError(
            f"{missing[0]} has no times in the run begun {_started(run)}, and without the controls "
            "a regression cannot be told from a drift of the machine: measure it again."
        )
    return logs


def _counted(
    row: Row, new: Mapping[str, Array], old: Mapping[str, Array], margin: float
) -> Finding:
    """Judge a row by its instructions, which have no noise worth the name."""
    known = [cell for cell in row.cells if cell in new and cell in old]
    if not known:
        return without_figures(row, "it was not counted")
    difference = float(np.mean([new[cell][0] - old[cell][0] for cell in known]))
    bound = math.log1p(margin)
    verdict = Change.SAME
    if abs(difference) > bound:
        verdict = Change.SLOWER if difference > 0 else Change.FASTER
    return Finding(row, verdict, math.exp(difference), None, None, 1 + margin, len(known))


def _timed(
    rows: Sequence[Row], new: Mapping[str, Array], old: Mapping[str, Array], margin: float
) -> list[Finding]:
    """Judge all rows by their times, with Holm's method over them."""
    differences = {row: _difference(row, new, old) for row in rows}
    estimates = {row: found for row, found in differences.items() if isinstance(found, Estimate)}
    verdicts = decided(estimates, margin, ALPHA)
    level = ALPHA / max(1, len(estimates))
    findings = []
    for row, found in differences.items():
        if isinstance(found, Estimate):
            processes = min(len(new[row.cells[0]]), len(old[row.cells[0]]))
            verdict = verdicts.get(row, Change.INCONCLUSIVE)
            findings.append(judged(row, verdict, found, margin, level, processes))
        elif found is None:
            findings.append(without_figures(row, "it has no times"))
        else:
            ratio = math.exp(found)
            findings.append(Finding(row, Change.INCONCLUSIVE, ratio, None, None, None, 1))
    return findings


def _difference(
    row: Row, new: Mapping[str, Array], old: Mapping[str, Array]
) -> Estimate | float | None:
    """Return the estimate of a row's log ratio, a bare one from single processes, None without."""
    known = [cell for cell in row.cells if cell in new and cell in old]
    if not known:
        return None
    sides = [_corrected(cell, new, old) for cell in known]
    run = np.mean([side[0] for side in sides], axis=0)
    base = np.mean([side[1] for side in sides], axis=0)
    return inference.of_difference(run, base) or float(run.mean() - base.mean())


def _corrected(
    cell: str, new: Mapping[str, Array], old: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Return a cell's log times in both runs less those of the controls' mixture.

    The mixture is chosen by how processes of one run differ from their mean.
    """
    own = [side[cell] - side[MEMORY_HEAVY] for side in (new, old)]
    apart = [side[COMPUTE_BOUND] - side[MEMORY_HEAVY] for side in (new, old)]
    x, y = (np.concatenate([part - part.mean() for part in parts]) for parts in (apart, own))
    weight = mixture(x, y)
    return own[0] - weight * apart[0], own[1] - weight * apart[1]


def _with_failure(finding: Finding, failures: Mapping[str, str]) -> Finding:
    failed = [cell for cell in finding.row.cells if cell in failures]
    return (
        without_figures(finding.row, f"{failed[0]}: {failures[failed[0]]}") if failed else finding
    )


def _told(run: Run) -> str:
    """Say when a run was measured, with what, and how much of it."""
    amount = f"{len(run.processes)} processes, {len(run.rounds)} rounds"
    if run.platform.counts:
        amount = f"{len(run.counts)} networks counted"
    return f"{_started(run)}, {run.fingerprint.software}; {amount}"


def _started(run: Run) -> str:
    return run.sessions[0].started if run.sessions else "never"


def _remarks(run: Run, baseline: Run) -> list[str]:
    remarks = []
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
    return remarks


def _drifts(
    new: Mapping[str, Array], old: Mapping[str, Array]
) -> dict[str, tuple[float, Interval | None]]:
    """Return how the controls changed: the machine's state, which is taken off every cell."""
    found: dict[str, tuple[float, Interval | None]] = {}
    for control in (COMPUTE_BOUND, MEMORY_HEAVY):
        estimate = inference.of_difference(new[control], old[control])
        mean = float(new[control].mean() - old[control].mean())
        low, high = estimate.interval if estimate else (mean, mean)
        found[control] = math.exp(mean), (math.exp(low), math.exp(high)) if estimate else None
    return found


def _figures(run: Run) -> dict[str, Figure]:
    """Return every cell's median time in ms with its interval, or its instructions."""
    if run.platform.counts:
        found = {cell.name: counts_of(run, cell, None) for cell in run.cells}
        return {n: Figure(c.instructions, None, "instructions") for n, c in found.items() if c}
    cells = {cell.name for cell in run.cells}
    figures = {}
    for name, times in samples_by_cell(run).items():
        if name in cells:
            interval = intervals.time_interval(times)
            ends = interval and (interval[0] / 1e6, interval[1] / 1e6)
            figures[name] = Figure(float(np.median(np.concatenate(times))) / 1e6, ends, "ms")
    return figures
