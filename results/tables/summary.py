"""What a run found, from raw samples alone: results of cells, verdicts of columns, shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from guideline_benchmarks.results.advice.widths import Sweep, sweeps_of
from guideline_benchmarks.results.cost_model.modelled import Modelled, modelled
from guideline_benchmarks.results.decomposition.operators import Depthwise
from guideline_benchmarks.results.decomposition.shares import Decomposition, decompose
from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.record.parts import Beside
from guideline_benchmarks.results.record.published import Published
from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics import intervals
from guideline_benchmarks.results.statistics.intervals import Samples
from guideline_benchmarks.results.statistics.verdict import (
    Interval,
    Verdict,
    judge,
    order_agreement,
)
from guideline_benchmarks.results.tables.counts import Counts, counts_of
from guideline_benchmarks.results.tables.metric import Metric, metric_of
from guideline_benchmarks.results.tables.roofline import Bound, bound_of, ceilings_of


@dataclass(frozen=True)
class Timing:
    """A cell's measured time in ms, and its speed relative to the base cell.

    `times` are its samples in ns. `speed` is batches (or images) a second by the mean time, as in
    the paper. The intervals are 95 %, of the median and of the relative speed; None where one
    process gives none.
    """

    times: Samples = field(repr=False, compare=False)
    samples: int
    processes: int
    mean_ms: float
    median_ms: float
    min_ms: float
    speed: float
    relative_speed: float | None
    relative_speed_ci95: Interval | None

    @cached_property
    def ci95_ms(self) -> Interval | None:
        """The interval of the median time, computed when it is asked for: it takes longest."""
        interval = intervals.time_interval(self.times)
        return interval and (interval[0] / 1e6, interval[1] / 1e6)


@dataclass(frozen=True)
class CellResult:
    """One cell with its measured and published figures.

    `timing` is None for a cell that failed its proof (`failure` says why) or was not measured yet;
    where instructions are counted, every cell's is, and `counts` takes its place, with `modelled`
    beside it where the run has a cost model. `beside` are the further samples of a GPU, and `bound`
    what the cell is bound by where the run has measured ceilings.
    `multiply_adds_deviation` is the fraction by which its multiply-adds exceed the base cell's.
    """

    cell: Cell
    timing: Timing | None
    counts: Counts | None
    modelled: Modelled | None
    failure: str | None
    multiply_adds_deviation: float
    paper_relative_speed: float | None
    beside: Mapping[Beside, Timing] = field(default_factory=dict)
    bound: Bound | None = None

    def slow_down(self, kind: Beside) -> tuple[float, Interval | None] | None:
        """Return the time of further samples over the usual one, with its 95 % interval.

        Of pairs taken right after one another; None where there are none.
        """
        other = self.beside.get(kind)
        if self.timing is None or other is None:
            return None
        own, times = self.timing.times, other.times
        ratio = intervals.relative_speed(own, times)
        return ratio, intervals.relative_speed_interval(own, times)

    @property
    def published(self) -> Published | None:
        """What the paper prints of it, None where it prints nothing."""
        return self.cell.published

    @property
    def published_ms(self) -> float | None:
        """The published time of one batch, None where the paper has none."""
        return 1e3 / self.published.speed if self.published else None


@dataclass(frozen=True)
class Column:
    """One scale of one experiment.

    `orders` holds Kendall's tau of the rows' order by each figure, the fastest or least first,
    against the paper's order by speed. Counts alone decide nothing: their columns have no verdict.
    """

    experiment: Experiment
    scale: int
    results: Sequence[CellResult]
    verdict: Verdict | None
    orders: Mapping[str, float | None]

    @property
    def in_paper(self) -> bool:
        """Whether the paper prints any of its cells."""
        return any(result.published for result in self.results)

    @property
    def tau(self) -> float | None:
        """Kendall's tau by the platform's own figure: speed, instructions, or modelled time."""
        return next(iter(self.orders.values()))


@dataclass(frozen=True)
class Summary:
    """All that reports need to know of a run."""

    run: Run
    columns: Sequence[Column]
    decompositions: Sequence[Decomposition]
    depthwise: Depthwise
    sweeps: Sequence[Sweep] = ()

    @property
    def metric(self) -> Metric:
        """What the run's figures are."""
        return metric_of(self.run)

    @property
    def experiments(self) -> list[Experiment]:
        """The experiments that compare rows, in the record's order."""
        return [experiment for experiment in self.run.experiments if experiment.base is not None]

    @property
    def decomposed(self) -> list[Experiment]:
        """The experiments that take run time apart, in the record's order."""
        others = (e for e in self.run.experiments if e.base is None)
        return [experiment for experiment in others if not experiment.sweeps_widths]

    @property
    def swept(self) -> list[Experiment]:
        """The experiments that sweep widths, in the record's order."""
        return [experiment for experiment in self.run.experiments if experiment.sweeps_widths]

    def decompositions_of(self, experiment: Experiment) -> list[Decomposition]:
        """The networks that one experiment takes apart, in the record's order."""
        return [found for found in self.decompositions if found.experiment == experiment]

    def columns_of(self, experiment: Experiment) -> list[Column]:
        """The columns of one experiment, smallest scale first."""
        return [column for column in self.columns if column.experiment == experiment]


