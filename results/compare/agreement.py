"""How far platforms agree on the order of a table's rows."""

from __future__ import annotations

from itertools import combinations

from guideline_benchmarks.results.compare.comparison import Comparison
from guideline_benchmarks.results.compare.entrants import CellKey, Entrant
from guideline_benchmarks.results.statistics.verdict import order_agreement

FEWEST_ROWS = 3


def rank_agreement(one: Entrant, other: Entrant) -> float | None:
    """Return how far two entrants agree on the order of rows: Kendall's tau-b, by columns.

    The mean over all columns of which both have at least FEWEST_ROWS rows; None without any.
    """
    columns: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for key, standing in one.standings.items():
        theirs = other.standings.get(key)
        if theirs and standing.relative is not None and theirs.relative is not None:
            pair = (standing.relative, theirs.relative)
            columns.setdefault((key[0], key[2]), []).append(pair)
    taus = [
        order_agreement([a for a, _ in pairs], [b for _, b in pairs])
        for pairs in columns.values()
        if len(pairs) >= FEWEST_ROWS
    ]
    known = [tau for tau in taus if tau is not None]
    return sum(known) / len(known) if known else None


def reversals(one: Entrant, other: Entrant) -> tuple[int, int] | None:
    """Return how many pairs of rows stand in the other order, and of how many both show an order.

    None where either has no intervals (see `shown_by_both`).
    """
    if not (one.has_intervals and other.has_intervals):
        return None
    both = shown_by_both(one, other)
    return sum(ours != theirs for ours, theirs in both.values()), len(both)


def shown_by_both(one: Entrant, other: Entrant) -> dict[tuple[CellKey, CellKey], tuple[bool, bool]]:
    """Return which two cells of a column both entrants put in an order.

    The values say whether the first of the two is the faster one, on either entrant. An order is
    shown by intervals of relative speeds that do not overlap.
    """
    ours, theirs = _shown_orders(one), _shown_orders(other)
    return {pair: (faster, theirs[pair]) for pair, faster in ours.items() if pair in theirs}


def _shown_orders(entrant: Entrant) -> dict[tuple[CellKey, CellKey], bool]:
    """Return which of two cells of a column is faster, of all whose intervals do not overlap."""
    known = [(key, s.interval) for key, s in entrant.standings.items() if s.interval]
    return {
        (key, another): low > high_of_other
        for (key, (low, high)), (another, (low_of_other, high_of_other)) in combinations(
            sorted(known), 2
        )
        if (key[0], key[2]) == (another[0], another[2])
        and (low > high_of_other or high < low_of_other)
    }


def rank_agreements(comparison: Comparison) -> dict[tuple[str, str], float | None]:
    """Return the agreement of every two entrants, by their labels."""
    return {
        (one.label, other.label): rank_agreement(one, other)
        for one, other in combinations(comparison.entrants, 2)
    }
