"""What a trial says as a judgement: its rows, how noisy it was, and what is left to do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from guideline_benchmarks.guidelines.session.gate.trials import Outcome
from guideline_benchmarks.results.gate import outlook, sequential
from guideline_benchmarks.results.gate.finding import Figure, Judgement, Row
from guideline_benchmarks.results.gate.trial import Side
from guideline_benchmarks.results.statistics.disturbed import busy
from guideline_benchmarks.results.store.files import readable

SECONDS_PER_MINUTE = 60.0
# Beyond this, to measure longer is no advice.
LONGEST_ADVICE = 60.0


def judgement_of(outcome: Outcome, folder: Path) -> Judgement:
    """Return what a trial in a folder says, with the session's own false alarms as a remark."""
    trial = outcome.trial
    return Judgement(
        title="A/B trial: B against A",
        metric="time",
        margin=trial.protocol.margin,
        facts=[
            ("A", side_text(trial.a)),
            ("B", side_text(trial.b)),
            *_measured(outcome),
            ("Record", readable(folder)),
        ],
        findings=outcome.findings,
        remarks=[*_apart(outcome), *_busy(outcome), *_like_with_like(outcome)],
        figures=_figures(outcome),
        rests_on=trial.design,
        spread=_spread(outcome),
        needed=_needed(outcome),
    )


def side_text(side: Side) -> str:
    """Return a side's platform, its Python if one was asked for, and its runtimes."""
    python = f", {side.python}" if side.python else ""
    return f"{side.platform.label}{python} ({side.fingerprint.software})"


def _measured(outcome: Outcome) -> list[tuple[str, str]]:
    trial = outcome.trial
    count, seconds = len(outcome.replicates), outcome.seconds
    measured = {
        "pairs": (
            "Pairs",
            f"{count} of a fresh process of each side, alive at once, network by network in random "
            f"order, in {seconds:.0f} s",
        ),
        "quartets": (
            "Quartets",
            f"{count} of four fresh processes one after the other, A B B A, in {seconds:.0f} s",
        ),
    }
    return [
        ("Machine", f"{trial.a.fingerprint.called}, {trial.a.fingerprint.cpu_model}"),
        measured[trial.design],
        (
            "Decided",
            f"against a margin of {100 * trial.protocol.margin:g} %; at most "
            f"{100 * trial.protocol.alpha:g} % of sessions call anything SLOWER that lies within",
        ),
    ]


def _figures(outcome: Outcome) -> Mapping[str, Figure]:
    """Return the median time of each cell in side B, in ms."""
    times: dict[str, list[int]] = {}
    for replicate in outcome.replicates:
        for process in replicate.processes:
            if process.side == "b":
                for name, ns in process.ns.items():
                    times.setdefault(name, []).extend(ns)
    cells = [cell.name for cell in outcome.trial.b.cells if cell.name in times]
    return {name: Figure(float(np.median(times[name])) / 1e6, None, "ms") for name in cells}


def _apart(outcome: Outcome) -> list[str]:
    """Say why the sides were not measured in pairs; nothing where they were."""
    why = outcome.trial.apart
    return (
        [
            f"The sides were measured one after the other, not alive at once: {why}. That is "
            "noisier (docs/gate.md)."
        ]
        if why
        else []
    )


def _busy(outcome: Outcome) -> list[str]:
    """Say that a trial was measured on a busy machine; nothing where it was not."""
    loads = [process.load for replicate in outcome.replicates for process in replicate.processes]
    return list(filter(None, [busy(loads, outcome.trial.a.fingerprint.cores)]))


def _like_with_like(outcome: Outcome) -> list[str]:
    """Say what a session invents by itself; nothing where too little was measured to compare."""
    null = sequential.like_with_like(outcome.ledger)
    if not null.rows:
        return []
    compared = {
        "pairs": "Like against like (each pair against the next but one)",
        "quartets": "Like against like (A's processes among themselves, and B's)",
    }[outcome.trial.design]
    alarms = ", ".join(null.false_alarms) or "none"
    return [
        f"{compared}: one test of all {null.rows} rows calls {len(null.false_alarms)} SLOWER "
        f"({alarms}); {100 * null.beyond:.0f} % of the 95 % intervals exclude no change, where 5 % "
        "should."
    ]


def _spread(outcome: Outcome) -> str:
    """Say how noisy the session was beside the gate's own study, and what it could find."""
    last = outcome.replicates[-1].seconds if outcome.replicates else math.inf
    left = outcome.trial.protocol.max_seconds - outcome.seconds
    noise = outlook.noise_of(outcome.ledger, len(outcome.replicates) + int(max(0.0, left) / last))
    if noise is None:
        return ""
    design = outcome.trial.design
    row, worst = noise.worst
    studied = ", ".join(
        f"{100 * spread:.2f} % {condition}"
        for condition, spread in outlook.calibration().spread[design].items()
    )
    minutes = outcome.trial.protocol.max_seconds / SECONDS_PER_MINUTE
    return (
        f"{design.capitalize()} lie {100 * noise.typical:.2f} % apart (median row; worst "
        f"{100 * worst:.1f} %, {row.name}); in the study of the gate {studied}. In {minutes:g} "
        f"minutes such a session finds a cell that is {100 * (noise.findable - 1):.1f} % slower in "
        "four of five tries."
    )


def _needed(outcome: Outcome) -> str:
    """Say how much longer it would take to decide what is open; "" where nothing is."""
    failed = {finding.row for finding in outcome.findings if finding.failure}
    rows = [row for row in outcome.ledger.undecided if row not in failed]
    if not rows or not outcome.replicates:
        return ""
    needed = {row: outlook.replicates_needed(outcome.ledger, row) for row in rows}
    each = outcome.replicates[-1].seconds / SECONDS_PER_MINUTE
    minutes = sorted(each * count for count in needed.values() if count is not None)
    near = [row for row, count in needed.items() if count is None]
    said = [_more(minutes, len(rows))] if minutes else []
    if near:
        said.append(f"{_named(near)} too near the margin for such noise")
    return f"{'; '.join(said)}."


def _more(minutes: Sequence[float], rows: int) -> str:
    """Say how many of so many open rows an hour at most would decide, from what each needs."""
    within = [needed for needed in minutes if needed <= LONGEST_ADVICE]
    if not within:
        return "More than an hour would be needed to decide anything that is open"
    last = math.ceil(within[-1])
    plural = "" if last == 1 else "s"
    return f"About {last} more minute{plural} would decide {len(within)} of {rows} open rows"


def _named(rows: list[Row]) -> str:
    if len(rows) == 1:
        return f"{rows[0].name} lies"
    return f"{len(rows)} rows lie"
