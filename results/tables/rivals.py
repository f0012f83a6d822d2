"""Which of a column's rivals win, here and in the paper, and how far speeds lie apart.

Of runs that were timed: counts have no intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.statistics import intervals
from guideline_benchmarks.results.statistics.verdict import Interval, order_agreement
from guideline_benchmarks.results.tables.summary import CellResult, Column, Timing


@dataclass(frozen=True)
class Swap:
    """Two rows that the paper puts in one order, and this platform in the other.

    `ratio` is the speed of the row that is `faster` here over that of the `slower` one, with its
    95 % interval, which lies above 1; `published` is the paper's ratio, below 1.
    """

    faster: str
    slower: str
    ratio: float
    ci95: Interval
    published: float


@dataclass(frozen=True)
class Order:
    """How the rows of a column stand here and on one of the paper's platforms, its channel set's.

    Of the `pairs` that have other speeds in the paper, so many are `reversed_` here by their
    median ratio, and `swaps` are those of which the interval shows it, the farthest apart first.
    `tau` is Kendall's.
    """

    channels: str
    pairs: int
    reversed_: int
    swaps: Sequence[Swap]
    tau: float | None


@dataclass(frozen=True)
class Apart:
    """The fastest and the slowest row of a column, and how many times as fast the former is.

    The 95 % interval is of these two, None where they are published, or one process was measured.
    """

    fastest: str
    slowest: str
    ratio: float
    ci95: Interval | None = None


@dataclass(frozen=True)
class Spreads:
    """How far a column's rows lie apart in speed, and in multiply-adds a second.

    Measured here, and published by channel set; None where fewer than two rows have figures.
    `multiply_adds` is how many times as many multiply-adds the costliest row has as the cheapest.
    """

    multiply_adds: float
    here: Apart | None
    here_by_work: Apart | None
    published: dict[str, Apart]
    published_by_work: dict[str, Apart]


def orders_of(column: Column) -> list[Order]:
    """Return how a column's rows stand against each of the paper's platforms that has speeds."""
    found = []
    for channels in PAPER_PLATFORMS:
        known = [
            (result.cell.row, result.timing, speed)
            for result in column.results
            if result.timing and (speed := _published(channels, result))
        ]
        if len(known) > 1:
            found.append(_order(channels, known))
    return found


def spreads_of(column: Column) -> Spreads:
    """Return how far a column's rows lie apart, here and on the paper's platforms."""
    results, work = column.results, [result.cell.multiply_adds for result in column.results]
    spreads = {c: _apart(results, partial(_published, c)) for c in PAPER_PLATFORMS}
    by_work = {c: _apart(results, partial(_work_published, c)) for c in PAPER_PLATFORMS}
    return Spreads(
        multiply_adds=max(work) / min(work),
        here=_measured_apart(results, lambda _: 1.0),
        here_by_work=_measured_apart(results, lambda result: float(result.cell.multiply_adds)),
        published={channels: apart for channels, apart in spreads.items() if apart},
        published_by_work={channels: apart for channels, apart in by_work.items() if apart},
    )


def _published(channels: str, result: CellResult) -> float | None:
    """Return a row's published speed on the platform of a channel set."""
    quoted = result.cell.quoted
    published = quoted.speeds.get(channels) if quoted else None
    return published.speed if published else None


def _work_published(channels: str, result: CellResult) -> float | None:
    """Return a published speed times the published multiply-adds of one image."""
    quoted, speed = result.cell.quoted, _published(channels, result)
    return speed * quoted.multiply_adds if speed and quoted and quoted.multiply_adds else None


def _order(channels: str, known: Sequence[tuple[str, Timing, float]]) -> Order:
    pairs, reversed_, swaps = 0, 0, []
    for one, other in combinations(known, 2):
        # The one that is slower in the paper first.
        (row, own, speed), (another, theirs, faster) = sorted((one, other), key=lambda k: k[2])
        if speed == faster:
            continue
        pairs += 1
        ratio = intervals.relative_speed(own.times, theirs.times)
        if ratio <= 1:
            continue
        reversed_ += 1
        interval = intervals.relative_speed_interval(own.times, theirs.times)
        if interval and interval[0] > 1:
            swaps.append(Swap(row, another, ratio, interval, speed / faster))
    return Order(
        channels,
        pairs,
        reversed_,
        sorted(swaps, key=lambda swap: -swap.ratio),
        order_agreement([own.speed for _, own, _ in known], [speed for _, _, speed in known]),
    )


def _apart(
    results: Sequence[CellResult], figure: Callable[[CellResult], float | None]
) -> Apart | None:
    known = [(value, result.cell.row) for result in results if (value := figure(result))]
    if len(known) < 2:
        return None
    (most, fastest), (least, slowest) = max(known), min(known)
    return Apart(fastest, slowest, most / least)


def _measured_apart(
    results: Sequence[CellResult], work: Callable[[CellResult], float]
) -> Apart | None:
    """Return how far `work` a second lies apart, by the ratios inside rounds."""

    def rate(result: CellResult) -> float | None:
        return work(result) / result.timing.median_ms if result.timing else None

    found = _apart(results, rate)
    if found is None:
        return None
    by_row = {result.cell.row: result for result in results}
    first, last = by_row[found.fastest], by_row[found.slowest]
    assert first.timing is not None
    assert last.timing is not None
    times = first.timing.times, last.timing.times
    more = work(first) / work(last)
    interval = intervals.relative_speed_interval(*times)
    return Apart(
        found.fastest,
        found.slowest,
        more * intervals.relative_speed(*times),
        interval and (more * interval[0], more * interval[1]),
    )
