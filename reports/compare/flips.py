"""What flips between the platforms of a comparison: verdicts, and rows' order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from guideline_benchmarks.reports.compare.many import is_crowded
from guideline_benchmarks.reports.compare.marks import marked
from guideline_benchmarks.reports.document import MISSING, Heading, Section, Table
from guideline_benchmarks.results.compare.comparison import Comparison
from guideline_benchmarks.results.compare.entrants import CellKey, Entrant
from guideline_benchmarks.results.compare.flips import Flip, Turn, flips

# On a terminal, and on a page of very many platforms, the most telling ones.
MOST, MOST_OF_MANY = 8, 100
MEANS = (
    "A verdict flips where both are decided, and rows whose intervals do not overlap set them "
    "apart. The order of two rows flips where their intervals tell them apart in both runs, the "
    "other way round. Intervals are of one run: another hour may lie farther apart."
)


def flip_section(comparison: Comparison, brief: bool) -> Section:
    """Return what flips, the most telling first; `brief` leaves out figures."""
    title, found = "What flips", flips(comparison)
    bare = [marked(entrant) for entrant in comparison.entrants if not entrant.has_intervals]
    notes = [f"No intervals, and so no part in this: {', '.join(bare)}."] if bare else []
    if len(comparison.entrants) - len(bare) < 2:
        return Section(title, ["Nothing can be shown to flip without two runs with intervals."])
    if not found:
        said = (
            "Nothing flips: no verdict, and no order of two rows, beyond the intervals of two runs."
        )
        return Section(title, [said], notes=notes)
    on_page = MOST_OF_MANY if is_crowded(comparison.entrants) else len(found)
    most = MOST if brief else on_page
    shown, order = found, "the most telling first"
    if len(found) > most:
        shown, order = _of_each_column(found)[:most], "the most telling of each column first"
        whole = brief and len(found) <= on_page
        place = "on the page" if whole else "in what `guidelines compare --json` prints"
        notes.insert(0, f"{len(found) - most} more are {place}.")
    headings = [
        Heading(text, numeric=False)
        for text in ("column", "between", "verdict", "the faster of two rows")
    ]
    rows = [_row(flip, brief) for flip in shown]
    caption = f"Columns on which two runs contradict each other, {order}"
    return Section(title, tables=[Table(caption, headings, rows, MEANS)], notes=notes)


def _of_each_column(found: Sequence[Flip]) -> list[Flip]:
    """Return the first flip of each column, then the second of each, and so on.

    Of boards of a few kinds, all pairs flip on the column that tells the kinds apart best.
    """
    earlier: Counter[tuple[str, int]] = Counter()
    placed = []
    for flip in found:
        column = (flip.experiment.name, flip.scale)
        placed.append((earlier[column], flip))
        earlier[column] += 1
    return [flip for _, flip in sorted(placed, key=itemgetter(0))]


def _row(flip: Flip, brief: bool) -> list[str]:
    experiment = flip.experiment
    name = experiment.short_name if brief else f"{experiment.short_name} {experiment.title}"
    return [
        f"{name}, ×{flip.scale}",
        f"{flip.one.label} → {flip.other.label}",
        " → ".join(flip.verdicts or (MISSING,)),
        (_clearest(flip.turns) if brief else _in_full(flip)) or MISSING,
    ]


def _clearest(turns: Sequence[Turn]) -> str:
    """Name the two rows whose order is clearest, and say how many others there are."""
    if not turns:
        return ""
    more = f" (and {len(turns) - 1} more)" if len(turns) > 1 else ""
    return f"{turns[0].first[1]} → {turns[0].second[1]}{more}"


def _in_full(flip: Flip) -> str:
    """Return the orders of all two rows on both entrants, with their relative speeds."""
    return "; ".join(
        f"{_order(flip.one, turn.first, turn.second)} → "
        f"{_order(flip.other, turn.second, turn.first)}"
        for turn in flip.turns
    )


def _order(entrant: Entrant, faster: CellKey, slower: CellKey) -> str:
    return " > ".join(f"{key[1]} {entrant.standings[key].relative:.3f}" for key in (faster, slower))


def flip_objects(comparison: Comparison) -> list[dict[str, Any]]:
    """Return one object for each column on which two platforms differ, as `--json` prints them.

    `verdicts` is null unless they flip; `rows` are pairs: what is faster on either platform.
    `at_least` is by how much on both, a factor.
    """
    return [
        {
            "platforms": [flip.one.label, flip.other.label],
            "experiment": flip.experiment.name,
            "scale": flip.scale,
            "verdicts": list(flip.verdicts) if flip.verdicts else None,
            "rows": [
                {"faster": [turn.first[1], turn.second[1]], "at_least": turn.factor}
                for turn in flip.turns
            ],
        }
        for flip in flips(comparison)
    ]
