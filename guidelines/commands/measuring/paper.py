"""The command `guidelines paper`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines.commands.options import (
    Core,
    MachineName,
    PrecisionName,
    Seed,
    Threads,
)


def command(
    platform: Annotated[
        str | None,
        typer.Option(
            help="What to measure it on: a platform's name, a platform file (.toml), or "
            "ssh:user@host.  [default: nothing is measured]"
        ),
    ] = None,
    core: Core = None,
    threads: Threads = None,
    precision: PrecisionName = "fp32",
    machine: MachineName = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where records, reports and the page go.  "
            "[default: results/runs/paper-<platform>; nowhere where nothing is measured]"
        ),
    ] = None,
) -> None:
    """Say what of the paper's tables and figures is here; with --platform, measure all of them.

    What is measured already is not measured again: the same command continues after Ctrl-C.
    """
    # Imported only now, so that --help is quick.
    from guideline_benchmarks.guidelines.session.options import Options
    from guideline_benchmarks.guidelines.session.paper import measure_paper, show_coverage
    from guideline_benchmarks.guidelines.session.several import file_name
    from guideline_benchmarks.results.store.files import RUNS
    from guideline_benchmarks.runners.platform_file import load_platform

    if platform is None:
        show_coverage(out)
        return
    name = file_name(load_platform(platform).name)
    options = Options(seed=seed, core=core, threads=threads, precision=precision, machine=machine)
    measure_paper(platform, options, out or RUNS / f"paper-{name}")
