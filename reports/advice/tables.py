"""The tables of an advice: findings, their alternatives, and where and why they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from guideline_benchmarks.reports.advice.in_full import shapes_text
from guideline_benchmarks.reports.advice.wording import (
    TITLES,
    instead,
    ms_text,
    one_line,
    percent_text,
)
from guideline_benchmarks.reports.document import MISSING, Heading, Table
from guideline_benchmarks.reports.layout import excess, explained, millions, significant
from guideline_benchmarks.results.advice.json_object import after
from guideline_benchmarks.results.advice.judged import Finding, Gain, Judged, Together
from guideline_benchmarks.results.advice.ranking import (
    Standing,
    alternatives,
    ranks,
    standing,
)

_FIRST = (Heading("#"), Heading("guideline", numeric=False))
WHOLE = (
    "Gains are of all places together, in ms and in percent of the whole network's time, with 95 % "
    "intervals. # is the number in the bar."
)


def listed(judged: Judged) -> dict[Standing, list[tuple[int, Finding]]]:
    """Return findings with their ranks by how they are listed, what is empty left out."""
    ranked = list(enumerate(judged.findings, 1))
    kinds: tuple[Standing, ...] = get_args(Standing)
    found = {kind: [one for one in ranked if standing(one[1]) == kind] for kind in kinds}
    return {kind: members for kind, members in found.items() if members}


def ranked_tables(judged: Judged) -> list[Table]:
    """Return a table for each way in which findings are listed."""
    return [
        _not_measured(members) if kind == "not measured" else _ranked(TITLES[kind], members)
        for kind, members in listed(judged).items()
    ]


def _ranked(title: str, members: Sequence[tuple[int, Finding]]) -> Table:
    headings = [
        *_FIRST,
        Heading("what", numeric=False),
        Heading("times"),
        Heading("takes, ms"),
        Heading("gain, ms"),
        Heading("gain, %"),
        Heading("instead", numeric=False),
    ]
    rows = [
        [
            *_start(rank, finding),
            str(finding.found.count),
            MISSING if finding.ms is None else significant(finding.ms),
            *gain_entries(finding.gain),
            one_line(instead(finding)),
        ]
        for rank, finding in members
    ]
    return explained(Table(title, headings, rows))


def _not_measured(members: Sequence[tuple[int, Finding]]) -> Table:
    headings = [*_FIRST, Heading("what", numeric=False), Heading("times")]
    headings.append(Heading("why it was not measured", numeric=False))
    rows = [
        [
            *_start(rank, finding),
            str(finding.found.count),
            one_line(finding.found.unmeasured) or MISSING,
        ]
        for rank, finding in members
    ]
    return Table(TITLES["not measured"], headings, rows)


def _start(rank: int, finding: Finding) -> list[str]:
    return [str(rank), finding.found.guideline, one_line(finding.found.title)]


def gain_entries(gain: Gain | None) -> list[str]:
    """Return a gain in ms and in percent, dashes where there is none."""
    return [MISSING, MISSING] if gain is None else [ms_text(gain), percent_text(gain)]


def alternatives_table(judged: Judged) -> Table:
    """Return all alternatives with their gains, and what the whole network would then cost."""
    headings = [
        Heading("#"),
        Heading("instead", numeric=False),
        Heading("gain, ms"),
        Heading("gain, %"),
        Heading("multiply-adds, M"),
        Heading("weights, M"),
        Heading("fits in place", numeric=False),
    ]
    rows = [
        [
            str(rank),
            one_line(one.text),
            *gain_entries(gain),
            *map(_then, after(judged, finding, one), _before(judged)),
            "yes" if one.in_place else "no",
        ]
        for rank, finding in enumerate(judged.findings, 1)
        for one, gain in alternatives(finding)
    ]
    multiply_adds, weights = map(millions, _before(judged))
    caption = (
        "Every alternative by itself, in all its places: what it gains, and the whole network's "
        f"multiply-adds (before: {multiply_adds} M) and weights (before: {weights} M) with it"
    )
    return explained(
        Table(caption, headings, rows),
        "What fits in place needs no other change of the network. The first alternative of each "
        "finding obeys the guideline.",
    )


def _before(judged: Judged) -> tuple[int, int]:
    return judged.advice.multiply_adds, judged.advice.weights


def _then(after: int, before: int) -> str:
    return f"{millions(after)} ({excess(after, before)})" if before else millions(after)


def reasons_table(judged: Judged) -> Table:
    """Return why each finding is one, and what one of its places costs."""
    headings = [
        *_FIRST,
        Heading("why", numeric=False),
        Heading("inputs", numeric=False),
        Heading("outputs", numeric=False),
        Heading("multiply-adds, M"),
        Heading("MAC, M elements"),
        Heading("MAC / bound"),
        Heading("weights, M"),
    ]
    rows = [
        [
            str(rank),
            finding.found.guideline,
            one_line(finding.found.why),
            shapes_text(finding.found.inputs),
            shapes_text(finding.found.outputs),
            millions(finding.found.multiply_adds),
            millions(finding.found.memory_access_cost),
            _over_bound(finding),
            millions(finding.found.weights),
        ]
        for rank, finding in enumerate(judged.findings, 1)
    ]
    caption = "Why, and what one place costs; MAC is the memory access cost, the bound Eq. (1)'s"
    return Table(caption, headings, rows)


def _over_bound(finding: Finding) -> str:
    """Return how many times its bound a place's memory access cost is."""
    bound = finding.found.memory_access_bound
    # A bound is of elements, of which there is one at least.
    return MISSING if not bound or bound < 1 else f"{finding.found.memory_access_cost / bound:.2f}"


def places_table(judged: Judged) -> Table:
    """Return the nodes of every place."""
    rows = [
        [str(rank), str(number), ", ".join(map(one_line, place))]
        for rank, finding in enumerate(judged.findings, 1)
        for number, place in enumerate(finding.found.places, 1)
    ]
    headings = [Heading("#"), Heading("place"), Heading("nodes", numeric=False)]
    return Table("Where: the names of the nodes of each place", headings, rows)


def together_table(judged: Judged, together: Together) -> Table:
    """Return what was applied together: predicted by the sum, and measured."""
    gains = {"sum of the gains": together.predicted, "measured": together.measured}
    headings = [Heading("", numeric=False), Heading("gain, ms"), Heading("gain, %")]
    rank_of = ranks(judged)
    done = "; ".join(
        f"#{rank_of[number]}: {one_line(text)}"
        for number, text in zip(together.findings, together.texts, strict=True)
    )
    rows = [[name, *gain_entries(gain)] for name, gain in gains.items()]
    return explained(Table("Applied to the whole network together", headings, rows), f"{done}.")
