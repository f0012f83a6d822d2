"""What is said to readers, as plain data: a document of sections, whatever it is of.

Builders make documents (of a run, a comparison, a history, a gate, a study); formats set them, each
of them any document (reports/formats).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    # What draws takes long to import, and what is read on a terminal does not need it.
    from matplotlib.figure import Figure

MISSING = "–"
Tone = Literal["good", "bad", "open", "plain"]


@dataclass(frozen=True)
class Heading:
    """A column's title, under a `group` title that neighbouring columns may share."""

    title: str
    group: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A caption, headings, and rows of text, one entry for each heading; a `note` stands below."""

    caption: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Said:
    """A sentence that decides something, and how: a guideline holds (good), a cell slows (bad)."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Section:
    """A part of a document: sentences, plots, tables, what they decide, and notes.

    `plots` are names of the document's figures, with what they show in words. `anchor` is what
    links name it by. A section without a title goes on where the one before ends.
    """

    title: str
    lines: Sequence[str] = ()
    plots: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
    verdicts: Sequence[Said] = ()
    notes: Sequence[str] = ()
    anchor: str = ""


@dataclass(frozen=True)
class Document:
    """All that is said of one thing; `name` is that of its files.

    `headline` is what it comes to in one clause, `facts` are labels with texts, `warnings` what a
    reader must know before trusting any figure, `overview` a title and a table of all verdicts.

    `figures` are drawn and written beside it, and are found in `drawings` as SVG once they were.
    `data` are further files by name. `left_out` names the formats that it is not written in. A
    `brief` document is what a terminal shows of a longer one.
    """

    name: str
    title: str
    sections: Sequence[Section]
    headline: str = ""
    facts: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    overview: tuple[str, Table] | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    drawings: Mapping[str, bytes] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    left_out: Collection[str] = ()
    brief: bool = False
