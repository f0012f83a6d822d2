"""The command `guidelines ab`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.options import (
    Channels,
    Ci,
    Core,
    G4Unit,
    Json,
    PrecisionName,
    Seed,
    Strict,
    Threads,
)

SECONDS_PER_MINUTE = 60.0
SidePlatform = Annotated[
    str, typer.Option(help="A platform, as for `run`: its name, its file, or ssh:…")
]
SidePython = Annotated[
    str, typer.Option(help="The Python that runs this side's worker, say old/bin/python.")
]


def command(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EXPERIMENT]…", help="g1 to g4, or all (the default)."),
    ] = None,
    a: SidePlatform = "cpu",
    b: SidePlatform = "cpu",
    a_python: SidePython = "",
    b_python: SidePython = "",
    margin: Annotated[
        float,
        typer.Option(min=0.001, max=0.5, help="The fraction of time below which a change is none."),
    ] = 0.02,
    max_minutes: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="The most that measuring takes, one pair at least; it ends when all is decided.",
        ),
    ] = 10.0,
    strict: Strict = False,
    channels: Channels = None,
    g4_unit: G4Unit = "bottleneck",
    core: Core = None,
    threads: Threads = None,
    precision: PrecisionName = "fp32",
    seed: Seed = 0,
    ci: Ci = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The trial's own folder.  [default: results/runs/ab-<a>-<b>-<time>]"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the interrupted trial in --out.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No progress and no tables: only where the trial is.")
    ] = False,
    json: Json = False,
) -> None:
    """Say which cells side B runs slower than side A: both alive at once, network by network.

    Exits 1 if any is SLOWER. Two equal sides (the default) show what the session itself invents.
    """
    # Imported only now, so that --help is quick.
    from guideline_benchmarks.guidelines.session.gate.judging import Output, judge_trial
    from guideline_benchmarks.guidelines.session.gate.sides import AskedSide, question
    from guideline_benchmarks.guidelines.session.options import Options
    from guideline_benchmarks.results.gate.trial import TrialProtocol

    asked = question(
        experiments or ["all"],
        AskedSide(a, a_python),
        AskedSide(b, b_python),
        TrialProtocol(margin=margin, max_seconds=SECONDS_PER_MINUTE * max_minutes),
        Options(
            seed=seed,
            channels=channels,
            g4_unit=g4_unit,
            core=core,
            threads=threads,
            precision=precision,
        ),
    )
    judge_trial(asked, out, resume, Output(json, quiet, strict, ci))
