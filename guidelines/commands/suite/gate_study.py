"""The command `guidelines gate-study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.checkout import importing_a_study


def command(
    out: Annotated[Path, typer.Option(help="Where to keep what is measured.")] = Path(
        "results/runs/gate-study"
    ),
    pairs: Annotated[
        int, typer.Option(min=8, help="How many to measure a condition, about 25 s each.")
    ] = 24,
    quartets: Annotated[
        int,
        typer.Option("--quartets", "--blocks", min=4, help="The same of the design without pairs."),
    ] = 8,
    sessions: Annotated[
        int,
        typer.Option(min=0, help="How many whole sessions a condition, 2 to 10 minutes each."),
    ] = 8,
    page: Annotated[Path, typer.Option(help="The page to write; its plots lie beside it.")] = Path(
        "docs/gate_study.md"
    ),
    judge_only: Annotated[
        bool, typer.Option("--judge-only", help="Measure nothing: judge what is there, anywhere.")
    ] = False,
) -> None:
    """Measure how often the gate cries wolf and sees slow-downs: quiet, and beside made noise."""
    with importing_a_study("gate-study"):
        from guideline_benchmarks.guidelines.studies.gate.study import Amounts, study_gate
    study_gate(out, Amounts(pairs, quartets, sessions), page, judge_only)
