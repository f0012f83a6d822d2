"""A document in LaTeX with booktabs tables, to compile or to take tables from."""

from __future__ import annotations

from itertools import groupby

from guideline_benchmarks.reports.document import Document, Section, Table

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "\n": " ",
    "×": r"$\times$", "±": r"$\pm$", "·": r"$\cdot$", "→": r"$\to$", "τ": r"$\tau$", "–": "--",
}  # fmt: skip
_PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[margin=2cm,landscape]{geometry}
\usepackage{booktabs}
\usepackage{caption}
\begin{document}
"""


def escape(text: str) -> str:
    """Return `text` so that LaTeX sets it as it is; characters it has no font for become "?"."""
    escaped = (_SPECIAL.get(character, character) for character in text)
    return "".join(part if part.isascii() else "?" for part in escaped)


def latex_table(table: Table) -> str:
    """Return one `table` environment with booktabs rules and group titles over their columns."""
    alignment = "".join("r" if heading.numeric else "l" for heading in table.headings)
    titles = [escape(heading.title) for heading in table.headings]
    lines = [
        r"\begin{table}[htbp]",
        r"\centering\small",
        rf"\caption*{{{escape(table.caption)}}}",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        *_group_lines(table),
        " & ".join(titles) + r" \\",
        r"\midrule",
        *(" & ".join(_entry(entry) for entry in row) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *([rf"\par {escape(table.note)}"] if table.note else []),
        r"\end{table}",
    ]
    return "\n".join(lines)


def _entry(text: str) -> str:
    # A row that begins with "[" would be read as an option of the line break before it.
    escaped = escape(text)
    return "{" + escaped + "}" if escaped.startswith("[") else escaped


def _group_lines(table: Table) -> list[str]:
    groups, rules, start = [], [], 1
    for title, members in groupby(table.headings, key=lambda heading: heading.group):
        width = len(list(members))
        groups.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(title)}}}")
        if title:
            rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return [" & ".join(groups) + r" \\", "".join(rules)] if rules else []


def _section(section: Section) -> str:
    lines = [rf"\section*{{{escape(section.title)}}}"] if section.title else []
    lines += [escape(line) for line in section.lines]
    said = [one.text for one in section.verdicts]
    lines += [escape(line) + r"\par" for line in (*said, *section.notes)]
    lines += [latex_table(table) for table in section.tables]
    return "\n".join([*lines, r"\clearpage"])


def latex(document: Document) -> str:
    """Return the whole document as one that pdflatex compiles; it has no plots."""
    head = [rf"\noindent Warning: {escape(warning)}\par" for warning in document.warnings]
    if document.headline:
        head.append(rf"\noindent\textbf{{{escape(document.headline)}.}}\par")
    head += [rf"\noindent {escape(label)}: {escape(text)}\par" for label, text in document.facts]
    if document.overview:
        title, table = document.overview
        head += [rf"\section*{{{escape(title)}}}", latex_table(table)]
    body = [_section(section) for section in document.sections]
    return _PREAMBLE + "\n".join([*head, *body]) + "\n\\end{document}\n"
