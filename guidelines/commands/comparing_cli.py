"""The commands that compare: two arms in one session, a run with another, many runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guidelines.commands.options import Channels, Ci, Core, G4Unit, Json, Seed, Strict

SECONDS_PER_MINUTE = 60.0
ArmPlatform = Annotated[
    str, typer.Option(help="A platform, as for `run`: its name, its file, or ssh:…")
]
ArmPython = Annotated[
    str, typer.Option(help="The Python that runs this arm's worker, say old/bin/python.")
]


def ab(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EXPERIMENT]…", help="g1 to g4, or all (the default)."),
    ] = None,
    a: ArmPlatform = "cpu",
    b: ArmPlatform = "cpu",
    a_python: ArmPython = "",
    b_python: ArmPython = "",
    margin: Annotated[
        float,
        typer.Option(min=0.001, max=0.5, help="The fraction of time below which a change is none."),
    ] = 0.02,
    max_minutes: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="The most that measuring takes, one block at least; it ends when all is decided.",
        ),
    ] = 10.0,
    strict: Strict = False,
    channels: Channels = None,
    g4_unit: G4Unit = "bottleneck",
    core: Core = None,
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
    """Say which cells arm B runs slower than arm A: fresh processes of both, A B B A, interleaved.

    Exits 1 if any is SLOWER. Two equal arms (the default) show what the session itself invents.
    """
    from guidelines.session.gate import Output
    from guidelines.session.gate import ab as judge
    from guidelines.session.sides import Side, question

    asked = question(
        experiments or ["all"],
        Side(a, a_python),
        Side(b, b_python),
        margin=margin,
        max_seconds=SECONDS_PER_MINUTE * max_minutes,
        channels=channels,
        g4_unit=g4_unit,
        core=core,
        seed=seed,
    )
    judge(asked, out, resume, Output(json, quiet, strict, ci))


def check(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    baseline: Annotated[Path, typer.Option(help="The folder of the run to check it against.")],
    margin: Annotated[
        float | None,
        typer.Option(
            min=0.00001,
            max=0.5,
            help="The fraction below which a change is none.  [default: 0.05 of time, 0.0005 of "
            "instructions]",
        ),
    ] = None,
    strict: Strict = False,
    ci: Ci = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing: the exit code says.")
    ] = False,
    json: Json = False,
) -> None:
    """Check a run against a stored one of the same platform; exits 1 on a regression."""
    from guidelines.session.gate import Output
    from guidelines.session.gate import check as judge

    judge(run, baseline, margin, Output(json, quiet, strict, ci))


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN", help="Folders of runs; also paper:gpu and paper:arm."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write the page.  [default: results/runs/compare-<time>]"),
    ] = None,
    json: Json = False,
) -> None:
    """Lay runs of several platforms side by side, to see which guideline matters on which."""
    from guidelines.commands.compare import compare as lay_out

    lay_out(runs, out, json)


def history(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder of runs of one platform.")
    ] = Path("results/runs"),
    platform: Annotated[
        str | None, typer.Option(help="Take the runs of this platform alone.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write it.  [default: FOLDER/history]")
    ] = None,
    json: Json = False,
) -> None:
    """Show how each cell has gone over the runs of one platform, and where it changed."""
    from guidelines.commands.compare import history as tell

    tell(folder, platform, out, json)


def calibrate_gate(
    out: Annotated[Path, typer.Option(help="Where to keep what is measured.")] = Path(
        "results/runs/calibration"
    ),
    blocks: Annotated[
        int, typer.Option(min=8, help="How many blocks to measure, about 27 s each.")
    ] = 40,
    sessions: Annotated[
        int, typer.Option(min=0, help="How many whole sessions to measure, 2 to 10 minutes each.")
    ] = 12,
    page: Annotated[Path, typer.Option(help="The page to write; its plots lie beside it.")] = Path(
        "docs/gate_calibration.md"
    ),
    judge_only: Annotated[
        bool, typer.Option("--judge-only", help="Measure nothing: judge what is there, anywhere.")
    ] = False,
) -> None:
    """Measure how often the gate cries wolf, and how often it sees known slow-downs."""
    from guidelines.studies.gate.study import calibrate

    calibrate(out, blocks, sessions, page, judge_only)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (ab, check, compare, history):
        app.command()(command)
    app.command("calibrate-gate")(calibrate_gate)
