"""Fitting a cost model to known times, and testing it on cells that the fit did not see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import rankdata

from guideline_benchmarks.results.cost_model.cost_model import Coefficient, Errors, Figure
from guideline_benchmarks.results.cost_model.modelled import NS_PER_MS, modelled_ms
from guideline_benchmarks.results.statistics.verdict import Interval
from guideline_benchmarks.results.tables.counts import Counts

Array = NDArray[np.float64]
Terms = Sequence[str]
Costs = Mapping[str, float]

# What a model begins with, and what may be added.
FIRST: Figure = "instructions"
CANDIDATES: tuple[Figure, ...] = (
    "l2_misses",
    "l1d_misses",
    "l1i_misses",
    "branches",
    "memory_bytes",
)
RESAMPLES = 1000
SEED = 0
# A term must lower the error out of sample by this fraction of it to be kept, and by a thousandth
# of a time, since no time is known better.
WORTH, LEAST_GAIN = 0.05, 0.001
FEWEST_RANKED = 3


@dataclass(frozen=True)
class Observation:
    """A cell, the group that is left out together with it, its counts, and its known time in ms."""

    name: str
    group: str
    counts: Mapping[str, int]
    ms: float


def observation(name: str, group: str, counts: Counts, ms: float) -> Observation:
    """Return an observation of what was counted of a cell, with caches."""
    figures: dict[str, int] = {term: getattr(counts, term) for term in (FIRST, *CANDIDATES)}
    return Observation(name, group, figures, ms)


def fit(observations: Sequence[Observation], terms: Terms) -> dict[str, float]:
    """Return the cost of an event in ns for each of `terms`, none below 0.

    Least squares of modelled / known - 1, so that short and long networks weigh the same. Raises
    ValueError without observations.
    """
    if not observations:
        raise ValueError("there is nothing to fit to")
    return _solve(_shares(observations, terms), terms)


def _shares(observations: Sequence[Observation], terms: Terms) -> Array:
    """Return what 1 ns an event adds to modelled / known: a row a cell, a column a term."""
    return np.array([[o.counts[t] / NS_PER_MS / o.ms for t in terms] for o in observations], float)


def _solve(shares: Array, terms: Terms) -> dict[str, float]:
    # Of one size, so that the solver's tolerance means the same for all.
    scale = np.linalg.norm(shares, axis=0)
    scale[scale == 0] = 1.0
    costs, _ = nnls(shares / scale, np.ones(len(shares)))
    return dict(zip(terms, (costs / scale).tolist(), strict=True))


def bootstrap(
    observations: Sequence[Observation], terms: Terms, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Return the 95 % interval of each cost, cells being drawn anew within their groups.

    Deterministic: the seed is fixed.
    """
    generator = np.random.default_rng(SEED)
    shares = _shares(observations, terms)
    groups = np.array([o.group for o in observations])
    members = [np.flatnonzero(groups == group) for group in dict.fromkeys(groups.tolist())]
    found = []
    for _ in range(resamples):
        drawn = np.concatenate([generator.choice(one, len(one)) for one in members])
        found.append(list(_solve(shares[drawn], terms).values()))
    low, high = np.percentile(found, [2.5, 97.5], axis=0)
    ends = zip(low.tolist(), high.tolist(), strict=True)
    return dict(zip(terms, ends, strict=True))


def coefficients(observations: Sequence[Observation], terms: Terms) -> dict[Figure, Coefficient]:
    """Return the fitted cost of each of `terms` with its interval, as a model keeps them."""
    costs, intervals = fit(observations, terms), bootstrap(observations, terms)
    return {
        term: Coefficient(ns=costs[term], ci95_ns=intervals[term])
        for term in (FIRST, *CANDIDATES)
        if term in terms
    }


def left_out(observations: Sequence[Observation], terms: Terms) -> dict[str, float]:
    """Return each cell's time in ms, modelled by a fit to all groups but its own.

    Raises ValueError for a single group.
    """
    groups = list(dict.fromkeys(o.group for o in observations))
    if len(groups) < 2:
        raise ValueError("one group alone cannot be left out")
    result: dict[str, float] = {}
    for group in groups:
        costs = fit([o for o in observations if o.group != group], terms)
        result |= {o.name: modelled_ms(o.counts, costs) for o in observations if o.group == group}
    return result


def log_errors(observations: Sequence[Observation], modelled: Mapping[str, float]) -> Array:
    """Return ln(known / modelled) of each cell; `modelled` is by name, in ms."""
    return np.array([np.log(o.ms / modelled[o.name]) for o in observations], float)


def spread(observations: Sequence[Observation], modelled: Mapping[str, float]) -> float:
    """Return the root mean square of `log_errors`."""
    return float(np.sqrt(np.mean(log_errors(observations, modelled) ** 2)))


def errors(observations: Sequence[Observation], modelled: Mapping[str, float]) -> Errors:
    """Return how far modelled times, by name, are off the known ones."""
    known = np.array([o.ms for o in observations], float)
    found = np.array([modelled[o.name] for o in observations], float)
    off = found / known - 1
    return Errors(
        cells=len(off),
        median=float(np.median(np.abs(off))),
        p90=float(np.quantile(np.abs(off), 0.9)),
        bias=float(np.median(off)),
        rank=rank_correlation(found, known),
    )


def rank_correlation(one: Array, other: Array) -> float | None:
    """Return Spearman's rank correlation, None of fewer than three pairs or of a constant."""
    if len(one) < FEWEST_RANKED or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def select_terms(error: Callable[[Terms], float]) -> list[str]:
    """Return FIRST and those CANDIDATES that lower `error`, a term at a time, the best first.

    `error` is that of cells out of sample, as a fraction of their times. A term is kept only where
    it lowers it by WORTH of itself and by LEAST_GAIN, so the simplest model stands where a larger
    one is no better.
    """
    chosen: list[str] = [FIRST]
    best = error(chosen)
    while True:
        rest = [term for term in CANDIDATES if term not in chosen]
        tried = {term: error([*chosen, term]) for term in rest}
        term = min(rest, key=lambda one: tried[one], default=None)
        if term is None or best - tried[term] < max(WORTH * best, LEAST_GAIN):
            return chosen
        chosen, best = [*chosen, term], tried[term]
