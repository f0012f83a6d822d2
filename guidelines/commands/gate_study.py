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
    quartets: Annotated[
        int,
        typer.Option("--quartets", "--blocks", min=8, help="How many to measure, about 27 s each."),
    ] = 40,
    sessions: Annotated[
        int, typer.Option(min=0, help="How many whole sessions to measure, 2 to 10 minutes each.")
    ] = 12,
    page: Annotated[Path, typer.Option(help="The page to write; its plots lie beside it.")] = Path(
        "docs/gate_study.md"
    ),
    judge_only: Annotated[
        bool, typer.Option("--judge-only", help="Measure nothing: judge what is there, anywhere.")
    ] = False,
) -> None:
    """Measure how often the gate cries wolf, and how often it sees known slow-downs."""
    with importing_a_study("gate-study"):
        from guideline_benchmarks.guidelines.studies.gate.study import study_gate
    study_gate(out, quartets, sessions, page, judge_only)
