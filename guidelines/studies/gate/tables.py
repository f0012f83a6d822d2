"""Tables of the study of the gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from guideline_benchmarks.guidelines.studies.gate import curves, neighbour
from guideline_benchmarks.guidelines.studies.gate.evidence import (
    Detection,
    Rate,
    median_minutes,
)
from guideline_benchmarks.guidelines.studies.gate.judging import Judged, Studied
from guideline_benchmarks.guidelines.studies.gate.rules import RULES
from guideline_benchmarks.reports.document import Heading, Section, Table
from guideline_benchmarks.results.gate.trial import Design

NEIGHBOUR_MIB = 4 * neighbour.ELEMENTS >> 20
# What is to be reached: at most so many A/A sessions with a false alarm, rows SAME, and found.
ALARMS, SAME, FOUND = 0.01, 0.95, {0.05: 0.99, 0.03: 0.95}
HARDEST = 6


def _named(studied: Sequence[Studied]) -> Iterator[tuple[Studied, Design, Judged]]:
    for one in studied:
        for design, found in one.judged.items():
            yield one, design, found


def rate_text(rate: Rate) -> str:
    """Return a rate in percent with its 95 % interval."""
    low, high = rate.interval
    return f"{100 * rate.share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def percent(share: float, digits: int = 1) -> str:
    """Return a share in percent."""
    return f"{100 * share:.{digits}f} %"


def failures(studied: Sequence[Studied]) -> Iterator[str]:
    """Say what was not reached, session by session and cell by cell."""
    said = False
    for one in studied:
        words = one.recorded.condition.words
        for session in one.recorded.sessions:
            if not session.found:
                said = True
                yield (
                    f"Missed, {words}: session {session.number}, {100 * session.fraction:g} % in "
                    f"{session.what}."
                )
            if session.wrongly:
                said = True
                yield (
                    f"False alarm, {words}: session {session.number} called "
                    f"{', '.join(sorted(session.wrongly))} SLOWER."
                )
        if one.recorded.condition.minutes is None:
            continue
        for what, wanted, measured, reached in _targets(one):
            if not reached:
                said = True
                yield f"Not reached, {words}: {what} is {measured}, and was to be {wanted}."
        for fraction, least in FOUND.items():
            cells = one.judged["pairs"].evidence.cells[fraction]
            missed = [cell for cell, found in cells.items() if found.found.share < least]
            if missed:
                said = True
                yield (
                    f"Of {len(cells)} cells, {len(missed)} are found in fewer than "
                    f"{percent(least, 0)} of their own resampled sessions with "
                    f"{100 * fraction:g} % more time, {words}: {', '.join(missed)}."
                )
    if not said:
        yield "Nothing of what follows was missed."


def _targets(one: Studied) -> Iterator[tuple[str, str, str, bool]]:
    """Yield what was to be reached under a condition: the words, what is wanted, what came out."""
    condition, found = one.recorded.condition, one.judged["pairs"]
    equal = found.evidence.equal
    yield (
        "A/A sessions with any false SLOWER",
        f"at most {percent(ALARMS, 0)}",
        rate_text(equal.slower),
        equal.slower.share <= ALARMS,
    )
    yield (
        f"rows SAME within {condition.minutes:g} minutes",
        f"at least {percent(SAME, 0)}",
        percent(equal.same),
        equal.same >= SAME,
    )
    for fraction, least in FOUND.items():
        rate = found.evidence.one_cell(fraction).found
        yield (
            f"{100 * fraction:g} % in one cell found within ten minutes",
            f"at least {percent(least, 0)}",
            rate_text(rate),
            rate.share >= least,
        )
    assert condition.spread is not None
    yield (
        "spread of one pair, median cell",
        f"at most {percent(condition.spread)}",
        percent(found.spread.median, 2),
        found.spread.median <= condition.spread,
    )


def targets(studied: Sequence[Studied]) -> Table:
    """Return what was to be reached, and what came out."""
    headings = [Heading("condition", numeric=False), Heading("what", numeric=False)]
    headings += [Heading("to reach"), Heading("measured"), Heading("reached", numeric=False)]
    rows = [
        [one.recorded.condition.words, what, wanted, measured, "yes" if reached else "no"]
        for one in studied
        if one.recorded.condition.minutes is not None
        for what, wanted, measured, reached in _targets(one)
    ]
    return Table("Targets, with pairs", headings, rows)


def recorded(studied: Sequence[Studied]) -> Table:
    """Return how many replicates were recorded, when, and what they took."""
    headings = [Heading("condition", numeric=False), Heading("design", numeric=False)]
    headings += [Heading("recorded"), Heading("seconds each")]
    headings += [Heading("first", numeric=False), Heading("last", numeric=False)]
    rows = []
    for one, design, _ in _named(studied):
        replicates = one.recorded.pools[design].replicates
        seconds = median(replicate.seconds for replicate in replicates)
        first, last = (replicates[at].processes[0].started for at in (0, -1))
        words = one.recorded.condition.words
        rows.append([words, design, str(len(replicates)), f"{seconds:.1f}", first, last])
    return Table("Replicates of all cells", headings, rows)


def extra_work(studied: Sequence[Studied]) -> Table:
    """Return how much the extra work really was."""
    pool = studied[0].recorded.pools["pairs"]
    rows = []
    for fraction in pool.trial.extra:
        real = 100 * pool.really_injected(fraction)
        ends = f"{real.min():.2f} % to {real.max():.2f} %"
        rows.append([f"{100 * fraction:g} %", f"{np.median(real):.2f} %", ends])
    headings = [Heading("asked for"), Heading("median of the networks"), Heading("from, to")]
    return Table("Extra work, as measured", headings, rows)


def spread_of_cells(studied: Sequence[Studied]) -> Table:
    """Return the spread of one replicate for every cell, under every condition."""
    columns = [
        (f"{design}, {one.recorded.condition.name}", found.spread)
        for one, design, found in _named(studied)
    ]
    headings = [Heading("%", numeric=False), *(Heading(name) for name, _ in columns)]
    rows = [
        ["median", *(f"{100 * spread.median:.2f}" for _, spread in columns)],
        ["worst", *(f"{100 * spread.largest:.2f}" for _, spread in columns)],
    ]
    rows += [
        [cell, *(f"{100 * spread.by_cell[cell]:.2f}" for _, spread in columns)]
        for cell in columns[0][1].by_cell
    ]
    return Table("Spread of one replicate, every cell", headings, rows)


def equal_sides(studied: Sequence[Studied]) -> Table:
    """Return how sessions of equal sides went."""
    headings = [Heading("condition", numeric=False), Heading("design", numeric=False)]
    headings += [Heading("sessions"), Heading("any row SLOWER"), Heading("any row FASTER")]
    headings += [Heading("rows INCONCLUSIVE"), Heading("rows SAME in time")]
    headings += [Heading("minutes, median"), Heading("longest")]
    rows = []
    for one, design, found in _named(studied):
        equal = found.evidence.equal
        rows.append(
            [
                one.recorded.condition.words,
                design,
                str(equal.slower.sessions),
                rate_text(equal.slower),
                rate_text(equal.faster),
                percent(equal.inconclusive),
                percent(equal.same),
                f"{median(equal.minutes):.1f}",
                f"{max(equal.minutes):.1f}",
            ]
        )
    caption = "Sessions in which the sides are the same; in time is 5 minutes when quiet, else 10"
    return Table(caption, headings, rows)


def detection(studied: Sequence[Studied]) -> Table:
    """Return how often slow-downs of one cell, of one guideline and of everything were found."""
    headings = [Heading("condition", numeric=False), Heading("design", numeric=False)]
    headings += [Heading("extra work in", numeric=False), Heading("extra work")]
    headings += [Heading("sessions"), Heading("found"), Heading("something else SLOWER")]
    headings.append(Heading("minutes, median"))
    rows = []
    for one, design, found in _named(studied):
        kinds = {
            "one cell": {f: found.evidence.one_cell(f) for f in found.evidence.cells},
            "one guideline": found.evidence.guidelines,
            "everything": found.evidence.everything,
        }
        for what, by_fraction in kinds.items():
            for fraction, detected in by_fraction.items():
                words = [one.recorded.condition.words, design, what]
                rows.append([*words, *_detected(fraction, detected)])
    return Table("Resampled sessions with a slow-down, margin 2 %", headings, rows)


def _detected(fraction: float, found: Detection) -> list[str]:
    return [
        f"{100 * fraction:g} %",
        str(found.found.sessions),
        rate_text(found.found),
        rate_text(found.others),
        f"{median_minutes(found):.1f}",
    ]


def hardest(studied: Sequence[Studied]) -> Table:
    """Return the cells whose slow-downs are found least often in pairs."""
    headings = [Heading("condition", numeric=False), Heading("cell", numeric=False)]
    headings += [Heading(f"{100 * fraction:g} % found") for fraction in FOUND]
    rows = []
    for one in studied:
        cells = one.judged["pairs"].evidence.cells
        first = next(iter(cells.values()))
        ordered = sorted(first, key=lambda cell: sum(cells[f][cell].found.hits for f in FOUND))
        rows += [
            [
                one.recorded.condition.words,
                cell,
                *(f"{c.hits} of {c.sessions}" for c in (cells[f][cell].found for f in FOUND)),
            ]
            for cell in ordered[:HARDEST]
        ]
    return Table("The cells that are hardest to tell", headings, rows)


def rules_section(studied: Sequence[Studied], plot: tuple[str, str]) -> Section:
    """Return the same data judged by the rules of other tools."""
    fractions = studied[0].recorded.pools["pairs"].trial.extra
    headings = [Heading("condition", numeric=False), Heading("rule", numeric=False)]
    headings += [Heading("samples", numeric=False), Heading("A/A sessions with an alarm")]
    headings += [Heading(f"{100 * f:g} % in one cell found") for f in fractions]
    rows = []
    for one in studied:
        for mode, scored in one.judged["pairs"].rules.items():
            for entry in scored:
                points = [entry.at(entry.rule.threshold, fraction) for fraction in fractions]
                alarms = percent(points[0].false_alarms)
                shares = [percent(point.found) for point in points]
                words = [one.recorded.condition.words, entry.rule.name, mode]
                rows.append([*words, alarms, *shares])
    caption = f"Other tools' rules, {curves.RULE_SESSIONS} sessions each"
    return Section(
        "The same data judged by other tools' rules",
        [
            "Alternating, the rules get all samples of ten minutes of whole pairs, A's and B's of "
            "the same ones: far more than the tools collect themselves, and better ordered. One "
            "after the other compares A's samples of the first half of that time with B's of the "
            "second. A process each takes the 30 samples of A in one pair and the 30 of B in "
            "another, which is nearer to how the tools are used.",
            *(f"{rule.name}: {rule.source}." for rule in RULES),
            "In the plot a rule's curve is drawn by moving its threshold, the gate's by moving its "
            "margin; the large mark is where it stands by default.",
        ],
        [plot],
        [Table(caption, headings, rows)],
    )


def statistics(studied: Sequence[Studied]) -> Table:
    """Return what other statistics make of the same replicates."""
    headings = [Heading("condition", numeric=False), Heading("design", numeric=False)]
    headings += [Heading("statistic", numeric=False), Heading("controls", numeric=False)]
    headings += [Heading("median, %"), Heading("worst, %")]
    rows = [
        [
            one.recorded.condition.words,
            design,
            spread.statistic,
            spread.controls,
            f"{100 * spread.median:.2f}",
            f"{100 * spread.largest:.2f}",
        ]
        for one, design, found in _named(studied)
        for spread in found.spreads
    ]
    return Table(
        "Standard deviation of the log ratio of one A/A replicate, over the cells", headings, rows
    )
