"""Count what the cost model of the paper's ARM core needs, fit it, test it, and write the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import typer

from guideline_benchmarks.guidelines.catalogue import GUIDELINES, select
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.guidelines.session.measuring import SAME_COMMAND, execute_with_progress
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import counting_plan
from guideline_benchmarks.guidelines.studies.cortex_a57.kernels import KERNELS, best_first
from guideline_benchmarks.guidelines.studies.cortex_a57.page import write_arm_model
from guideline_benchmarks.guidelines.studies.cortex_a57.sets import (
    COUNTED,
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
    counted = [_counts_of(row.backend, counts / row.folder) for row in KERNELS]
    validations = best_first([validate(runs) for runs in counted])
    written = write_arm_model(validations, page)
    write_model(model, validations[0].model, COMMENT, "--model")
    typer.echo(f"{model}\n{written}")


def _counts_of(backend: str, folder: Path) -> list[Run]:
    """Return the counts of both readings of Table 4 and of all else, counted where missing."""
    return [
        _counted(EVERYTHING, "bottleneck", backend, folder),
        _counted((TABLE_4,), READING, backend, folder.with_name(f"{folder.name}-{READING}")),
    ]


def _counted(
    names: tuple[str, ...], unit: Literal["bottleneck", "equal-width"], backend: str, folder: Path
) -> Run:
    """Return the counts of some experiments, those of them that are missing counted first."""
    declarations = [_as_counted(declaration) for declaration in select(names)]
    asked = counting_plan(declarations, backend, options=Options(g4_unit=unit))
    return execute_with_progress(asked, folder, resume=True, quiet=False, again=SAME_COMMAND)


def _as_counted(declaration: Declaration) -> Declaration:
    """Return an experiment with those of its cells that the study counts."""
    if declaration.name in GUIDELINES:
        return declaration

    def cells(choice: NetworkChoice) -> list[Cell]:
        return [cell for cell in declaration.cells(choice) if cell.row in COUNTED]

    return replace(declaration, cells=cells)
