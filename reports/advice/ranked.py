"""The ranked table of a terminal, as many rows of it as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from guideline_benchmarks.reports.advice.wording import clipped, instead, one_line, percent_text
from guideline_benchmarks.reports.document import MISSING, Heading, Table
from guideline_benchmarks.reports.formats.dense_tables import GAP
from guideline_benchmarks.reports.layout import explained, significant
from guideline_benchmarks.results.advice.judged import Finding, Judged
from guideline_benchmarks.results.advice.ranking import standing

# Columns of text that are never fewer.
NARROWEST = 12
# Of the rows of a table that is cut, one in so many is kept for what gains nothing.
WITHOUT_GAIN = 3
# What stands for "alternative is slower" where there is little room.
SLOWER = "would be slower"

_Ranked = tuple[int, Finding]
_FIGURES = ("#", "", "×", "ms", "% [95 %]")


def ranked_table(judged: Judged, width: int, shown: int) -> Table:
    """Return the ranked table with so many findings, no wider than the terminal.

    Texts are cut to what is left of `width` beside the figures.
    """
    ranked = list(enumerate(judged.findings, 1))
    chosen = _chosen(ranked, shown)
    figures = [_figures(rank, finding) for rank, finding in chosen]
    used = sum(max(map(cell_len, column)) for column in zip(_FIGURES, *figures, strict=True))
    what, other = _widths(
        [one_line(finding.found.title) for _, finding in chosen],
        [_instead(finding) for _, finding in chosen],
        width - used - GAP * (len(_FIGURES) + 1),
    )
    rows = [
        [*entries[:2], clipped(finding.found.title, what), *entries[2:], _cut(finding, other)]
        for entries, (_, finding) in zip(figures, chosen, strict=True)
    ]
    headings = [
        Heading("#"),
        Heading("", numeric=False),
        Heading("what", numeric=False),
        *map(Heading, _FIGURES[2:]),
        Heading("instead", numeric=False),
    ]
    caption = "What obeying the guidelines gains, in ms and percent of the whole network"
    return explained(Table(caption, headings, rows), _left_out(ranked, chosen))


def _chosen(ranked: Sequence[_Ranked], shown: int) -> list[_Ranked]:
    """Choose so many findings: gains first, some rows being kept for what gains nothing."""
    gains = [one for one in ranked if _gains(one[1])]
    others = [one for one in ranked if not _gains(one[1])]
    kept = min(len(others), -(-shown // WITHOUT_GAIN))
    first = gains[: max(shown - kept, 1)]
    return [*first, *others[: shown - len(first)]]


def _gains(finding: Finding) -> bool:
    return standing(finding) in ("gain", "undecided")


def _left_out(ranked: Sequence[_Ranked], chosen: Sequence[_Ranked]) -> str:
    """Say how many findings of each verdict are left out."""
    left = [finding for rank, finding in ranked if rank not in {rank for rank, _ in chosen}]
    if not left:
        return ""
    by_verdict = {finding.verdict: 0 for finding in left}
    for finding in left:
        by_verdict[finding.verdict] += 1
    said = ", ".join(f"{count} “{verdict}”" for verdict, count in by_verdict.items())
    return f"And {len(left)} more ({said}): --all."


def _figures(rank: int, finding: Finding) -> list[str]:
    gain = finding.gain
    return [
        str(rank),
        finding.found.guideline,
        str(finding.found.count),
        significant(gain.ms) if gain else MISSING,
        percent_text(gain) if gain else MISSING,
    ]


def _instead(finding: Finding) -> str:
    """Return what to do instead, or why nothing."""
    if _gains(finding):
        return one_line(instead(finding))
    return SLOWER if standing(finding) == "slower" else finding.verdict


def _cut(finding: Finding, width: int) -> str:
    return clipped(_instead(finding), width)


def _widths(one: Sequence[str], other: Sequence[str], room: int) -> tuple[int, int]:
    """Divide room between two columns of text: each gets what it needs, or half at least."""
    needed, wanted = (max(map(cell_len, texts)) for texts in (one, other))
    room = max(room, 2 * NARROWEST)
    first = min(needed, max(room // 2, room - wanted))
    return first, min(wanted, room - first)
