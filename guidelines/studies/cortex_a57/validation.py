"""The cost model of the paper's ARM core: fitted to published times, tested on what it did not see.

Tables 1 to 3 are fitted, each of them tested by a fit to the other two. Table 4, whose unit is not
known for certain, whole networks and stacked units take part in no fit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from guideline_benchmarks.guidelines.studies.cortex_a57.sets import (
    EQUAL_WIDTH,
    FITTED,
    INPUTS,
    READING,
    SETS,
    SPREAD_SETS,
)
from guideline_benchmarks.results.cost_model import fitting
from guideline_benchmarks.results.cost_model.caches import CORTEX_A57
from guideline_benchmarks.results.cost_model.cost_model import CostModel, Errors
from guideline_benchmarks.results.cost_model.fitting import CANDIDATES, FIRST, Observation
from guideline_benchmarks.results.cost_model.modelled import modelled_ms
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.paper import published_networks
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.summary import CellResult, summarise

# Networks whose multiply-adds are off the published ones by more are not quite the paper's.
SAME_NETWORK = 0.05
NAME = "cortex-a57"
CORE = "Cortex-A57 of the Snapdragon 810, one thread"


@dataclass(frozen=True)
class ValidatedCell:
    """A cell of the set `group`, its published and its modelled time in ms, the latter unseen.

    `relative_published` and `relative_modelled` are speeds relative to the base cell, None without
    one. `counts` are the figures that the model's terms may be. `same_network` says that its
    multiply-adds are as published, as far as they are.
    """

    cell: Cell
    group: str
    published_ms: float
    modelled_ms: float
    relative_published: float | None
    relative_modelled: float | None
    counts: Mapping[str, int]
    same_network: bool
    is_base: bool

    @property
    def error(self) -> float:
        """By which fraction the modelled time exceeds the published one."""
        return self.modelled_ms / self.published_ms - 1


@dataclass(frozen=True)
class Candidate:
    """A set of terms: its costs in ns when fitted to Tables 1 to 3, and its errors by set.

    Errors of Tables 1 to 3 are those of each left out, `spread` is their root mean square (of
    logarithms) over all three.
    """

    terms: Sequence[str]
    costs: Mapping[str, float]
    spread: float
    errors: Mapping[str, Errors]


@dataclass(frozen=True)
class Validation:
    """The model, every cell of every set, and what other sets of terms would have done.

    `with_table_4` are errors with Table 4 among the tables that are fitted and left out in turn,
    `alone` the costs in ns that a fit to each set alone would give.
    """

    model: CostModel
    cells: Sequence[ValidatedCell]
    candidates: Sequence[Candidate]
    with_table_4: Mapping[str, Errors]
    alone: Mapping[str, Mapping[str, float]]

    @property
    def runtime(self) -> str:
        """What the runtime is called whose kernels were counted."""
        return backend(self.model.backend).runtime

    def of(self, group: str) -> list[ValidatedCell]:
        """The cells of one set, in the record's order."""
        return [cell for cell in self.cells if cell.group == group]


def validate(runs: Sequence[Run]) -> Validation:
    """Fit and test the model on counts of the paper's ARM networks, all of one backend.

    Raises BadInputError when a table to fit is missing, or was counted without caches.
    """
    found = _results(runs)
    sets: dict[str, list[Observation]] = {}
    for name, one in found.items():
        sets.setdefault(one.group, []).append(_observation(name, one))
    lacking = [group for group in SPREAD_SETS if group not in sets]
    if lacking:
        raise BadInputError(
            f"No counts with caches of {', '.join(lacking)}: the cost model is fitted to Tables 1 "
            "to 3 and tested on Table 4, so all of them must be counted with --caches."
        )
    terms = fitting.select_terms(lambda chosen: _candidate(sets, chosen).spread)
    own = _unseen(sets, terms)
    more = [[*terms, extra] for extra in CANDIDATES if extra not in terms]
    tried: list[list[str]] = [[FIRST], *more]
    trials = [_candidate(sets, chosen) for chosen in [terms, *(t for t in tried if t != terms)]]
    four = [o for group in SPREAD_SETS for o in sets[group]]
    also = fitting.left_out(four, terms)
    return Validation(
        model=_model(runs, sets, terms, own),
        cells=_cells(found, own),
        candidates=trials,
        with_table_4={g: fitting.errors(sets[g], also) for g in SPREAD_SETS},
        alone={group: fitting.fit(members, terms) for group, members in sets.items()},
    )


@dataclass(frozen=True)
class _Found:
    """What was counted of a cell of a set, and the name of its base cell in that set."""

    group: str
    result: CellResult
    base: str


def _results(runs: Sequence[Run]) -> dict[str, _Found]:
    """Return every cell that has counts and a published time, by its name in its set."""
    found: dict[str, _Found] = {}
    for run in runs:
        for column in summarise(run).columns:
            for result in column.results:
                group = result.cell.experiment
                if READING in column.experiment.reading.values():
                    group = EQUAL_WIDTH
                counted = result.counts is not None and result.counts.l1i_misses is not None
                if counted and result.published is not None and group in SETS:
                    name, base = (
                        f"{group}/{row}/x{column.scale}"
                        for row in (result.cell.row, column.experiment.base)
                    )
                    found.setdefault(name, _Found(group, result, base))
    return dict(sorted(found.items(), key=lambda item: SETS.index(item[1].group)))


