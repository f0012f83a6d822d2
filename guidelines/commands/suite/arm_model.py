"""The command `guidelines arm-model`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.checkout import importing_a_study


def command(
    counts: Annotated[
        Path, typer.Option(help="Where the counts lie; what is missing there is counted.")
    ] = Path("results/reference"),
    page: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/arm_model.md"),
    model: Annotated[Path, typer.Option(help="The coefficient file to write.")] = Path(
        "results/cost_model/fitted/cortex-a57.toml"
    ),
) -> None:
    """Fit the cost model of the paper's ARM core, test it out of sample, write file and page."""
    with importing_a_study("arm-model"):
        from guideline_benchmarks.guidelines.studies.cortex_a57.study import make_arm_model
    make_arm_model(counts, page, model)
