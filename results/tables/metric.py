"""What a run's figures are: measured times, counted instructions, or times modelled from counts.

A metric knows which figure of a cell stands for its speed, by which figures rows are put in order,
and what must be said of them. All that differs between runs that were timed and others is here, or
in a table by the metric's name (reports).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.verdict import Interval

if TYPE_CHECKING:
    from guideline_benchmarks.results.tables.summary import CellResult

Kind = Literal["measured", "counted", "modelled"]
Figure = Callable[["CellResult"], float | None]


@dataclass(frozen=True)
class Standing:
    """What is said of a cell: speed relative to the base cell, its interval, and speed.

    Of counts, the base cell's instructions over the cell's take the place of a relative speed.
    """

    relative: float | None
    interval: Interval | None
    speed: float | None


@dataclass(frozen=True)
class Metric:
    """One kind of figure.

    `said` is what figures are called that no clock has taken, "" of those that one has. Only times
    are `noisy`, and so have intervals, and verdicts. `relative` is what stands relative to the base
    cell, `axis` what a plot's axis calls it; `taken` says what was done on the machine.

    `standing` makes a cell comparable with that of other platforms, `orders` are the figures that
    put rows in order, the fastest or least first.
    """

    name: Literal["time", "instructions", "modelled time"]
    kind: Kind
    said: str
    noisy: bool
    relative: str
    axis: str
    taken: Literal["Measured", "Counted"]
    standing: Callable[[CellResult], Standing]
    orders: Mapping[str, Figure]


def _timed(result: CellResult) -> Standing:
    timing = result.timing
    if timing is None:
        return Standing(None, None, None)
    return Standing(timing.relative_speed, timing.relative_speed_ci95, timing.speed)


def _counted(result: CellResult) -> Standing:
    relative = result.counts and result.counts.relative
    return Standing(1 / relative if relative else None, None, None)


def _modelled(result: CellResult) -> Standing:
    found = result.modelled
    if found is None:
        return _counted(result)
    return Standing(found.relative_speed, None, 1e3 / found.ms)


def _fewest(name: str) -> Figure:
    """Return the figure by which the cell with the fewest of something comes first."""

    def figure(result: CellResult) -> float | None:
        count = getattr(result.counts, name, None)
        return None if count is None else -count

    return figure


TIME = Metric(
    name="time",
    kind="measured",
    said="",
    noisy=True,
    relative="speed",
    axis="speed",
    taken="Measured",
    standing=_timed,
    orders={"speed": lambda result: result.timing.speed if result.timing else None},
)
_INSTRUCTIONS = Metric(
    name="instructions",
    kind="counted",
    # Each counter's figures are called otherwise.
    said="",
    noisy=False,
    relative="instructions",
    axis="instructions",
    taken="Counted",
    standing=_counted,
    orders={
        "instructions": _fewest("instructions"),
        "L1d misses": _fewest("l1d_misses"),
        "L2 misses": _fewest("l2_misses"),
    },
)
MODELLED_TIME = Metric(
    name="modelled time",
    kind="modelled",
    said="modelled, not measured",
    noisy=False,
    relative="speed",
    axis="modelled speed",
    taken="Counted",
    standing=_modelled,
    orders={
        "modelled time": lambda result: -result.modelled.ms if result.modelled else None,
        "instructions": _fewest("instructions"),
    },
)


def metric_of(run: Run) -> Metric:
    """Return what the figures of a run are."""
    if run.model is not None:
        return MODELLED_TIME
    counter = run.platform.counter
    return replace(_INSTRUCTIONS, said=counter.said) if counter else TIME
