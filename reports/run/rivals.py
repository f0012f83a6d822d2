"""Which networks win at equal multiply-adds, here and in the paper, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from guideline_benchmarks.reports.document import MISSING, Heading, Said, Table
from guideline_benchmarks.reports.layout import explained, interval_text, scale_title
from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.tables.rivals import Apart, Swap, orders_of, spreads_of

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.tables.summary import Column

# So many swaps are told in words; the file swaps.csv has all.
MOST_TOLD = 3
BY_THESE_TWO = (
    "Which are the fastest and the slowest, this run's own medians say, and intervals are of these "
    "two; per multiply-add they may be others."
)


def rival_tables(
    columns: Sequence[Column],
    platforms: Collection[str] = PAPER_PLATFORMS,
    short: bool = False,
) -> list[Table]:
    """Return how rivals are ordered and how far they lie apart; none where rows are no rivals.

    Orders are laid beside those on these of the paper's platforms, by channel set. In `short`, it
    is not said which network is the fastest and which the slowest.
    """
    if not columns[0].experiment.rivals:
        return []
    return [*_orders(columns, platforms), _spreads(columns, short)]


def swap_lines(
    columns: Sequence[Column], platforms: Collection[str] = PAPER_PLATFORMS
) -> list[Said]:
    """Say which pairs stand in another order here than on these of the paper's platforms.

    Those alone whose interval shows it, a sentence for each column and platform that has any.
    """
    if not columns[0].experiment.rivals:
        return []
    return [
        Said(
            f"{scale_title(column)}, against the {PAPER_PLATFORMS[order.channels]}: "
            f"{_swaps_text(order.swaps)}"
        )
        for column in columns
        for order in orders_of(column)
        if order.swaps and order.channels in platforms
    ]


def _swaps_text(swaps: Sequence[Swap]) -> str:
    told = "; ".join(
        f"{swap.faster} is ×{swap.ratio:.2f} {interval_text(swap.ci95, '{:.2f}'.format)} as fast "
        f"as {swap.slower} (paper: ×{swap.published:.2f})"
        for swap in swaps[:MOST_TOLD]
    )
    more = len(swaps) - MOST_TOLD
    return f"{told}; and {more} more." if more > 0 else f"{told}."


def _orders(columns: Sequence[Column], platforms: Collection[str]) -> list[Table]:
    """Return a row for each column and each of these platforms that has speeds of it."""
    rows = [
        [
            scale_title(column),
            PAPER_PLATFORMS[order.channels],
            MISSING if order.tau is None else f"{order.tau:+.2f}",
            str(order.pairs),
            str(order.reversed_),
            str(len(order.swaps)),
        ]
        for column in columns
        for order in orders_of(column)
        if order.channels in platforms
    ]
    headings = [Heading("column", numeric=False), Heading("the paper's", numeric=False)]
    headings += [Heading(title) for title in ("τ", "pairs", "swapped", "shown by intervals")]
    caption = (
        "Order here and in the paper: of the pairs that the paper tells apart, those that stand in "
        "the other order here, and those whose 95 % interval shows it"
    )
    return [Table(caption, headings, rows)] if rows else []


def _spreads(columns: Sequence[Column], short: bool) -> Table:
    """Return how many times as fast the fastest network of each column is as the slowest."""
    spreads = [(scale_title(column), spreads_of(column)) for column in columns]
    known = [c for c in PAPER_PLATFORMS if any(c in found.published for _, found in spreads)]
    places = ["here", *(f"paper {channels.upper()}" for channels in known)]
    headings = [Heading("column", numeric=False), Heading("m.-a.")]
    for group in ("in speed", "per multiply-add"):
        headings += [Heading(place, group) for place in places]
    if not short:
        headings += [Heading(title, "here", numeric=False) for title in ("fastest", "slowest")]
    rows = []
    for title, found in spreads:
        row = [title, f"×{found.multiply_adds:.2f}"]
        for here, published in (
            (found.here, found.published),
            (found.here_by_work, found.published_by_work),
        ):
            row += [_times(here), *(_times(published.get(channels)) for channels in known)]
        if not short:
            row += [found.here.fastest, found.here.slowest] if found.here else [MISSING] * 2
        rows.append(row)
    caption = (
        "Same multiply-adds, different speed: a column's most over its least, in multiply-adds "
        "(m.-a.), in speed, and in multiply-adds a second, with 95 % intervals"
    )
    return explained(Table(caption, headings, rows), BY_THESE_TWO)


def _times(apart: Apart | None) -> str:
    if apart is None:
        return MISSING
    return f"×{apart.ratio:.2f} {interval_text(apart.ci95, '{:.2f}'.format)}".rstrip()
