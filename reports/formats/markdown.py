"""A report in Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from reports.formats.pipe_tables import escape, markdown_table
from reports.run.heading import describe, warnings
from reports.run.sections import sections
from reports.run.tables import overview
from results.tables.summary import Summary


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
