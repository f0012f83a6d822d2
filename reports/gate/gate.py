"""What a gate found, as tables and sentences, on the terminal and in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from reports.formats.console import WIDTH, rich_table
from reports.formats.pipe_tables import escape, markdown_table
from reports.layout import MISSING, Heading, Table
from results.gate.finding import Change, Finding, Judgement, Kind

_STYLES = {
    Change.SLOWER: "red",
    Change.FASTER: "green",
}
_KINDS: dict[Kind, str] = {
    "cell": "cell",
    "guideline": "guideline (geometric mean of its cells)",
    "absolute": "absolute time (not corrected by the controls)",
}


def remarks(judgement: Judgement) -> list[str]:
    """Return the sentences of a judgement: drift first, then what else must be known."""
    told = []
    if judgement.drifts:
        parts = []
        for name, (ratio, ends) in judgement.drifts.items():
            between = " [{:.3f}, {:.3f}]".format(*ends) if ends else ""
            parts.append(f"{name} × {ratio:.3f}{between}")
        told = [f"Drift of the machine, taken off every cell: {', '.join(parts)}."]
    return [*told, *judgement.remarks]


def summary_line(judgement: Judgement) -> str:
    """Return how many cells have each verdict: "2 cells SLOWER, 49 SAME"."""
    cells = [finding for finding in judgement.findings if finding.row.kind == "cell"]
    found = Counter(finding.verdict for finding in cells)
    counts = [f"{found[verdict]} {verdict}" for verdict in Change if found[verdict]]
    return f"Of {len(cells)} cells: {', '.join(counts) or 'nothing'}"


def gate_table(judgement: Judgement, findings: Sequence[Finding], caption: str) -> Table:
    """Return findings as a table, a row each; without noise there is nothing to detect."""
    noisy = any(finding.p is not None for finding in judgement.findings)
    headings = [
        Heading("", numeric=False),
        Heading("verdict", numeric=False),
        Heading(f"{judgement.metric}, ratio" + (" [95 %]" if noisy else "")),
    ]
    if noisy:
        headings += [Heading("p"), Heading("detectable"), Heading("blocks")]
    return Table(caption, headings, [_entries(finding, noisy) for finding in findings])


def _entries(finding: Finding, noisy: bool) -> list[str]:
    entries = [finding.row.name, finding.verdict.value, finding.text or MISSING]
    if noisy:
        known = finding.p is not None and finding.smallest_detectable is not None
        entries += [
            f"{finding.p:.2g}" if known else MISSING,
            f"{finding.smallest_detectable:.3f}" if known else MISSING,
            str(finding.blocks),
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


def print_judgement(judgement: Judgement, console: Console | None = None) -> None:
    """Print what a gate found; cells that are the same are counted, not listed."""
    console = console or Console()
    console.width = max(console.width, WIDTH)
    console.print(Text(judgement.title, style="bold"))
    for label, text in judgement.facts:
        console.print(Text(f"{label:>10}  {text}"))
    for table in _tables(judgement, all_cells=False):
        console.print(Text(f"\n{table.caption}"))
        console.print(rich_table(table))
    for finding in judgement.having(Change.SLOWER, Change.FASTER):
        line = f"{finding.row.name} is {finding.verdict}: {finding.text}"
        console.print(Text(line, style=_STYLES[finding.verdict]))
    for finding in judgement.findings:
        if finding.failure is not None:
            console.print(Text(f"{finding.row.name} has no figures: {finding.failure}.", "red"))
    for remark in remarks(judgement):
        console.print(Text(remark))
    console.print(Text(summary_line(judgement), style="bold"))


def gate_markdown(judgement: Judgement, level: int = 1) -> str:
    """Return the same as Markdown, with every cell; `level` is that of its heading."""
    parts = [f"{'#' * level} {escape(judgement.title)}", f"**{summary_line(judgement)}.**"]
    parts.append("\n".join(f"- {label}: {escape(text)}" for label, text in judgement.facts))
    tables = _tables(judgement, all_cells=True)
    changed = [f for f in judgement.findings if f.verdict != Change.SAME]
    if changed:
        tables.insert(0, gate_table(judgement, changed, "All that is not the same"))
    for table in tables:
        parts += [f"{escape(table.caption)}:", markdown_table(table)]
    parts += [
        escape(f"{finding.row.name} has no figures: {finding.failure}.")
        for finding in judgement.findings
        if finding.failure is not None
    ]
    parts += [escape(remark) for remark in remarks(judgement)]
    return "\n\n".join(parts) + "\n"
