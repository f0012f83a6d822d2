"""What to round channels to, from the samples of a run that sweeps widths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np

from guideline_benchmarks.results.advice.blocks import (
    BLOCKS,
    NEGLIGIBLE_LOSS,
    Array,
    Curve,
    best_block,
    lost,
    rounded,
)
from guideline_benchmarks.results.advice.record import Kind
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics import intervals
from guideline_benchmarks.results.statistics.inference import of_mean
from guideline_benchmarks.results.statistics.intervals import Samples
from guideline_benchmarks.results.statistics.verdict import Interval

KINDS: tuple[Kind, ...] = get_args(Kind)
PS_PER_NS = 1e3


@dataclass(frozen=True)
class Change:
    """The fraction by which one time exceeds another, with its 95 % interval over processes.

    Negative: it is the shorter one. The interval is None of one process.
    """

    fraction: float
    ci95: Interval | None

    @property
    def is_loss(self) -> bool:
        """Whether the interval shows more than NEGLIGIBLE_LOSS."""
        return self.ci95 is not None and self.ci95[0] > NEGLIGIBLE_LOSS

    @property
    def is_gain(self) -> bool:
        """Whether the interval shows that the time is shorter."""
        return self.ci95 is not None and self.ci95[1] < 0


@dataclass(frozen=True)
class Width:
    """Layers of one kind and width: what a multiply-add takes, and what another width would save.

    `times` are samples in ns. `median_ms` is of them, `ps` of a multiply-add in picoseconds, with
    the 95 % interval of the median, None of one process. `loss` is how much longer a multiply-add
    takes than on the line between the block's multiples on both sides; `wider` is the one above,
    and `rounding` what the time of the whole changes by there. These three are None of multiples,
    and where there is no block.
    """

    cell: Cell
    median_ms: float
    ps: float
    ps_ci95: Interval | None
    times: Samples = field(repr=False, compare=False)
    loss: Change | None = None
    wider: int | None = None
    rounding: Change | None = None

    @property
    def c(self) -> int:
        """How many channels go in, and how many come out."""
        return _channels(self.cell)


@dataclass(frozen=True)
class Sweep:
    """What the widths of one kind show.

    `block` is the one to round to (results.advice.blocks): 1 where any width does, None before that
    is known. `losses` says by smaller block, the largest first, how much longer a multiply-add
    takes at worst, as a fraction. `shows` is the mean loss against larger blocks that would have
    been found, None where none was looked for.
    """

    kind: Kind
    widths: Sequence[Width]
    block: int | None
    losses: Mapping[int, float]
    shows: float | None


def blocks_of(run: Run) -> dict[Kind, int | None]:
    """Return what to round channels to, by kind; None where any width does, or none is known."""
    return {sweep.kind: None if sweep.block == 1 else sweep.block for sweep in sweeps_of(run)}


def sweeps_of(run: Run) -> list[Sweep]:
    """Return what a run's sweep of widths shows, kind by kind; nothing of a run without one.

    Cells that failed their proof, or were not measured yet, are left out.
    """
    sweeping = {experiment.name for experiment in run.experiments if experiment.sweeps_widths}
    samples = samples_by_cell(run)
    found = []
    for kind in KINDS:
        cells = [c for c in run.cells if c.experiment in sweeping and c.axes["kind"] == kind]
        measured = sorted((cell for cell in cells if cell.name in samples), key=_channels)
        if cells:
            found.append(_sweep(kind, measured, samples))
    return found


def _channels(cell: Cell) -> int:
    return int(cell.axes["c"])


def _sweep(kind: Kind, cells: Sequence[Cell], samples: Mapping[str, Samples]) -> Sweep:
    if not cells:
        return Sweep(kind, [], block=None, losses={}, shows=None)
    curve = _curve(cells, samples)
    answer = best_block(curve)
    block = answer.block or 1
    between, found = lost(curve, block)
    losses = {int(c): _change(found[:, place]) for place, c in enumerate(between)}
    return Sweep(
        kind,
        [_width(cell, samples[cell.name], curve, block, losses) for cell in cells],
        block=answer.block,
        losses=_worst(losses, block),
        shows=answer.shows,
    )


def _curve(cells: Sequence[Cell], samples: Mapping[str, Samples]) -> Curve:
    processes = zip(*(samples[cell.name] for cell in cells), strict=True)
    return Curve(
        widths=np.array([_channels(cell) for cell in cells]),
        times=[np.log(np.stack(own)) for own in processes],
        work=np.log([cell.multiply_adds for cell in cells]),
    )


def _width(
    cell: Cell, times: Samples, curve: Curve, block: int, losses: Mapping[int, Change]
) -> Width:
    c, interval = _channels(cell), intervals.time_interval(times)
    median, per = float(np.median(np.concatenate(times))), PS_PER_NS / cell.multiply_adds
    wider = block * math.ceil(c / block) if c % block else None
    change = None if wider is None else rounded(curve, c, wider)
    return Width(
        cell,
        median_ms=median / 1e6,
        ps=median * per,
        ps_ci95=interval and (interval[0] * per, interval[1] * per),
        times=times,
        loss=losses.get(c),
        wider=wider,
        rounding=None if change is None else _change(change),
    )


def _change(values: Array) -> Change:
    """Return the mean over processes of logarithms of ratios, as a fraction with its interval."""
    estimate = of_mean(values)
    if estimate is None:
        return Change(math.expm1(float(values.mean())), None)
    low, high = estimate.interval
    return Change(math.expm1(estimate.mean), (math.expm1(low), math.expm1(high)))


def _worst(losses: Mapping[int, Change], block: int) -> dict[int, float]:
    """Return by smaller block the largest loss of its multiples, which are none of the block's."""
    found = {}
    for smaller in (size for size in BLOCKS if size < block):
        own = [change.fraction for c, change in losses.items() if c % smaller == 0]
        if own:
            found[smaller] = max(own)
    return found
