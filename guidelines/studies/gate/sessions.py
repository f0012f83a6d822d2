"""Whole sessions of the study: each measured from its first replicate to its last verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guideline_benchmarks.guidelines.studies.gate.pool import SessionOutcome
from guideline_benchmarks.reports.document import Heading, Table
from guideline_benchmarks.results.gate.finding import Change


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

    @property
    def found(self) -> bool:
        """Whether what was put into it was found; True where nothing was."""
        return not self.wanted or bool(self.wanted & self.outcome.alarms())

    @property
    def wrongly(self) -> set[str]:
        """The rows that were called SLOWER though nothing in them was."""
        return self.outcome.alarms() - self.slower


def sessions_table(caption: str, whole: Sequence[WholeSession]) -> Table:
    """Return whole sessions in the order in which they were measured."""
    headings = [Heading("session"), Heading("extra work in B", numeric=False)]
    headings += [Heading("minutes"), Heading("pairs"), Heading("found", numeric=False)]
    headings += [Heading("called SLOWER", numeric=False), Heading("wrongly SLOWER")]
    headings += [Heading("FASTER"), Heading("INCONCLUSIVE")]
    return Table(caption, headings, [_row(session) for session in whole])


def _row(session: WholeSession) -> list[str]:
    alarms = sorted(session.outcome.alarms())
    shown = ", ".join(alarms[:3]) + (f" and {len(alarms) - 3} more" if len(alarms) > 3 else "")
    verdicts = [finding.verdict for finding in session.outcome.findings]
    return [
        str(session.number),
        f"{100 * session.fraction:g} % in {session.what}" if session.wanted else "none",
        f"{session.outcome.seconds / 60:.1f}",
        str(session.outcome.replicates),
        ("yes" if session.found else "no") if session.wanted else "–",
        shown or "–",
        str(len(session.wrongly)),
        str(verdicts.count(Change.FASTER)),
        str(verdicts.count(Change.INCONCLUSIVE)),
    ]
