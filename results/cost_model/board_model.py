"""The cost model of a user's board: fitted to a measured run, tested on cells kept aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from guideline_benchmarks.results.cost_model import fitting
from guideline_benchmarks.results.cost_model.caches import CORTEX_A57
from guideline_benchmarks.results.cost_model.cost_model import CostModel
from guideline_benchmarks.results.cost_model.fitting import Observation
from guideline_benchmarks.results.cost_model.modelled import modelled_ms
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.counts import counts_of
from guideline_benchmarks.results.tables.summary import summarise

SEED = 0
# One cell in so many is kept aside.
ASIDE = 4
FEWEST = 8
# Times are not known better than that, however well a model may seem to fit.
LEAST_SPREAD = 0.005


@dataclass(frozen=True)
class BoardModel:
    """A board's model, the cells that were fitted and those kept aside, and all modelled times.

    `modelled_ms` is by name; cells that were fitted have there what the fit makes of them.
    """

    model: CostModel
    fitted: Sequence[Observation]
    aside: Sequence[Observation]
    modelled_ms: Mapping[str, float]


def refuse_unfit(measured: Run) -> None:
    """Raise BadInputError for a run that no counts of ARM kernels of ONNX Runtime can explain."""
    if measured.platform.counts:
        raise BadInputError(
            f"{measured.platform.name} was counted, and a model is fitted to measured times: name "
            "a run of a board."
        )
    if measured.fingerprint.architecture not in ("aarch64", "arm64"):
        raise BadInputError(
            f"The run is of a {measured.fingerprint.architecture} machine, and what is counted are "
            "the runtime's aarch64 kernels: name a run of an ARM board."
        )
    if measured.platform.backend != "onnxruntime-cpu" or measured.platform.threads != 1:
        raise BadInputError(
            f"The run is of {measured.platform.backend} with {measured.platform.threads} "
            "thread(s), and what is counted is ONNX Runtime on one: measure the board so."
        )


def observations(measured: Run, counted: Run) -> list[Observation]:
    """Return the cells that were both measured and counted: counts, and the median time in ms."""
    cells = {cell.name: cell for cell in counted.cells}
    found = []
    for column in summarise(measured).columns:
        for result in column.results:
            cell = cells.get(result.cell.name)
            if cell is None or result.timing is None or _work(cell) != _work(result.cell):
                continue
            counts = counts_of(counted, cell, None)
            if counts is not None:
                ms = result.timing.median_ms
                group = result.cell.experiment
                found.append(fitting.observation(cell.name, group, counts, ms))
    return found


def _work(cell: Cell) -> tuple[object, int]:
    """Return what must be the same of a cell for its counts to be those of what was measured."""
    return cell.network, cell.multiply_adds


def fit_board(
    cells: Sequence[Observation], name: str, core: str, fitted_on: str, counted: Run
) -> BoardModel:
    """Fit a model to three quarters of the cells, and test it on the others.

    Those kept aside are spread over the experiments, and drawn with a fixed seed. Terms are chosen
    as for the paper's core, each experiment (or, of one alone, each half of its cells) left out of
    the fit in turn. The spread is the larger of that of cells so left out and of those kept aside.
    Raises BadInputError for fewer than FEWEST cells.
    """
    if len(cells) < FEWEST:
        raise BadInputError(
            f"Only {len(cells)} cells were both measured and counted, and a model needs {FEWEST}: "
            "measure more, best all four tables (guidelines run all)."
        )
    aside = _aside(cells)
    kept = [cell for cell in cells if cell.name not in aside]
    held = [cell for cell in cells if cell.name in aside]
    folds = _folds(kept)
    terms = fitting.select_terms(lambda t: fitting.spread(folds, fitting.left_out(folds, t)))
    coefficients = fitting.coefficients(kept, terms)
    costs: dict[str, float] = {term: found.ns for term, found in coefficients.items()}
    modelled = {cell.name: modelled_ms(cell.counts, costs) for cell in cells}
    turns = fitting.left_out(folds, terms)
    tests = [(folds, turns), (held, modelled)]
    spread, many = max((fitting.spread(tested, times), len(tested)) for tested, times in tests)
    model = CostModel(
        name=name,
        backend=counted.platform.backend,
        core=core,
        caches=counted.protocol.modelled_caches or CORTEX_A57,
        fitted_on=fitted_on,
        cells=len(kept),
        spread=max(spread, LEAST_SPREAD),
        spread_cells=many,
        counted_with=counted.fingerprint.runtimes,
        coefficients=coefficients,
        errors={
            "kept aside": fitting.errors(held, modelled),
            "left out by turns": fitting.errors(folds, turns),
        },
    )
    return BoardModel(model, kept, held, modelled)


def _aside(cells: Sequence[Observation]) -> set[str]:
    """Return the names of the cells that are kept aside: one in ASIDE, spread over the groups."""
    generator = np.random.default_rng(SEED)
    order: list[str] = []
    for group in dict.fromkeys(cell.group for cell in cells):
        names = [cell.name for cell in cells if cell.group == group]
        order += [names[place] for place in generator.permutation(len(names))]
    return set(order[ASIDE - 1 :: ASIDE])


def _folds(cells: Sequence[Observation]) -> list[Observation]:
    """Return cells in groups that can be left out: experiments, or halves of a single one."""
    if len({cell.group for cell in cells}) > 1:
        return list(cells)
    return [
        Observation(cell.name, f"half {place % 2}", cell.counts, cell.ms)
        for place, cell in enumerate(cells)
    ]
