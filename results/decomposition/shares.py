"""Where the time of a network goes: shares of its unprofiled run time, from profiled executions.

A profiler's own time has to come off twice (docs/decomposition.md). What it adds between operators
does not count: shares are of the time without a profiler, measured beside. What it adds inside each
operator's time is learnt from two control networks and subtracted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from guideline_benchmarks.results.decomposition.attribution import (
    CONTROL_OPERATORS,
    CONTROLS,
    FIRST_PART,
    PLAIN,
    PROFILED,
    Written,
    added,
    attributed,
    shares,
    slow_down,
)
from guideline_benchmarks.results.decomposition.operators import Category, Depthwise, Part, parts
from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.record.consistency import PROFILER_CONTROLS
from guideline_benchmarks.results.record.parts import OperatorCall
from guideline_benchmarks.results.record.samples import by_process
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.intervals import (
    Array,
    hierarchical_interval,
    hierarchical_intervals,
)
from guideline_benchmarks.results.statistics.verdict import Interval

UNATTRIBUTED = "unattributed"
# How many times the unprofiled time operators may take in sum for shares to mean anything.
MOST_ATTRIBUTED = 1.25


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
    reports them; `added_ms` is what it adds to all of these. `slow_down` is the profiled over the
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
    added_ms: float = 0.0
    spread: float = 1.0
    slow_down: Estimate = Estimate(1.0, None)
    attributed: Estimate = Estimate(0.0, None)
    categories: Sequence[CategoryShare] = ()
    parts: Sequence[PartShare] = ()

    @property
    def correction(self) -> float:
        """The fraction of the operators' sum that is the profiler's own time."""
        return self.added_ms / self.operators_ms if self.operators_ms else 0.0

    @property
    def resolved(self) -> bool:
        """Whether its shares say anything: the profiler has not drowned the operators."""
        return self.correction < 1 and self.attributed.value <= MOST_ATTRIBUTED


def decompose(run: Run, cell: Cell, depthwise: Depthwise) -> Decomposition:
    """Take one profiled cell of `run` apart.

    Raises BadInputError for an operator in no category.
    """
    experiment = next(e for e in run.experiments if e.name == cell.experiment)
    failures = run.failures
    needed = (cell.name, *PROFILER_CONTROLS)
    failure = next((failures[name] for name in needed if name in failures), None)
    tables = None if failure else _tables(run, cell, depthwise)
    if not tables:
        return Decomposition(experiment, cell, failure)
    return _decomposition(run, cell, experiment, tables)


@dataclass(frozen=True)
class _Tables:
    """The times in ns of every process, (rows, rounds) each, and what the rows are.

    `written` is that of each part, `controls` that of the two control networks.
    """

    processes: Sequence[Array]
    parts: Sequence[Part]
    written: Written
    controls: Written


def _tables(run: Run, cell: Cell, depthwise: Depthwise) -> _Tables | None:
    """Collect the rounds of one cell; None where none was measured."""
    if not run.rounds:
        return None
    names = [network.name for network in run.networks]
    own, controls = names.index(cell.name), [names.index(name) for name in PROFILER_CONTROLS]
    calls = [process.proofs[cell.name].calls or [] for process in run.processes]
    found = [parts(listed, depthwise) for listed in calls]
    every = {part for own_parts in found for part in own_parts}
    kinds = sorted(every, key=lambda part: (part.category, part.label))
    place = {part: FIRST_PART + number for number, part in enumerate(kinds)}
    places = [[place[part] for part in own_parts] for own_parts in found]
    plain = by_process(((r.process, r.order, r.ns) for r in run.rounds), len(names))
    tables = {
        process: np.zeros((FIRST_PART + len(kinds), len(times))) for process, times in plain.items()
    }
    for process, times in plain.items():
        tables[process][PLAIN], tables[process][CONTROLS] = times[:, own], times[:, controls].T
    done: Counter[int] = Counter()
    for entry in run.rounds:
        rows = tables[entry.process][:, done[entry.process]]
        done[entry.process] += 1
        profiles = {profile.network: profile for profile in entry.profiles}
        rows[PROFILED] = profiles[own].ns
        rows[CONTROL_OPERATORS] = [sum(profiles[control].operators_ns) for control in controls]
        for row, ns in zip(places[entry.process], profiles[own].operators_ns, strict=True):
            rows[row] += ns
    first = run.rounds[0].process
    proofs = run.processes[first].proofs
    return _Tables(
        processes=list(tables.values()),
        parts=kinds,
        written=_written(
            [
                [
                    call
                    for call, part in zip(calls[first], found[first], strict=True)
                    if part == kind
                ]
                for kind in kinds
            ]
        ),
        controls=_written([proofs[name].calls or [] for name in PROFILER_CONTROLS]),
    )


def _written(groups: Sequence[Sequence[OperatorCall]]) -> Written:
    return Written(
        calls=np.array([len(calls) for calls in groups], float),
        recorded=np.array([sum(call.recorded for call in calls) for calls in groups], float),
    )


def _decomposition(run: Run, cell: Cell, experiment: Experiment, tables: _Tables) -> Decomposition:
    pooled = np.concatenate(tables.processes, axis=-1)
    plain = pooled[PLAIN] / 1e6
    plain_ms = float(np.median(plain))
    found = _shares(tables, pooled, plain_ms)
    published = cell.published_shares.get(run.protocol.channels, {})
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
    both = (tables.written, tables.controls)
    return Decomposition(
        experiment=experiment,
        cell=cell,
        samples=pooled.shape[-1],
        processes=len(tables.processes),
        plain_ms=plain_ms,
        profiled_ms=float(np.median(pooled[PROFILED])) / 1e6,
        operators_ms=float(np.median(pooled[FIRST_PART:].sum(axis=0))) / 1e6,
        added_ms=float(added(pooled, *both).sum()) / 1e6,
        spread=float(np.quantile(plain, 0.9) / np.quantile(plain, 0.1)),
        slow_down=_ratio(tables, pooled, slow_down),
        attributed=_estimate(tables, pooled, lambda times: attributed(times, *both)),
        categories=categories,
        parts=sorted(singles, key=lambda single: -single.percent),
    )


def _estimate(tables: _Tables, pooled: Array, statistic: Callable[[Array], Array]) -> Estimate:
    """Return a fraction, at least 0, with its interval."""
    value = float(statistic(pooled))
    interval = hierarchical_interval(tables.processes, statistic)
    low, high = _holding(interval or (value, value), value)
    return Estimate(value, interval and (max(0.0, low), high))


def _ratio(tables: _Tables, pooled: Array, statistic: Callable[[Array], Array]) -> Estimate:
    """Return a ratio of whole times with its interval: of logarithms, so that it is above 0."""
    value = float(statistic(pooled))
    whole = [times[:FIRST_PART] for times in tables.processes]
    found = hierarchical_interval(whole, lambda times: np.log(statistic(times)))
    ends = found and (math.exp(found[0]), math.exp(found[1]))
    return Estimate(value, ends and _holding(ends, value))


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

    # More than the whole is scaled down to it, by one factor for the figures and their intervals.
    scale = max(1.0, float(attributed(pooled, tables.written, tables.controls)))

    def percent(times: Array) -> Array:
        result: Array = 100 / scale * shares(times, tables.written, tables.controls) @ sums.T
        return result

    values = percent(pooled).tolist()
    intervals = hierarchical_intervals(tables.processes, percent)
    bounds: Sequence[Interval | None] = intervals or [None for _ in values]
    calls = (sums @ tables.written.calls).tolist()
    return {
        key: Share(
            value, interval and _percents(interval, value), value / 100 * plain_ms, int(count)
        )
        for key, value, interval, count in zip(chosen, values, bounds, calls, strict=True)
    }


def _holding(interval: Interval, value: float) -> Interval:
    """Return an interval over processes, widened to hold the pooled value."""
    return min(interval[0], value), max(interval[1], value)


def _percents(interval: Interval, value: float) -> Interval:
    """Return an interval of percentages that holds the pooled value, inside 0 to 100."""
    low, high = _holding(interval, value)
    return max(0.0, low), min(100.0, high)


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
