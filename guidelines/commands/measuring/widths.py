"""The command `guidelines widths`."""

from __future__ import annotations

from guideline_benchmarks.guidelines.commands.options import (
    Core,
    Json,
    MachineName,
    Out,
    PlatformName,
    PrecisionName,
    Processes,
    Quiet,
    Resume,
    Runs,
    Seed,
    Threads,
)


def command(
    platform: PlatformName = "cpu",
    runs: Runs = None,
    processes: Processes = None,
    core: Core = None,
    threads: Threads = None,
    precision: PrecisionName = "fp32",
    machine: MachineName = None,
    seed: Seed = 0,
    out: Out = None,
    resume: Resume = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say what to round channels to: time layers of 33 widths, and find the runtime's block."""
    # Imported only now, so that --help is quick.
    from guideline_benchmarks.guidelines.channel_widths import CHANNEL_WIDTHS
    from guideline_benchmarks.guidelines.session.measuring import Output, measure_and_publish
    from guideline_benchmarks.guidelines.session.options import Options
    from guideline_benchmarks.guidelines.session.planning import plan

    options = Options(
        runs=runs,
        processes=processes,
        seed=seed,
        core=core,
        threads=threads,
        precision=precision,
        machine=machine,
    )
    asked = plan([CHANNEL_WIDTHS], platform, options)
    measure_and_publish(asked, out, resume, Output(quiet, json, "conv"))
