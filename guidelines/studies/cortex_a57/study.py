"""Count what the cost model of the paper's ARM core needs, fit it, test it, and write the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import typer

from guideline_benchmarks.guidelines.catalogue import GUIDELINES, select
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.guidelines.session.measuring import SAME_COMMAND, execute_with_progress
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import counting_plan
from guideline_benchmarks.guidelines.studies.cortex_a57.kernels import (
    KERNELS,
    Kernels,
    best_first,
)
from guideline_benchmarks.guidelines.studies.cortex_a57.page import write_arm_model
from guideline_benchmarks.guidelines.studies.cortex_a57.sets import (
    EARLIER_ROWS,
    INPUTS,
    READING,
    TABLE_4,
    TABLE_8,
    UNITS_28,
    UNITS_56,
)
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import validate
from guideline_benchmarks.results.cost_model.coefficient_file import write_model
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.cells import Cell, NetworkChoice
from guideline_benchmarks.results.record.schema import Run

EVERYTHING = ("all", TABLE_8, UNITS_56, UNITS_28)
COMMENT = (
    "What events cost on a Cortex-A57, fitted to published times by `make arm-model`.\n"
    "Times made of it are modelled, not measured; how far they are off: docs/arm_model.md."
)


def make_arm_model(counts: Path, page: Path, model: Path) -> None:
    """Count what is missing below `counts`, then write the coefficient file and the page.

    The file is of the kernels that explain the paper's tables best, the page of all.
    Complete counts are taken as they are, and need no emulator. Raises the errors of
    guidelines.session.runs.execute and guidelines.studies.cortex_a57.validation.validate.
    """
    if not model.parent.is_dir():
        raise BadInputError(
            f"There is no folder {model.parent} for the coefficient file: run this in a "
            "checkout of the suite, or name --counts, --page and --model."
        )
    counted = [_counts_of(row, counts / row.folder) for row in KERNELS]
    validations = best_first([validate(runs) for runs in counted])
    written = write_arm_model(validations, page)
    write_model(model, validations[0].model, COMMENT, "--model")
    typer.echo(f"{model}\n{written}")


def _counts_of(kernels: Kernels, folder: Path) -> list[Run]:
    """Return the counts of both readings of Table 4 and of all else, counted where missing."""
    earlier = [_rows(declaration, earlier=True) for declaration in select(EVERYTHING)]
    counted = [
        _counted(earlier, "bottleneck", kernels, folder),
        _counted(select((TABLE_4,)), READING, kernels, _beside(folder, READING)),
    ]
    if kernels.further:
        further = [_rows(declaration, earlier=False) for declaration in select(kernels.further)]
        counted.append(_counted(further, "bottleneck", kernels, _beside(folder, "networks")))
    return counted


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(f"{folder.name}-{suffix}")


def _counted(
    declarations: Sequence[Declaration],
    unit: Literal["bottleneck", "equal-width"],
    kernels: Kernels,
    folder: Path,
) -> Run:
    """Return the counts of some experiments, those of them that are missing counted first."""
    asked = counting_plan(declarations, kernels.backend, options=Options(g4_unit=unit))
    return execute_with_progress(asked, folder, resume=True, quiet=False, again=SAME_COMMAND)


def _rows(declaration: Declaration, *, earlier: bool) -> Declaration:
    """Return an experiment with its earlier rows, or with what is counted besides them."""
    if declaration.name in (*GUIDELINES, *INPUTS):
        return declaration

    def counted(cell: Cell) -> bool:
        # Every record has what its rows are compared with.
        is_base = cell.row == declaration.experiment.base
        return is_base or (cell.row in EARLIER_ROWS) == earlier

    def cells(choice: NetworkChoice) -> list[Cell]:
        return [cell for cell in declaration.cells(choice) if counted(cell)]

    return replace(declaration, cells=cells)