def _observation(name: str, found: _Found) -> Observation:
    counts, published = found.result.counts, found.result.published_ms
    assert counts is not None and published is not None
    return fitting.observation(name, found.group, counts, published)


def _unseen(sets: Mapping[str, Sequence[Observation]], terms: Sequence[str]) -> dict[str, float]:
    """Return every cell's time, modelled by a fit that did not see its set, by name, in ms."""
    seen = [o for group in FITTED for o in sets[group]]
    costs = fitting.fit(seen, terms)
    others = [o for group, members in sets.items() if group not in FITTED for o in members]
    return {o.name: modelled_ms(o.counts, costs) for o in others} | fitting.left_out(seen, terms)


def _candidate(sets: Mapping[str, Sequence[Observation]], terms: Sequence[str]) -> Candidate:
    seen = [o for group in FITTED for o in sets[group]]
    own = _unseen(sets, terms)
    return Candidate(
        terms=terms,
        costs=fitting.fit(seen, terms),
        spread=fitting.spread(seen, own),
        errors={group: fitting.errors(members, own) for group, members in sets.items()},
    )


def _model(
    runs: Sequence[Run],
    sets: Mapping[str, Sequence[Observation]],
    terms: Sequence[str],
    own: Mapping[str, float],
) -> CostModel:
    seen = [o for group in FITTED for o in sets[group]]
    unseen = [o for group in SPREAD_SETS for o in sets[group]]
    return CostModel(
        name=NAME,
        backend=runs[0].platform.backend,
        core=CORE,
        caches=runs[0].protocol.modelled_caches or CORTEX_A57,
        fitted_on="the paper's ARM columns of Tables 1 to 3",
        cells=len(seen),
        spread=fitting.spread(unseen, own),
        spread_cells=len(unseen),
        counted_with=runs[0].fingerprint.runtimes,
        coefficients=fitting.coefficients(seen, terms),
        errors={group: fitting.errors(members, own) for group, members in sets.items()},
    )


def _cells(found: Mapping[str, _Found], own: Mapping[str, float]) -> list[ValidatedCell]:
    cells = []
    for name, one in found.items():
        published = one.result.published_ms
        assert published is not None
        # A network's base cell may be of another record.
        base = found[one.base].result.published_ms if one.base in found else None
        cells.append(
            ValidatedCell(
                cell=one.result.cell,
                group=one.group,
                published_ms=published,
                modelled_ms=own[name],
                relative_published=base and base / published,
                relative_modelled=own[one.base] / own[name] if one.base in own else None,
                counts=_observation(name, one).counts,
                same_network=_same_network(one.result.cell),
                is_base=name == one.base,
            )
        )
    return cells


def _same_network(cell: Cell) -> bool:
    """Whether a cell has the published multiply-adds, within SAME_NETWORK, where any are."""
    published = published_networks().get(str(cell.axes.get("network")))
    if published is None or cell.experiment in INPUTS:
        return True
    return abs(cell.multiply_adds / published.multiply_adds - 1) <= SAME_NETWORK


def errors_of(cells: Sequence[ValidatedCell]) -> Errors:
    """Return how far the modelled times of some cells are off."""
    return fitting.errors(*_published_and_modelled(cells))


def spread_of(cells: Sequence[ValidatedCell]) -> float:
    """Return the root mean square of ln(published / modelled) of some cells."""
    return fitting.spread(*_published_and_modelled(cells))


def _published_and_modelled(
    cells: Sequence[ValidatedCell],
) -> tuple[list[Observation], dict[str, float]]:
    observations = [Observation(c.cell.name, c.group, c.counts, c.published_ms) for c in cells]
    return observations, {c.cell.name: c.modelled_ms for c in cells}


@dataclass(frozen=True)
class Differences:
    """How well the relative speeds of some cells are modelled, their base cells left out.

    `spread` is the root mean square of ln(modelled / published), `null` what it would be if all
    networks of a column were modelled to be the same. Of `cells`, `reversed_` are modelled on the
    other side of their base cell.
    """

    cells: int
    spread: float
    null: float
    reversed_: int


def differences(cells: Sequence[ValidatedCell]) -> Differences:
    """Compare modelled with published relative speeds; raises ValueError where there are none."""
    pairs = [
        (math.log(cell.relative_modelled), math.log(cell.relative_published))
        for cell in cells
        if cell.relative_modelled and cell.relative_published and not cell.is_base
    ]
    if not pairs:
        raise ValueError("no cell has a relative speed")
    modelled, published = np.array(pairs).T
    return Differences(
        cells=len(pairs),
        spread=float(np.sqrt(np.mean((modelled - published) ** 2))),
        null=float(np.sqrt(np.mean(published**2))),
        reversed_=int(np.sum(modelled * published < 0)),
    )
