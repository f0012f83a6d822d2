"""What a gate found, as a document: all of it, or in short."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from guideline_benchmarks.reports.document import (
    MISSING,
    Document,
    Heading,
    Said,
    Section,
    Table,
    Tone,
)
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.gate.sentences import (
    cannot_tell,
    opening,
    remarks,
    summary_line,
)
from guideline_benchmarks.reports.layout import explained
from guideline_benchmarks.results.gate.finding import Change, Finding, Judgement, Kind

_TONES: dict[Change, Tone] = {Change.SLOWER: "bad", Change.FASTER: "good"}
_KINDS: dict[Kind, str] = {
    "cell": "cell",
    "guideline": "guideline (geometric mean of its cells)",
    "absolute": "controls, by absolute time",
}


def gate_table(judgement: Judgement, findings: Sequence[Finding], caption: str) -> Table:
    """Return findings as a table, a row each; without noise there is nothing to detect."""
    noisy = any(finding.p is not None for finding in judgement.findings)
    headings = [
        Heading("", numeric=False),
        Heading("verdict", numeric=False),
        Heading(f"{judgement.metric}, ratio" + (" [95 %]" if noisy else "")),
    ]
    if noisy:
        headings += [Heading("p"), Heading("detectable"), Heading(judgement.rests_on)]
    return explained(Table(caption, headings, [_entries(finding, noisy) for finding in findings]))


def _entries(finding: Finding, noisy: bool) -> list[str]:
    entries = [finding.row.name, finding.verdict.value, finding.text or MISSING]
    if noisy:
        smallest = finding.smallest_detectable
        entries += [
            MISSING if finding.p is None else f"{finding.p:.2g}",
            MISSING if smallest is None or finding.p is None else f"{smallest:.3f}",
            str(finding.rests_on),
        ]
    return entries


def _tables(judgement: Judgement, all_cells: bool) -> list[Table]:
    """Return one table for each kind of row; of cells, where not all, those that changed."""
    tables = []
    for kind, caption in _KINDS.items():
        rows = [finding for finding in judgement.findings if finding.row.kind == kind]
        if kind == "cell" and not all_cells:
            rows = [finding for finding in rows if finding.verdict != Change.SAME]
        if rows:
            tables.append(gate_table(judgement, rows, caption))
    return tables


def document(judgement: Judgement) -> Document:
    """Return all that a gate found, every cell of it."""
    tables = _tables(judgement, all_cells=True)
    changed = [finding for finding in judgement.findings if finding.verdict != Change.SAME]
    if changed:
        tables.insert(0, gate_table(judgement, changed, "All that is not the same"))
    return _of(
        judgement, Section("", tables=tables, notes=[*_lost(judgement), *remarks(judgement)])
    )


def short_document(judgement: Judgement) -> Document:
    """Return what a gate found in short; cells that are the same are counted, not listed."""
    verdicts = [
        Said(f"{finding.row.name} is {finding.verdict}: {finding.text}", _TONES[finding.verdict])
        for finding in judgement.having(Change.SLOWER, Change.FASTER)
    ]
    verdicts += [Said(line, "bad") for line in _lost(judgement)]
    tables = _tables(judgement, all_cells=False)
    return _of(judgement, Section("", tables=tables, verdicts=verdicts, notes=remarks(judgement)))


def _of(judgement: Judgement, section: Section) -> Document:
    return Document(
        "gate",
        judgement.title,
        [section],
        headline=summary_line(judgement),
        facts=[*opening(judgement), *judgement.facts],
        warnings=list(filter(None, [cannot_tell(judgement)])),
    )


def _lost(judgement: Judgement) -> list[str]:
    """Say which rows have no figures, and why."""
    return [
        f"{finding.row.name} has no figures: {finding.failure}."
        for finding in judgement.findings
        if finding.failure is not None
    ]


def print_judgement(judgement: Judgement, console: Console | None = None) -> None:
    """Print what a gate found, in short."""
    console = console or Console()
    console.print(Text(judgement.title, style="bold"))
    show(short_document(judgement), console)
