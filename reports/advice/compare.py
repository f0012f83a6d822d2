"""Advices of several platforms side by side, as a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from guideline_benchmarks.reports.advice.wording import (
    ACCURACY,
    clipped,
    label,
    ms_text,
    network_text,
    one_line,
    percent_text,
    times,
    warnings,
)
from guideline_benchmarks.reports.document import MISSING, Document, Heading, Section, Table
from guideline_benchmarks.reports.layout import explained
from guideline_benchmarks.results.advice.compare import Aligned, aligned
from guideline_benchmarks.results.advice.judged import Finding, Judged

MEANS = (
    "A finding matters on one platform and not on another where its interval is above 0 on one, "
    "and on the other it holds 0, or is below, and lies wholly below the first; or where the other "
    "has no such finding."
)
NOWHERE = "No finding is shown to matter on one platform and not on another."
# Characters of a finding's name on a terminal, where one platform then fits into 80 columns.
NAME = 34


def compare(advices: Sequence[Judged], brief: bool = False) -> Document:
    """Return advices side by side: one column a platform, what differs first.

    What is `brief` fits a terminal: long names are cut, and alternatives are left out.
    """
    labels = _labels(advices)
    rows = aligned(advices)
    differing = [row for row in rows if row.differs]
    same = [row for row in rows if not row.differs]
    sections = [Section("The network", tables=[_whole(advices, labels)])]
    title = "What matters on one platform and not on another"
    if differing:
        sections.append(Section(title, tables=[_table(differing, labels, brief)], notes=[MEANS]))
    else:
        sections.append(Section(title, [NOWHERE], notes=[MEANS]))
    if same:
        sections.append(Section("All other findings", tables=[_table(same, labels, brief)]))
    sections.append(Section("What this does not say", [ACCURACY, *_unseen(advices, labels)]))
    # So many columns as there may be platforms have no room on paper.
    return Document(
        "advice-compare",
        f"Advice for {_model(advices)} on {', '.join(labels)}",
        sections,
        warnings=_warnings(advices, labels),
        left_out=["latex"],
        brief=brief,
    )


def _labels(advices: Sequence[Judged]) -> list[str]:
    """Return a label of each: the platform's, with the runtime or a number where that is shared."""
    labels = [label(judged) for judged in advices]
    shared = Counter(labels)
    labels = [
        f"{own}, {judged.fingerprint.software}" if shared[own] > 1 else own
        for own, judged in zip(labels, advices, strict=True)
    ]
    seen: Counter[str] = Counter()
    for index, own in enumerate(labels):
        seen[own] += 1
        labels[index] = f"{own} #{seen[own]}" if seen[own] > 1 else own
    return labels


def _model(advices: Sequence[Judged]) -> str:
    return " and ".join(dict.fromkeys(one_line(judged.advice.model) for judged in advices))


def _warnings(advices: Sequence[Judged], labels: Sequence[str]) -> list[str]:
    """Say what a reader must know first: of different networks, and of any advice by itself."""
    costs = {(judged.advice.multiply_adds, judged.advice.weights) for judged in advices}
    found = []
    if len(costs) > 1 or len({judged.advice.model for judged in advices}) > 1:
        found.append(
            "These may be different networks: their names, or their costs, are not the same."
        )
    for judged, own in zip(advices, labels, strict=True):
        found += [f"{own}: {warning}" for warning in warnings(judged)]
    return found


def _whole(advices: Sequence[Judged], labels: Sequence[str]) -> Table:
    """Return the whole network's time on each platform, and what was gained together."""
    headings = [
        Heading("platform", numeric=False),
        Heading("network", numeric=False),
        Heading("time"),
        Heading("findings"),
        Heading("applied together, gain in ms"),
        Heading("%"),
    ]
    rows = [
        [
            own,
            one_line(judged.advice.model),
            network_text(judged),
            str(len(judged.findings)),
            ms_text(judged.together.measured) if judged.together else MISSING,
            percent_text(judged.together.measured) if judged.together else MISSING,
        ]
        for own, judged in zip(labels, advices, strict=True)
    ]
    return explained(
        Table("The whole network, and what was measured of it changed", headings, rows)
    )


def _table(rows: Sequence[Aligned], labels: Sequence[str], brief: bool) -> Table:
    titles = ["", "what"] if brief else ["", "what", "instead"]
    headings = [Heading(title, numeric=False) for title in titles]
    for own in labels:
        headings += [Heading("gain, %", group=own), Heading("", group=own, numeric=False)]
    caption = "Gains in percent of the whole network on each platform, with 95 % intervals"
    return explained(Table(caption, headings, [_entries(row, brief) for row in rows]))


def _entries(row: Aligned, brief: bool) -> list[str]:
    found = row.first.found
    name = f"{one_line(found.title)}, {times(found.count)}"
    columns: list[str] = [found.guideline]
    columns += [clipped(name, NAME)] if brief else [name, one_line(row.instead) or MISSING]
    for finding, elsewhere in zip(row.findings, row.elsewhere, strict=True):
        columns += _on_one(finding, elsewhere)
    return columns


def _on_one(finding: Finding | None, elsewhere: bool) -> list[str]:
    """Return what a finding gains on one platform, and its verdict there."""
    if finding is None:
        return [MISSING, "other alternative" if elsewhere else "no finding"]
    if finding.gain is None:
        return [MISSING, finding.verdict]
    undecided = finding.gain.percent_ci95 is None
    return [percent_text(finding.gain), "undecided" if undecided else finding.verdict]


def _unseen(advices: Sequence[Judged], labels: Sequence[str]) -> list[str]:
    """Say what was not looked at, and on which platforms."""
    where: dict[str, list[str]] = {}
    for judged, own in zip(advices, labels, strict=True):
        for sentence in judged.advice.unseen:
            where.setdefault(sentence, []).append(own)
    return [f"{', '.join(names)}: {sentence}" for sentence, names in where.items()]
