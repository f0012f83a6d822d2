"""Tables of the study of the gate: detection of slow-downs, and other tools' rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from guideline_benchmarks.guidelines import g1_channel_ratio, g3_fragmentation
from guideline_benchmarks.guidelines.studies.gate import evidence
from guideline_benchmarks.guidelines.studies.gate.evidence import Detection, Rate, RuleScores
from guideline_benchmarks.guidelines.studies.gate.pool import Pool
from guideline_benchmarks.guidelines.studies.gate.rules import RULES
from guideline_benchmarks.reports.document import Heading, Section, Table

# Experiments of plain convolutions, which are bound by arithmetic.
COMPUTE_BOUND = (g1_channel_ratio.EXPERIMENT.name, g3_fragmentation.EXPERIMENT.name)
ROC = ("gate_roc", "False alarms against detection: the gate's curve and those of four other rules")


def pooled(found: Iterable[Detection]) -> Rate:
    """Return the rate over several detections together."""
    rates = [detection.found for detection in found]
    return Rate(sum(rate.hits for rate in rates), sum(rate.sessions for rate in rates))


def rate_text(rate: Rate) -> str:
    """Return a rate in percent with its 95 % interval."""
    low, high = rate.interval
    return f"{100 * rate.share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def detection_table(
    cells: dict[float, dict[str, Detection]],
    guidelines: dict[tuple[str, float], Detection],
    overall: dict[float, Detection],
    compute_bound: Sequence[str],
) -> Table:
    """Return how often slow-downs of one cell, of one guideline and of everything were found.

    `compute_bound` are the cells of experiments of plain convolutions.
    """
    headings = [Heading("extra work in", numeric=False), Heading("extra work")]
    headings += [Heading("sessions"), Heading("found"), Heading("something else SLOWER")]
    headings.append(Heading("minutes, median"))
    rows = []
    for fraction, found in cells.items():
        rows.append(_detection_row("one cell", fraction, list(found.values())))
        plain = [found[cell] for cell in compute_bound if cell in found]
        rows.append(_detection_row("one cell of G1 or G3", fraction, plain))
    for fraction in cells:
        chosen = [d for (_, f), d in guidelines.items() if f == fraction]
        rows.append(_detection_row("one guideline", fraction, chosen))
    for fraction, detection in overall.items():
        rows.append(_detection_row("everything", fraction, [detection]))
    return Table("Resampled sessions with a slow-down, margin 2 %", headings, rows)


def _detection_row(what: str, fraction: float, found: Sequence[Detection]) -> list[str]:
    others = Rate(sum(d.others.hits for d in found), sum(d.others.sessions for d in found))
    minutes = np.median([s / 60 for detection in found for s in detection.seconds])
    return [
        what,
        f"{100 * fraction:g} %",
        str(others.sessions),
        rate_text(pooled(found)),
        rate_text(others),
        f"{minutes:.1f}",
    ]


def hardest_cells(cells: dict[float, dict[str, Detection]]) -> Table:
    """Return the cells whose slow-downs are found least often."""
    first = next(iter(cells.values()))
    fractions = [fraction for fraction in cells if 0.02 < fraction < 0.1]
    ordered = sorted(first, key=lambda cell: [cells[f][cell].found.share for f in fractions])[:6]
    headings = [Heading("cell", numeric=False)]
    headings += [Heading(f"{100 * fraction:g} % found") for fraction in fractions]
    rows = [
        [cell, *(f"{c.hits} of {c.sessions}" for c in (cells[f][cell].found for f in fractions))]
        for cell in ordered
    ]
    return Table("The cells that are hardest to tell", headings, rows)


def rules_section(pool: Pool, scores: Mapping[str, Sequence[RuleScores]]) -> Section:
    """Return the same data judged by the rules of other tools."""
    fractions = list(pool.trial.extra)
    headings = [Heading("rule", numeric=False), Heading("samples", numeric=False)]
    headings.append(Heading("A/A sessions with an alarm"))
    headings += [Heading(f"{100 * f:g} % in one cell found") for f in fractions]
    rows = []
    for mode, found in scores.items():
        for entry in found:
            points = [entry.at(entry.rule.threshold, fraction) for fraction in fractions]
            shares = [f"{100 * point.found:.1f} %" for point in points]
            rows.append([entry.rule.name, mode, f"{100 * points[0].false_alarms:.1f} %", *shares])
    caption = f"Other tools' rules, {evidence.RULE_SESSIONS} sessions each"
    return Section(
        "The same data judged by other tools' rules",
        [
            "Interleaved, the rules get all samples of ten minutes of full quartets, A's and B's "
            "from the same ones: far more than the tools collect themselves, and better ordered. "
            "One after the other compares A's samples of the first half of that time with B's of "
            "the second. Two processes each takes 12 samples of A from one quartet and 12 of B "
            "from another, which is nearer to how the tools are used.",
            *(f"{rule.name}: {rule.source}." for rule in RULES),
            "In the plot a rule's curve is drawn by moving its threshold, the gate's by moving its "
            "margin; the large mark is where it stands by default.",
        ],
        [ROC],
        [Table(caption, headings, rows)],
    )
