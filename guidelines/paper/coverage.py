"""Every table and figure of the paper: what of it is measured, counted or only quoted, and why."""

from __future__ import annotations

from dataclasses import dataclass

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.guidelines.experiment import Coverage
from guideline_benchmarks.reports.document import MISSING, Heading, Section, Table

# The page of all: its files, and its title.
NAME, TITLE = "paper", "The paper's tables and figures"
HOLDS_NO_TIME = "it holds no time"
HOLDS_NO_FIGURE = "it holds no figure"
DRAWN = "drawn from the modules"


@dataclass(frozen=True)
class Item:
    """A table or figure of the paper: its name, what it is of, and how it comes about here.

    `names` are the experiments that measure it.
    """

    name: str
    subject: str
    coverage: Coverage
    names: tuple[str, ...] = ()


# What no experiment measures as a table of its own.
OTHERS = (
    Item(
        "Eq. (1), (2)",
        "memory access cost",
        Coverage(counted="of every cell, with its bound", why=HOLDS_NO_TIME),
    ),
    Item(
        "Table 5",
        "architecture of ShuffleNet v2",
        Coverage(
            counted="sizes, strides, repeats, channels, multiply-adds, weights", why=HOLDS_NO_TIME
        ),
    ),
    Item(
        "Fig. 1",
        "accuracy, speed and multiply-adds",
        Coverage(
            measured="speed, with Table 8",
            counted="multiply-adds",
            quoted="accuracy; the paper's own points",
            why="no network is trained here",
        ),
    ),
    Item(
        "Fig. 3",
        "units of ShuffleNet v1 and v2",
        Coverage(counted=DRAWN, why=HOLDS_NO_FIGURE),
    ),
    Item(
        "Fig. 4 (a)",
        "feature reuse in DenseNet",
        Coverage(why="not reproduced: it shows trained weights, and no network is trained here"),
    ),
    Item(
        "Fig. 4 (b)",
        "feature reuse in ShuffleNet v2",
        Coverage(counted="by following channels through the module", why=HOLDS_NO_TIME),
    ),
    Item(
        "Appendix Table 2",
        "architecture of the large networks",
        Coverage(counted="multiply-adds, weights (guidelines networks)", why=HOLDS_NO_TIME),
    ),
    Item(
        "Appendix Fig. 1",
        "blocks of Table 3",
        Coverage(counted=DRAWN, why=HOLDS_NO_FIGURE),
    ),
    Item(
        "Appendix Fig. 2",
        "units of ShuffleNet v2 with SE and residual",
        Coverage(counted=DRAWN, why=HOLDS_NO_FIGURE),
    ),
)
APPENDIX = "Appendix "
KINDS = ("Eq.", "Table", "Fig.")


def items() -> list[Item]:
    """Return every table and figure: the paper's own, then the appendix's, tables first."""
    measured: dict[str, Item] = {}
    for name, declaration in EXPERIMENTS.items():
        experiment, coverage = declaration.experiment, declaration.coverage
        if coverage is None:
            continue
        earlier = measured.get(experiment.table)
        names = (*(earlier.names if earlier else ()), name)
        subject = coverage.subject or experiment.title
        measured[experiment.table] = Item(experiment.table, subject, coverage, names)
    return sorted([*measured.values(), *OTHERS], key=_place)


def _place(item: Item) -> tuple[bool, int, str]:
    named = item.name.removeprefix(APPENDIX)
    kind, number = named.split(maxsplit=1)
    return named != item.name, KINDS.index(kind), number


def coverage_section() -> Section:
    """Return the section that says of every table and figure how it comes about here."""
    titles = ("in the paper", "of", "measured", "counted or drawn", "quoted", "because")
    rows = [
        [
            item.name,
            item.subject,
            _measured(item),
            item.coverage.counted or MISSING,
            item.coverage.quoted or MISSING,
            item.coverage.why,
        ]
        for item in items()
    ]
    table = Table(
        "What of the paper is here, and how it comes about",
        [Heading(title, numeric=False) for title in titles],
        rows,
    )
    return Section("Coverage", tables=[table], anchor="coverage")


def coverage_lines() -> list[str]:
    """Return the same as a sentence each, for a terminal, where so wide a table has no place."""
    lines = []
    for item in items():
        coverage = item.coverage
        parts = {
            "Measured": _measured(item) if coverage.measured else "",
            "Counted": coverage.counted,
            "Quoted": coverage.quoted,
            "Why": coverage.why,
        }
        said = [f"{how}: {what}." for how, what in parts.items() if what]
        lines.append(" ".join([f"{item.name}, {item.subject}.", *said]))
    return lines


def _measured(item: Item) -> str:
    said = item.coverage.measured
    return f"{said} (run {' '.join(item.names)})" if item.names else said or MISSING
