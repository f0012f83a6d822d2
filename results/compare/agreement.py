"""How far platforms agree on the order of a table's rows."""

from __future__ import annotations

from itertools import combinations

from guideline_benchmarks.results.compare.comparison import Comparison
from guideline_benchmarks.results.compare.entrants import Entrant
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


def rank_agreements(comparison: Comparison) -> dict[tuple[str, str], float | None]:
    """Return the agreement of every two entrants, by their labels."""
    return {
        (one.label, other.label): rank_agreement(one, other)
        for one, other in combinations(comparison.entrants, 2)
    }
