"""Where the time of a network goes: shares of its unprofiled run time, from profiled executions.

A profiler's own time has to come off twice (docs/decomposition.md). What it adds between operators
does not count: shares are of the time without a profiler, measured beside. What it adds inside each
operator's time is learnt from a chain of trivial operators and subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from results.operators import Category, Depthwise, Part, parts
from results.paper import published_decomposition
from results.schema import Cell, Experiment, Run
from results.statistics import Array, hierarchical_interval, hierarchical_intervals
from results.verdict import Interval

UNATTRIBUTED = "unattributed"
# The control network that shows what a profiler adds to an operator's time.
PROFILER_CONTROL = "control/profiler/x1"
# Rows of a process's table of times, before one row for each part: the network and the control
# without a profiler, the network under it, and the control's operators in sum.
_PLAIN, _CONTROL, _PROFILED, _CONTROL_OPERATORS, _FIRST_PART = range(5)


@dataclass(frozen=True)
class Share:
    """A part of a network's run time in percent, with its 95 % interval (None from one process).

    `ms` is the same in milliseconds, `calls` the operators in one execution.
    """

    percent: float
    percent_ci95: Interval | None
    ms: float
    calls: int


@dataclass(frozen=True)
class CategoryShare(Share):
    """The share of a category; `depthwise_percent` of it is depthwise convolutions.

    `paper_percent` is that of Fig. 2, None where the paper gives none.
    """

    category: str
    depthwise_percent: float = 0.0
    paper_percent: float | None = None


@dataclass(frozen=True)
class PartShare(Share):
    """The share of one kind of operator."""

    part: Part


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval (None from one process)."""

    value: float
    ci95: Interval | None


@dataclass(frozen=True)
class Decomposition:
    """One network taken apart, or the reason why it has no figures.

    Median times in ms: without the profiler, under it, and the operators in sum as the profiler
    reports them; `per_operator_ms` is what it adds to each. `slow_down` is the profiled over the
    unprofiled time, `attributed` the operators' sum without what the profiler adds over the
    unprofiled time, both in the median round; shares are scaled down by the latter if above 1.
    `spread` is the slowest tenth of the unprofiled times over the fastest tenth.

    Categories come in the paper's order with "unattributed" last and sum to 100 %; so do parts,
    largest first, and "unattributed".
    """

    experiment: Experiment
    cell: Cell
    failure: str | None = None
    samples: int = 0
    processes: int = 0
    plain_ms: float = 0.0
    profiled_ms: float = 0.0
    operators_ms: float = 0.0
    per_operator_ms: float = 0.0
    spread: float = 1.0
    slow_down: Estimate = Estimate(1.0, None)
    attributed: Estimate = Estimate(0.0, None)
    categories: Sequence[CategoryShare] = ()
    parts: Sequence[PartShare] = ()

    @property
    def correction(self) -> float:
        """The fraction of the operators' sum that is the profiler's own time."""
        calls = sum(single.calls for single in self.parts)
        return calls * self.per_operator_ms / self.operators_ms if self.operators_ms else 0.0


def decompose(run: Run, cell: Cell, depthwise: Depthwise) -> Decomposition:
    """Take one profiled cell of `run` apart.

    Raises BadInputError for an operator in no category.
    """
    experiment = next(e for e in run.experiments if e.name == cell.experiment)
    failures = run.failures
    failure = failures.get(cell.name) or failures.get(PROFILER_CONTROL)
    tables = None if failure else _tables(run, cell, depthwise)
    if not tables:
        return Decomposition(experiment, cell, failure)
    return _decomposition(run, cell, experiment, tables)


@dataclass(frozen=True)
class _Tables:
    """The times in ns of every process, (rows, rounds) each, and what the rows are.

    `counts` are the calls behind each part's row.
    """

    processes: Sequence[Array]
    parts: Sequence[Part]
    counts: Array
    control_calls: int


def _tables(run: Run, cell: Cell, depthwise: Depthwise) -> _Tables | None:
    """Collect the rounds of one cell; None where none was measured."""
    if not run.rounds:
        return None
    names = [network.name for network in run.networks]
    own, control = names.index(cell.name), names.index(PROFILER_CONTROL)
    found = [parts(process.proofs[cell.name].calls or [], depthwise) for process in run.processes]
    every = {part for own_parts in found for part in own_parts}
    kinds = sorted(every, key=lambda part: (part.category, part.label))
    by_process: dict[int, list[Array]] = {}
    for entry in run.rounds:
        plain = dict(zip(entry.order, entry.ns, strict=True))
        profiles = {profile.network: profile for profile in entry.profiles}
        rows = np.zeros(_FIRST_PART + len(kinds))
        rows[_PLAIN], rows[_CONTROL] = plain[own], plain[control]
        rows[_PROFILED] = profiles[own].ns
        rows[_CONTROL_OPERATORS] = sum(profiles[control].operators_ns)
        for part, ns in zip(found[entry.process], profiles[own].operators_ns, strict=True):
            rows[_FIRST_PART + kinds.index(part)] += ns
        by_process.setdefault(entry.process, []).append(rows)
    first = run.rounds[0].process
    return _Tables(
        processes=[np.stack(rounds, axis=-1) for rounds in by_process.values()],
        parts=kinds,
        counts=np.array([found[first].count(part) for part in kinds], float),
        control_calls=len(run.processes[first].proofs[PROFILER_CONTROL].calls or []),
    )


