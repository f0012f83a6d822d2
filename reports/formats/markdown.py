"""A document in Markdown."""

from __future__ import annotations

from guideline_benchmarks.reports.document import Document, Section
from guideline_benchmarks.reports.formats.pipe_tables import escape, markdown_table


def markdown(document: Document, level: int = 1) -> str:
    """Return the whole document; its figures lie beside it as NAME.svg.

    `level` is that of its heading.
    """
    parts = [f"{'#' * level} {escape(document.title)}"]
    parts += [f"> **Warning.** {escape(warning)}" for warning in document.warnings]
    if document.headline:
        parts.append(f"**{escape(document.headline)}.**")
    if document.facts:
        parts.append("\n".join(f"- {label}: {escape(text)}" for label, text in document.facts))
    if document.overview:
        title, table = document.overview
        parts += [f"{'#' * level}# {escape(title)}", markdown_table(table)]
    for section in document.sections:
        parts += _section(section, level + 1)
    return "\n\n".join(parts) + "\n"


def _section(section: Section, level: int) -> list[str]:
    parts = [f"{'#' * level} {escape(section.title)}"] if section.title else []
    parts += [escape(line) for line in section.lines]
    if section.verdicts:
        parts.append("\n".join(f"- **{escape(said.text)}**" for said in section.verdicts))
    parts += [f"![{escape(text)}]({name}.svg)" for name, text in section.plots]
    for table in section.tables:
        parts += [f"{escape(table.caption)}:", markdown_table(table)]
        parts += [escape(table.note)] if table.note else []
    return [*parts, *(escape(note) for note in section.notes)]
