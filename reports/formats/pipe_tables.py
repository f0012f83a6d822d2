"""Tables and text in Markdown."""

from __future__ import annotations

from guideline_benchmarks.reports.document import Table

_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#"} | {"\n": " "})


def escape(text: str) -> str:
    """Return `text` so that Markdown shows it as it is."""
    return text.translate(_SPECIAL)


def markdown_table(table: Table) -> str:
    """Return a pipe table; group titles join the column's own."""
    titles = [f"{heading.group} {heading.title}".strip() for heading in table.headings]
    rules = ["---:" if heading.numeric else ":---" for heading in table.headings]
    lines = [[escape(title) for title in titles], rules]
    lines += [[escape(entry) for entry in row] for row in table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
