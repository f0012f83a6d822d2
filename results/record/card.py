"""What a run records of its graphics card: how it was, and what its clock can tell."""

from __future__ import annotations

from guideline_benchmarks.results.record.bounds import NonNegativeInt, PositiveInt
from guideline_benchmarks.results.record.platform import Record


class CardState(Record):
    """How a card was at one moment; None for what the driver does not show.

    `throttle` are the driver's reasons why the clock is not higher, an empty list for none.
    """

    sm_mhz: NonNegativeInt | None
    memory_mhz: NonNegativeInt | None
    temperature_c: int | None
    power_w: float | None
    throttle: list[str] | None


class EventClock(Record):
    """What a card's events can tell apart, in ns.

    `overhead_ns` is the median interval between two with nothing between them, `resolution_ns` the
    least step between two intervals of a kind, None where all were the same.
    """

    overhead_ns: NonNegativeInt
    resolution_ns: PositiveInt | None
