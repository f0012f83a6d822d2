"""The page that shows how far the gate can be trusted, with its plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from guideline_benchmarks.guidelines.studies.gate import evidence
from guideline_benchmarks.guidelines.studies.gate.evidence import RuleScores
from guideline_benchmarks.guidelines.studies.gate.plots import Curve, power_plot, roc_plot
from guideline_benchmarks.guidelines.studies.gate.pool import Pool, SessionOutcome
from guideline_benchmarks.guidelines.studies.gate.tables import (
    COMPUTE_BOUND,
    ROC,
    detection_table,
    hardest_cells,
    pooled,
    rate_text,
    rules_section,
)
from guideline_benchmarks.reports.document import Document, Heading, Section, Table
from guideline_benchmarks.reports.formats.images import image
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.results.gate.finding import Change
from guideline_benchmarks.results.gate.trial import TrialProtocol
from guideline_benchmarks.results.store.files import write_file

TITLE = "How far the gate can be trusted"
POWER = ("gate_power", "Share of sessions that found a slow-down, by its size")


@dataclass(frozen=True)
class WholeSession:
    """A session measured from beginning to end; `what` and `fraction` say what was slower in it.

    `wanted` are the rows of which one has to be SLOWER (none where nothing was slower), `slower`
    all rows that rightly may be.
    """

    number: int
    fraction: float
    what: str
    wanted: frozenset[str]
    slower: frozenset[str]
    outcome: SessionOutcome


def write_page(pool: Pool, whole: Sequence[WholeSession], page: Path) -> Path:
    """Judge recorded quartets and whole sessions; write the page, its plots beside it; return it.

    Raises the errors of results.store.files.write_file.
    """
    protocol = pool.trial.protocol
    scores = {
        mode: evidence.rule_scores(pool, protocol.max_seconds, mode) for mode in evidence.MODES
    }
    cells = {f: evidence.cell_detection(pool, f, protocol) for f in pool.trial.extra}
    guidelines = {
        (name, f): evidence.guideline_detection(pool, name, f, protocol)
        for name in dict.fromkeys(cell.split("/")[0] for cell in pool.cells)
        for f in pool.trial.extra
    }
    overall = {f: evidence.overall_detection(pool, f, protocol) for f in pool.trial.extra}
    sections = [
        _measured(pool),
        Section(
            "Whole sessions",
            [
                "Each was measured from its first quartet to its last verdict, with real extra "
                "work in side B."
            ],
            tables=[_sessions(whole)],
        ),
        _false_alarms(pool, whole, protocol),
        Section(
            "Detection",
            [
                "Resampled sessions with extra work in one cell, in one guideline, in everything. "
                "A cell counts as found where it is SLOWER itself, a guideline where its geometric "
                "mean is, everything where a control is (by absolute time). What was really added "
                "differs a little (see above): of 2 % asked for, some networks got just more than "
                "the margin, and are rightly called SLOWER now and then."
            ],
            [POWER],
            [
                detection_table(cells, guidelines, overall, pool.members(*COMPUTE_BOUND)),
                hardest_cells(cells),
            ],
        ),
        rules_section(pool, scores),
        _statistic(pool),
    ]
    power = {f: pooled(found.values()) for f, found in cells.items()}
    drawn = {
        ROC[0]: roc_plot(_curves(pool, scores, protocol)),
        POWER[0]: power_plot(
            {
                "one cell": power,
                "one guideline": {
                    f: pooled([d for (_, g), d in guidelines.items() if g == f]) for f in power
                },
                "everything": {f: detection.found for f, detection in overall.items()},
            }
        ),
    }
    for name, figure in drawn.items():
        write_file(page.parent / f"{name}.svg", image(figure, "svg"), "--page")
    write_file(page, markdown(Document(page.stem, TITLE, sections)), "--page")
    return page


def _measured(pool: Pool) -> Section:
    """Say what was recorded, and how much the extra work really was."""
    trial = pool.trial
    machine = trial.a.fingerprint
    first = pool.quartets[0].processes[0].started
    last = pool.quartets[-1].processes[-1].started
    rows = []
    for fraction in trial.extra:
        real = 100 * pool.really_injected(fraction)
        ends = f"{real.min():.2f} % to {real.max():.2f} %"
        rows.append([f"{100 * fraction:g} %", f"{np.median(real):.2f} %", ends])
    headings = [Heading("asked for"), Heading("median of the networks"), Heading("from, to")]
    seconds = float(np.mean([quartet.seconds for quartet in pool.quartets]))
    return Section(
        "What was recorded",
        [
            f"{len(pool.quartets)} quartets of four fresh processes, A B B A, of all "
            f"{len(pool.cells)} cells, {first} to {last}, on {machine.hostname}: "
            f"{machine.cpu_model}, {machine.cores} cores, {machine.virtualisation or 'bare'}; "
            f"{seconds:.1f} s a quartet.",
            "Both sides are the same. After each execution a worker multiplies small matrices that "
            "stay in the first-level cache, and reads the clock at 2, 3, 5 and 10 % of the "
            "network's time: work really done, in the same sample. Which step of side B counts is "
            "chosen afterwards, so the same quartets serve as A/A and as every slow-down of every "
            "cell. What is added is arithmetic; a slow-down by memory traffic might be noisier.",
            "Resampled sessions string recorded quartets together in runs of neighbours "
            "(stationary bootstrap, five quartets on average), go through the very procedure of "
            "guidelines ab, and end when their quartets would have taken ten minutes. The noise in "
            "them is that of the recording and no other: see the whole sessions for other hours. "
            "Their intervals (Clopper and Pearson's) take sessions for independent, which those "
            "drawn from the same quartets are not.",
        ],
        tables=[Table("Extra work, as measured", headings, rows)],
    )


def _statistic(pool: Pool) -> Section:
    """Say what the gate's statistic gains over simpler ones, on the same quartets."""
    headings = [Heading("a process's figure", numeric=False)]
    headings += [Heading("controls", numeric=False), Heading("median, %"), Heading("largest, %")]
    rows = [
        [s.statistic, s.controls, f"{100 * s.median:.2f}", f"{100 * s.largest:.2f}"]
        for s in evidence.spreads(pool)
    ]
    caption = "Standard deviation of the log ratio of one A/A quartet, over the cells"
    return Section("What the statistic gains", tables=[Table(caption, headings, rows)])