def shares(times: Array, counts: Array, control_calls: int) -> Array:
    """Return (..., parts) fractions of the unprofiled time from (..., rows, rounds) times in ns.

    The operators' fraction of the unprofiled time (`attributed`, at most 1) is divided among the
    parts as their median times are, less what the profiler adds to each operator. Medians, since
    one slice of the scheduler's, given to another program, can exceed a whole network. The rest
    is unattributed.
    """
    added = counts * per_operator(times, control_calls)[..., None]
    net = np.maximum(np.median(times[..., _FIRST_PART:, :], axis=-1) - added, 0.0)
    # Should nothing be left of any operator, nothing is attributed.
    whole = np.maximum(net.sum(axis=-1), np.finfo(float).tiny)
    fraction = np.clip(attributed(times, counts, control_calls), 0.0, 1.0)
    result: Array = net * (fraction / whole)[..., None]
    return result


def attributed(times: Array, counts: Array, control_calls: int) -> Array:
    """Return the operators' sum, less what the profiler adds, over the unprofiled time.

    The median of the rounds' own ratios. Above 1 where the profiler disturbs more than it does in
    the control.
    """
    added = counts.sum() * per_operator(times, control_calls)
    totals = times[..., _FIRST_PART:, :].sum(axis=-2) - added[..., None]
    result: Array = np.median(totals / times[..., _PLAIN, :], axis=-1)
    return result


def per_operator(times: Array, control_calls: int) -> Array:
    """Return the ns that the profiler adds to each operator's time, at least 0.

    What the control's operators take in sum beyond its unprofiled time, divided by their number.
    """
    excess = np.median(times[..., _CONTROL_OPERATORS, :], axis=-1)
    excess = excess - np.median(times[..., _CONTROL, :], axis=-1)
    result: Array = np.maximum(excess, 0.0) / max(1, control_calls)
    return result


def _slow_down(times: Array) -> Array:
    """Return the profiled over the unprofiled time: the median of the rounds' own ratios."""
    result: Array = np.median(times[..., _PROFILED, :] / times[..., _PLAIN, :], axis=-1)
    return result


def _decomposition(run: Run, cell: Cell, experiment: Experiment, tables: _Tables) -> Decomposition:
    pooled = np.concatenate(tables.processes, axis=-1)
    plain = pooled[_PLAIN] / 1e6
    plain_ms = float(np.median(plain))
    found = _shares(tables, pooled, plain_ms)
    published = published_decomposition(run.protocol.channels).get(cell.row, {})
    categories = [
        CategoryShare(
            **vars(found[category]),
            category=category.value,
            depthwise_percent=found[category, "depthwise"].percent,
            paper_percent=published.get(category.value),
        )
        for category in Category
    ]
    rest = _rest(found["all"], plain_ms)
    categories.append(CategoryShare(**vars(rest), category=UNATTRIBUTED))
    singles = [PartShare(**vars(found[part]), part=part) for part in tables.parts]
    calls = (tables.counts, tables.control_calls)
    return Decomposition(
        experiment=experiment,
        cell=cell,
        samples=pooled.shape[-1],
        processes=len(tables.processes),
        plain_ms=plain_ms,
        profiled_ms=float(np.median(pooled[_PROFILED])) / 1e6,
        operators_ms=float(np.median(pooled[_FIRST_PART:].sum(axis=0))) / 1e6,
        per_operator_ms=float(per_operator(pooled, tables.control_calls)) / 1e6,
        spread=float(np.quantile(plain, 0.9) / np.quantile(plain, 0.1)),
        slow_down=_estimate(tables, pooled, _slow_down),
        attributed=_estimate(tables, pooled, lambda times: attributed(times, *calls)),
        categories=categories,
        parts=sorted(singles, key=lambda single: -single.percent),
    )


def _estimate(tables: _Tables, pooled: Array, statistic: Callable[[Array], Array]) -> Estimate:
    value = float(statistic(pooled))
    interval = hierarchical_interval(tables.processes, statistic)
    if interval is not None:
        interval = min(interval[0], value), max(interval[1], value)
    return Estimate(value, interval)


def _shares(tables: _Tables, pooled: Array, plain_ms: float) -> dict[object, Share]:
    """Return the shares of each part, each category, its depthwise convolutions, and of "all"."""
    chosen: dict[object, list[bool]] = {
        part: [other is part for other in tables.parts] for part in tables.parts
    }
    for category in Category:
        chosen[category] = [part.category is category for part in tables.parts]
        chosen[category, "depthwise"] = [
            part.category is category and part.depthwise for part in tables.parts
        ]
    chosen["all"] = [True for _ in tables.parts]
    sums = np.array(list(chosen.values()), float)

    def percent(times: Array) -> Array:
        result: Array = 100 * shares(times, tables.counts, tables.control_calls) @ sums.T
        return result

    values = percent(pooled).tolist()
    intervals = hierarchical_intervals(tables.processes, percent)
    bounds: Sequence[Interval | None] = intervals or [None for _ in values]
    calls = (sums @ tables.counts).tolist()
    return {
        key: Share(value, _within(interval, value), value / 100 * plain_ms, int(count))
        for key, value, interval, count in zip(chosen, values, bounds, calls, strict=True)
    }


def _within(interval: Interval | None, value: float) -> Interval | None:
    """Return an interval of percentages, widened to hold the pooled value, inside 0 to 100."""
    if interval is None:
        return None
    return max(0.0, min(interval[0], value)), min(100.0, max(interval[1], value))


def _rest(attributed: Share, plain_ms: float) -> Share:
    """Return what is left of the whole by the operators' share of it."""
    # Where operators take all of it, the sum of their shares is 100 but for rounding errors.
    percent = max(0.0, round(100.0 - attributed.percent, 9))
    interval = attributed.percent_ci95
    return Share(
        percent=percent,
        percent_ci95=interval and (100.0 - interval[1], 100.0 - interval[0]),
        ms=percent / 100 * plain_ms,
        calls=0,
    )
