"""Times that a cost model gives from counts. None of them was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import stdtrit

from guideline_benchmarks.results.cost_model.cost_model import CostModel
from guideline_benchmarks.results.statistics.verdict import Interval
from guideline_benchmarks.results.tables.counts import Counts

CONFIDENCE = 0.95
NS_PER_MS = 1e6


@dataclass(frozen=True)
class Modelled:
    """A modelled time in ms, its 95 % prediction interval, and the base cell's time over it."""

    ms: float
    ci95_ms: Interval
    relative_speed: float | None


def modelled_ms(counts: Mapping[str, float], costs: Mapping[str, float]) -> float:
    """Return the modelled time in ms of what has those counts, at so many ns an event."""
    return sum(ns * counts[name] for name, ns in costs.items()) / NS_PER_MS


def modelled(model: CostModel, counts: Counts, base: Counts | None) -> Modelled | None:
    """Return the time that a model gives, None where a figure that it needs was not counted.

    `base` are the counts of the base cell, if there is one. The interval comes from the spread of
    cells that took no part in the fit: it holds for networks of which the model is off by as much
    as of those.
    """
    ms = _ms(model, counts)
    if ms is None:
        return None
    of_base = _ms(model, base) if base is not None else None
    relative = of_base / ms if of_base is not None and ms else None
    return Modelled(ms, prediction_interval(model, ms), relative)


def prediction_interval(model: CostModel, ms: float) -> Interval:
    """Return the 95 % prediction interval around a modelled time, by Student's t."""
    quantile = float(stdtrit(model.spread_cells, 1 - (1 - CONFIDENCE) / 2))
    reach = math.exp(quantile * model.spread)
    return ms / reach, ms * reach


def _ms(model: CostModel, counts: Counts) -> float | None:
    figures: dict[str, int | None] = {name: getattr(counts, name) for name in model.coefficients}
    known = {name: figure for name, figure in figures.items() if figure is not None}
    return modelled_ms(known, model.costs) if len(known) == len(figures) else None