def _sessions(whole: Sequence[WholeSession]) -> Table:
    headings = [Heading("session"), Heading("extra work in B", numeric=False)]
    headings += [Heading("minutes"), Heading("quartets"), Heading("found", numeric=False)]
    headings += [Heading("called SLOWER", numeric=False), Heading("wrongly SLOWER")]
    headings += [Heading("FASTER"), Heading("INCONCLUSIVE")]
    rows = []
    for session in whole:
        verdicts = [finding.verdict for finding in session.outcome.findings]
        called = session.outcome.alarms()
        alarms = sorted(called)
        shown = ", ".join(alarms[:3]) + (f" and {len(alarms) - 3} more" if len(alarms) > 3 else "")
        found = "–" if not session.wanted else "yes" if session.wanted & called else "no"
        what = f"{100 * session.fraction:g} % in {session.what}" if session.wanted else "none"
        counts = [len(called - session.slower), verdicts.count(Change.FASTER)]
        counts.append(verdicts.count(Change.INCONCLUSIVE))
        minutes = f"{session.outcome.seconds / 60:.1f}"
        entries = [
            str(session.number),
            what,
            minutes,
            str(session.outcome.quartets),
            found,
            shown or "–",
        ]
        rows.append([*entries, *map(str, counts)])
    return Table("Whole sessions, in the order they were measured", headings, rows)


def _false_alarms(pool: Pool, whole: Sequence[WholeSession], protocol: TrialProtocol) -> Section:
    played = evidence.false_alarms(pool, protocol)
    slower = evidence.any_called(played, Change.SLOWER)
    faster = evidence.any_called(played, Change.FASTER)
    open_rows = [
        sum(finding.verdict == Change.INCONCLUSIVE for finding in session.findings)
        for session in played
    ]
    minutes = [session.seconds / 60 for session in played]
    quiet = [session.outcome for session in whole if not session.wanted]
    real_slower = evidence.any_called(quiet, Change.SLOWER)
    real_faster = evidence.any_called(quiet, Change.FASTER)
    headings = [Heading("of A/A sessions", numeric=False), Heading("resampled")]
    headings.append(Heading("whole"))
    rows = [
        ["sessions", str(len(played)), str(len(quiet))],
        ["with any row called SLOWER", rate_text(slower), f"{real_slower.hits} of {len(quiet)}"],
        ["with any row called FASTER", rate_text(faster), f"{real_faster.hits} of {len(quiet)}"],
        ["rows left INCONCLUSIVE, mean", f"{np.mean(open_rows):.2f}", "see above"],
        [
            "minutes, median and longest",
            f"{np.median(minutes):.1f}, {max(minutes):.1f}",
            "see above",
        ],
    ]
    return Section(
        "False alarms",
        tables=[Table("Sessions in which the sides are the same", headings, rows)],
    )


def _curves(
    pool: Pool, scores: Mapping[str, Sequence[RuleScores]], protocol: TrialProtocol
) -> dict[tuple[str, float], list[Curve]]:
    """Return the curves of the gate and of the rules, by how these got samples, and slow-down."""
    curves = {}
    for fraction in evidence.CURVE_FRACTIONS:
        own = evidence.gate_curve(pool, fraction, protocol)
        operating = next(point for point in own if point.setting == protocol.margin)
        for mode in (evidence.MODES[0], evidence.MODES[-1]):
            curves[mode, fraction] = [
                Curve("guidelines ab", own, operating),
                *(
                    Curve(s.rule.name, s.curve(fraction), s.at(s.rule.threshold, fraction))
                    for s in scores[mode]
                ),
            ]
    return curves
