"""Tables in as few lines and columns as they can be read in.

────── ×1 ──────  ────── ×2 ──────
g  measured  paper  measured  paper
1       302   40.0      78.8   10.2
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest

from rich.cells import cell_len

from guideline_benchmarks.reports.document import Heading, Table

GAP = 2


@dataclass(frozen=True)
class _Column:
    """A heading with its entries, and how wide they are."""

    heading: Heading
    entries: Sequence[str]
    width: int

    def set(self, text: str) -> str:
        """Return `text` as wide as the column, figures to the right."""
        space = " " * (self.width - cell_len(text))
        return space + text if self.heading.numeric else text + space


_Group = list[_Column]


def dense_lines(table: Table, width: int) -> list[str]:
    """Return a table's lines, at most `width` wide where its columns let it.

    A table that is wider is divided at its groups of columns, each part with the labels of rows;
    one without groups at its columns, the first of which are its labels.
    """
    labels, groups = _columns(table)
    if not groups and _width(labels) > width:
        labels, groups = labels[:1], labels[1:]
    lines: list[str] = []
    for part in _parts(labels, groups, width):
        lines += _lines([*labels, *part])
    return lines


def _columns(table: Table) -> tuple[list[_Group], list[_Group]]:
    """Return the columns that belong to no group, each by itself, and the groups."""
    found = []
    # Rows may end early: experiments of one table have more scales or fewer.
    lines = zip_longest([heading.title for heading in table.headings], *table.rows, fillvalue="")
    for heading, (title, *entries) in zip(table.headings, lines, strict=True):
        found.append(_Column(heading, entries, max(map(cell_len, (title, *entries)))))
    groups = [list(members) for _, members in groupby(found, lambda c: c.heading.group)]
    alone = [[column] for group in groups for column in group if not column.heading.group]
    return alone, [_as_wide_as_its_title(group) for group in groups if group[0].heading.group]


def _as_wide_as_its_title(group: _Group) -> _Group:
    lacking = max(0, cell_len(group[0].heading.group) - _width([group]))
    return [replace(group[0], width=group[0].width + lacking), *group[1:]]


def _width(groups: Iterable[_Group]) -> int:
    """Return how wide columns are together, gaps included."""
    widths = [column.width for group in groups for column in group]
    return sum(widths) + GAP * (len(widths) - 1)


def _parts(labels: list[_Group], groups: list[_Group], width: int) -> list[list[_Group]]:
    """Divide groups into parts that fit beside the labels, one group in each at least."""
    parts: list[list[_Group]] = [[]]
    for group in groups:
        if parts[-1] and _width([*labels, *parts[-1], group]) > width:
            parts.append([])
        parts[-1].append(group)
    return parts


def _lines(groups: list[_Group]) -> list[str]:
    columns = [column for group in groups for column in group]
    gap = " " * GAP
    titles = gap.join(column.set(column.heading.title) for column in columns)
    rows = [
        gap.join(column.set(entry) for column, entry in zip(columns, row, strict=True))
        for row in zip(*(column.entries for column in columns), strict=True)
    ]
    above = gap.join(_rule(group) for group in groups).rstrip()
    head = [above, titles] if above else [titles, "─" * _width(groups)]
    return [line.rstrip() for line in (*head, *rows)]


def _rule(group: _Group) -> str:
    """Return the title of a group within a rule over its columns, spaces over other columns."""
    title = group[0].heading.group
    room = _width([group]) - cell_len(title)
    if not title:
        return " " * room
    if room < 4:
        return title + " " * room
    left = (room - 2) // 2
    return f"{'─' * left} {title} {'─' * (room - 2 - left)}"
