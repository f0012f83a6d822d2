"""What an advice says in short, for a terminal: one screen, or everything."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import Console

from guideline_benchmarks.reports.advice.document import facts
from guideline_benchmarks.reports.advice.in_full import in_full
from guideline_benchmarks.reports.advice.ranked import ranked_table
from guideline_benchmarks.reports.advice.wording import (
    ACCURACY,
    clipped,
    costs_line,
    fused_line,
    headline,
    not_seen,
    nothing_applied,
    title,
    together_line,
    warnings,
)
from guideline_benchmarks.reports.document import Document, Section
from guideline_benchmarks.reports.formats.terminal import WIDTH, show
from guideline_benchmarks.results.advice.judged import Judged

# A screen: columns and lines, one of which the shell's prompt takes.
COLUMNS, LINES = 80, 24
# Characters of a sentence on one screen.
SENTENCE = 150


def print_advice(judged: Judged, everything: bool = False, console: Console | None = None) -> None:
    """Print an advice on the terminal: on one screen of it, or everything."""
    console = console or Console()
    width, lines = console.width, console.height
    if not console.is_terminal:
        width, lines = max(width, WIDTH), LINES
    show(brief(judged, everything, width, lines), console)


def brief(
    judged: Judged, everything: bool = False, width: int = COLUMNS, lines: int = LINES
) -> Document:
    """Return what a terminal of so many columns and lines shows of an advice.

    Without `everything` it fits one screen, and says how much is left out.
    """
    if everything:
        return _everything(judged, width)
    candidates = list(_candidates(judged, width, lines))
    fitting = (one for one in candidates if _lines(one, width) < lines)
    return next(fitting, candidates[-1])


def _candidates(judged: Judged, width: int, lines: int) -> Iterator[Document]:
    """Yield documents of one screen, from the longest that may fit to the shortest."""
    most = min(len(judged.findings), lines)
    yield _short(judged, width, most, max(len(judged.advice.unseen), 1))
    for shown in range(most, 0, -1):
        yield _short(judged, width, shown, 1)


def _lines(document: Document, width: int) -> int:
    """Return how many lines a document has on a terminal of so many columns."""
    text = io.StringIO()
    show(document, Console(file=text, width=width, force_terminal=True))
    return text.getvalue().count("\n")


def _short(judged: Judged, width: int, shown: int, unseen: int) -> Document:
    """Return an advice with so many findings and sentences on what was not looked at."""
    sentences = [clipped(sentence, SENTENCE) for sentence in not_seen(judged)]
    more = [f"(And {len(sentences) - unseen} more: --all.)"] if len(sentences) > unseen else []
    notes = [
        clipped(fused_line(judged), SENTENCE),
        costs_line(judged),
        ACCURACY,
        " ".join(
            [*(["Not looked at:"] if judged.advice.unseen else []), *sentences[:unseen], *more]
        ),
    ]
    return _of(judged, _first(judged, width, shown, notes))


def _everything(judged: Judged, width: int) -> Document:
    """Return the whole table, all that is said of the network, and each finding in full."""
    notes = [fused_line(judged), costs_line(judged), ACCURACY]
    first = _first(judged, width, len(judged.findings), notes)
    findings = [in_full(judged, rank, one) for rank, one in enumerate(judged.findings, 1)]
    unseen = Section("What was not looked at", not_seen(judged))
    return replace(_of(judged, first, *findings, unseen), facts=facts(judged))


def _first(judged: Judged, width: int, shown: int, notes: Sequence[str]) -> Section:
    """Return the ranked table, what was applied together, and notes."""
    together = judged.together
    return Section(
        "",
        tables=[ranked_table(judged, width, shown)] if judged.findings else [],
        verdicts=[together_line(judged, together)] if together else [],
        notes=[*([] if together else [nothing_applied(judged)]), *notes],
    )


def _of(judged: Judged, *sections: Section) -> Document:
    return Document(
        "advice",
        title(judged),
        sections,
        headline=headline(judged),
        warnings=warnings(judged),
        brief=True,
    )
