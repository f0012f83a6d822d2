"""Whose kernels explain the paper's ARM columns best: the validations of several backends compared.

What is compared is how far each is off cells that its fit did not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.guidelines.studies.cortex_a57.sets import (
    EQUAL_WIDTH,
    INPUTS,
    TABLE_4,
    TABLE_8,
    TITLES,
    UNITS_28,
    UNITS_56,
)
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import (
    ValidatedCell,
    Validation,
    differences,
    errors_of,
    spread_of,
)
from guideline_benchmarks.reports.document import MISSING, Heading, Section, Table
from guideline_benchmarks.reports.layout import significant
from guideline_benchmarks.results.cost_model.cost_model import Figure


@dataclass(frozen=True)
class Kernels:
    """A backend whose kernels are counted: where, and whether it has Winograd's for 3×3.

    `further` are the experiments of whose networks it counts what the first record has not.
    """

    backend: str
    folder: str
    winograd: bool
    further: tuple[str, ...] = ()


FURTHER = (TABLE_8, UNITS_56, UNITS_28)
# A row for each runtime that is counted.
KERNELS = (
    Kernels("onnxruntime-cpu", "arm-model", winograd=False, further=(*FURTHER, *INPUTS)),
    Kernels("ncnn-cpu", "arm-model-ncnn", winograd=True, further=FURTHER),
    Kernels("litert-cpu", "arm-model-litert", winograd=False, further=FURTHER),
)
WITH_WINOGRAD = frozenset(row.backend for row in KERNELS if row.winograd)
# By how much of the next one an error must be less for its kernels to be called the nearest.
CLEARLY = 0.1


def best_first(validations: Sequence[Validation]) -> list[Validation]:
    """Return validations in the order of how far they are off Tables 1 to 4, none of them seen."""
    return sorted(validations, key=lambda validation: validation.model.spread)


def kernels_section(validations: Sequence[Validation]) -> Section:
    """Return what speaks for the kernels of each backend, set by set."""
    best, *others = validations
    against = ", ".join(f"with {v.runtime}'s by {_percent(v.model.spread)}" for v in others)
    lines = [
        f"With {best.runtime}'s kernels the cells of the paper's Tables 1 to 4, unseen, are off by "
        f"{_percent(best.model.spread)} (root mean square of logarithms), {against}. By that the "
        "model that comes with the suite is chosen; of the others' there is no file. Set by set, "
        "by the level of times and by speeds relative to the base cell, the first two tables say "
        f"whose are nearest; a dash where none is off by {100 * CLEARLY:.0f} % less than the next.",
        *_winograd(validations),
        f"What not all of them execute ({_left_out(validations)}) is left out here. "
        "The third table has what is executed. Each runtime has costs of its own, fitted to "
        "Tables 1 to 3, so what tells is where it executes more, or less, than there.",
    ]
    tables = [
        _levels(validations),
        _relative(validations),
        *(_executed(one, best) for one in others),
    ]
    return Section("Whose kernels explain it best", lines, tables=tables)


def _nearest(validations: Sequence[Validation], spreads: Sequence[float]) -> str:
    """Return whose spread is clearly the least, MISSING where none is."""
    least, *others = sorted(spreads)
    if any(other * (1 - CLEARLY) < least for other in others):
        return MISSING
    return validations[int(np.argmin(spreads))].runtime


def _groups(validations: Sequence[Validation]) -> list[str]:
    return [group for group in TITLES if all(v.of(group) for v in validations)]


def _common(validations: Sequence[Validation], group: str) -> list[list[ValidatedCell]]:
    """Return the cells of a set that all have, one list for each validation, in one order."""
    names = set.intersection(*({c.cell.name for c in v.of(group)} for v in validations))
    return [[cell for cell in v.of(group) if cell.cell.name in names] for v in validations]


def _left_out(validations: Sequence[Validation]) -> str:
    """Name the sets of which some validation has fewer cells than another, and how many fewer."""
    said = []
    for group, title in TITLES.items():
        sizes = [len(v.of(group)) for v in validations]
        left = max(sizes) - (len(_common(validations, group)[0]) if min(sizes) else 0)
        if left:
            said.append(f"{left} cells of {title}")
    return ", ".join(said) or "nothing"


def _levels(validations: Sequence[Validation]) -> Table:
    headings = [Heading("set", numeric=False)]
    for title in ("median error", "bias", "RMS of logs"):
        headings += [Heading(v.runtime, group=title) for v in validations]
    headings.append(Heading("nearest", numeric=False))
    rows = []
    for group in _groups(validations):
        cells = _common(validations, group)
        spreads = [spread_of(own) for own in cells]
        rows.append(
            [
                TITLES[group],
                *(_percent(errors_of(own).median) for own in cells),
                *(f"{100 * errors_of(own).bias:+.1f} %" for own in cells),
                *map(_percent, spreads),
                _nearest(validations, spreads),
            ]
        )
    return Table("How far modelled times are off, by whose kernels were counted", headings, rows)


def _relative(validations: Sequence[Validation]) -> Table:
    headings = [Heading("set", numeric=False)]
    headings += [Heading(v.runtime, group="RMS of logs") for v in validations]
    headings.append(Heading("if all were equal"))
    headings += [Heading(v.runtime, group="reversed") for v in validations]
    headings.append(Heading("nearest", numeric=False))
    rows = []
    for group in _groups(validations):
        found = [differences(cells) for cells in _common(validations, group)]
        rows.append(
            [
                TITLES[group],
                *(_percent(one.spread) for one in found),
                _percent(found[0].null),
                *(f"{one.reversed_} of {one.cells}" for one in found),
                _nearest(validations, [one.spread for one in found]),
            ]
        )
    return Table("How far modelled relative speeds are off", headings, rows)


def _executed(one: Validation, best: Validation) -> Table:
    """Return what one backend executes over what the best one does, by set."""
    headings = [Heading("set", numeric=False), Heading("instructions of a cell, median")]
    headings += [Heading("least"), Heading("most"), Heading("L2 misses, all cells together")]
    rows = []
    for group in _groups([one, best]):
        cells = _common([one, best], group)
        own, other = (_figures(these, "instructions") for these in cells)
        misses, others = (_figures(these, "l2_misses") for these in cells)
        ends = np.quantile(own / other, [0.5, 0, 1])
        ratios = [*ends.tolist(), float(misses.sum() / others.sum())]
        rows.append([TITLES[group], *map(significant, ratios)])
    return Table(f"What {one.runtime} executes over what {best.runtime} does", headings, rows)


def _figures(cells: Sequence[ValidatedCell], name: Figure) -> NDArray[np.float64]:
    return np.array([cell.counts[name] for cell in cells], float)


def _winograd(validations: Sequence[Validation]) -> list[str]:
    """Say whether kernels with Winograd's algorithm mend Table 4, the only one with 3×3 layers."""
    having = [v for v in validations if v.model.backend in WITH_WINOGRAD]
    lacking = [v for v in validations if v.model.backend not in WITH_WINOGRAD]
    if not having or not lacking:
        return []
    said = [
        _mended(group, _least_off(group, having), _least_off(group, lacking))
        for group in (TABLE_4, EQUAL_WIDTH)
    ]
    return [
        "The paper's library is unnamed, and may have had Winograd's algorithm for 3×3 "
        "convolutions, which of all that is fitted or tested here only Table 4 has undivided and "
        "at stride 1. Does that mend it? The two readings of its unit are compared further below.",
        *(f"- {line}" for line in said),
    ]


def _least_off(group: str, validations: Sequence[Validation]) -> Validation:
    return min(validations, key=lambda validation: spread_of(validation.of(group)))


def _mended(group: str, having: Validation, lacking: Validation) -> str:
    """Say how far times of a set are off with and without Winograd's algorithm."""
    with_, without = having.of(group), lacking.of(group)
    verdict = (
        "brings it nearer" if spread_of(with_) < spread_of(without) else "takes it further off"
    )
    return (
        f"{TITLES[group]}: it {verdict}. With {lacking.runtime}'s kernels, which have it not, the "
        f"median cell is off by {_signed(errors_of(without).bias)}, with {having.runtime}'s, which "
        f"have it, by {_signed(errors_of(with_).bias)} (root mean square of logarithms "
        f"{_percent(spread_of(without))} and {_percent(spread_of(with_))})."
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def _signed(fraction: float) -> str:
    return f"{100 * fraction:+.0f} %"
