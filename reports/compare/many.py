"""A comparison of more platforms than stand side by side: a line for each, not a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from guideline_benchmarks.reports.compare.marks import marked
from guideline_benchmarks.reports.document import MISSING, Heading, Table
from guideline_benchmarks.results.compare.comparison import Comparison
from guideline_benchmarks.results.compare.entrants import Entrant
from guideline_benchmarks.results.record.cells import Experiment

# So many columns are legible.
SIDE_BY_SIDE = 16


def is_crowded(entrants: Sequence[Entrant]) -> bool:
    """Whether platforms are too many to stand side by side."""
    return len(entrants) > SIDE_BY_SIDE


def turned(table: Table, entrants: Sequence[Entrant], first: str = "") -> Table:
    """Return a table whose columns are `entrants` with a line for each of them instead.

    `first` is what the first column's title becomes.
    """
    numeric = all(heading.numeric for heading in table.headings[1:])
    headings = [Heading(row[0], numeric=numeric) for row in table.rows]
    rows = [
        [marked(entrant), *(row[number] for row in table.rows)]
        for number, entrant in enumerate(entrants, 1)
    ]
    return Table(table.caption, [Heading(first, numeric=False), *headings], rows, table.note)


def verdict_counts(comparison: Comparison) -> Table:
    """Return how many columns of each guideline say what, a line for each platform."""
    experiments = comparison.experiments
    headings = [Heading("platform", numeric=False)]
    headings += [Heading(experiment.short_name, numeric=False) for experiment in experiments]
    rows = [
        [marked(entrant), *(_counted(entrant, experiment) for experiment in experiments)]
        for entrant in comparison.entrants
    ]
    return Table("How many columns of each guideline say what", headings, rows)


def _counted(entrant: Entrant, experiment: Experiment) -> str:
    said = [verdict for (name, _), verdict in entrant.verdicts.items() if name == experiment.name]
    counts = Counter(said).most_common()
    return ", ".join(f"{count} {verdict}" for verdict, count in counts) or MISSING


def introductions(entrants: Sequence[Entrant]) -> Table:
    """Return what each platform is, what its networks ran with, and how far its processes lie."""
    titles = ("platform", "processor", "software", "threads", "precision", "spread, %", "record")
    headings = [Heading(title, numeric=title in ("threads", "spread, %")) for title in titles]
    return Table("What is compared", headings, [_introduced(entrant) for entrant in entrants])


def _introduced(entrant: Entrant) -> list[str]:
    machine = entrant.fingerprint
    chip = "" if machine is None else machine.gpu.name if machine.gpu else machine.cpu_model
    spread = MISSING if entrant.spread is None else f"{100 * entrant.spread.typical:.1f}"
    return [
        marked(entrant),
        chip or MISSING,
        machine.software if machine else entrant.origin,
        str(entrant.threads or MISSING),
        entrant.precision or MISSING,
        spread,
        entrant.name,
    ]
