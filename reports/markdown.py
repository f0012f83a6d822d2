"""A report in Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from reports.heading import describe, warnings
from reports.layout import Table
from reports.sections import sections
from reports.tables import overview
from results.summary import Summary

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


def markdown(summary: Summary, plots: Mapping[str, str]) -> str:
    """Return the whole report; `plots` gives each plot's image, relative to the page."""
    parts = [f"# Guidelines on {escape(summary.run.platform.name)}"]
    parts.append("\n".join(f"- {label}: {escape(text)}" for label, text in describe(summary.run)))
    parts += [f"> **Warning.** {escape(warning)}" for warning in warnings(summary.run)]
    title, verdicts = overview(summary)
    if verdicts.rows:
        parts += [f"## {title}", markdown_table(verdicts)]
    for section in sections(summary):
        parts.append(f"## {escape(section.title)}")
        parts.append(f"{escape(section.experiment.claim)}.")
        if section.verdicts:
            parts.append("\n".join(f"- **{escape(line)}**" for line in section.verdicts))
        parts += [f"![{escape(text)}]({plots[name]})" for name, text in section.plots]
        for table in section.tables:
            parts.append(f"{escape(table.caption)}:")
            parts.append(markdown_table(table))
        parts += [escape(note) for note in section.notes]
    return "\n\n".join(parts) + "\n"