def summarise(run: Run, depthwise: Depthwise = "conv") -> Summary:
    """Compute every figure of `run` from its samples (deterministic: a fixed bootstrap seed).

    `depthwise` says what depthwise convolutions count as in decompositions.
    """
    samples = samples_by_cell(run)
    beside = {kind: samples_by_cell(run, kind) for kind in kinds_beside(run)}
    columns: list[Column] = []
    decompositions = []
    for experiment in run.experiments:
        cells = [cell for cell in run.cells if cell.experiment == experiment.name]
        if experiment.sweeps_widths:
            continue
        if experiment.base is None:
            decompositions += [decompose(run, cell, depthwise) for cell in cells]
            continue
        for scale in sorted({cell.scale for cell in cells}):
            column = [cell for cell in cells if cell.scale == scale]
            columns.append(_column(run, experiment, scale, column, samples, beside))
    return Summary(run, columns, decompositions, depthwise, sweeps_of(run))


def kinds_beside(run: Run) -> list[Beside]:
    """Return the kinds of further samples that a run has."""
    return list(run.rounds[0].beside) if run.rounds else []


def _column(
    run: Run,
    experiment: Experiment,
    scale: int,
    cells: list[Cell],
    samples: Mapping[str, Samples],
    beside: Mapping[Beside, Mapping[str, Samples]],
) -> Column:
    base = next((cell for cell in cells if cell.row == experiment.base), None)
    printed = base.published if base is not None else None
    base_counts = counts_of(run, base, base) if base is not None else None
    ceilings = ceilings_of(run)
    results = []
    for cell in cells:
        counts = counts_of(run, cell, base)
        timing = _timing(run, cell, base, samples)
        further = {kind: _timing(run, cell, base, taken) for kind, taken in beside.items()}
        results.append(
            CellResult(
                cell=cell,
                timing=timing,
                counts=counts,
                modelled=modelled(run.model, counts, base_counts) if run.model and counts else None,
                failure=run.failures.get(cell.name),
                multiply_adds_deviation=(
                    cell.multiply_adds / base.multiply_adds - 1 if base is not None else 0.0
                ),
                paper_relative_speed=(
                    cell.published.speed / printed.speed if cell.published and printed else None
                ),
                beside={kind: other for kind, other in further.items() if other},
                bound=(
                    bound_of(run, cell, timing.median_ms, ceilings) if timing and ceilings else None
                ),
            )
        )
    metric = metric_of(run)
    others = [result for result in results if result.cell.row != experiment.base]
    known = [metric.standing(result).interval for result in others]
    verdict = judge(known, experiment.slower, experiment.rivals) if metric.noisy else None
    return Column(experiment, scale, results, verdict, _orders(metric, results))


def _orders(metric: Metric, results: Sequence[CellResult]) -> dict[str, float | None]:
    """Return the agreement of each figure's order with the paper's, by the figure's name.

    The metric's own figure first; others where any cell has them.
    """
    rows = [(result, result.published.speed) for result in results if result.published]
    orders: dict[str, float | None] = {}
    for name, figure in metric.orders.items():
        pairs = [(figure(result), speed) for result, speed in rows]
        known = [(value, speed) for value, speed in pairs if value is not None]
        if known or not orders:
            orders[name] = order_agreement([v for v, _ in known], [speed for _, speed in known])
    return orders


def _timing(
    run: Run, cell: Cell, base: Cell | None, samples: Mapping[str, Samples]
) -> Timing | None:
    own = samples.get(cell.name)
    if own is None:
        return None
    pooled = np.concatenate(own) / 1e6
    mean = float(pooled.mean())
    images = cell.network.batch if run.platform.unit == "images/s" else 1
    reference = samples.get(base.name) if base is not None else None
    relative, relative_interval = None, None
    if cell is base:
        relative, relative_interval = 1.0, (1.0, 1.0) if len(own) > 1 else None
    elif reference is not None:
        relative = intervals.relative_speed(own, reference)
        relative_interval = intervals.relative_speed_interval(own, reference)
    return Timing(
        times=own,
        samples=pooled.size,
        processes=len(own),
        mean_ms=mean,
        median_ms=float(np.median(pooled)),
        min_ms=float(pooled.min()),
        speed=1e3 * images / mean,
        relative_speed=relative,
        relative_speed_ci95=relative_interval,
    )


def multiply_adds_per_second(result: CellResult) -> float | None:
    """Return a cell's multiply-adds a second by its mean time: speed with the work divided out."""
    if result.timing is None:
        return None
    return result.cell.multiply_adds / (result.timing.mean_ms / 1e3)
