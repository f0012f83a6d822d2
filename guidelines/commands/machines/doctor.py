"""The command `guidelines doctor`."""

from __future__ import annotations

import typer

from guideline_benchmarks.guidelines.doctor import gpu, gpu_conditions, host
from guideline_benchmarks.reports.run.heading import cores_text, processor
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.record.platform import Machine
from guideline_benchmarks.runners.emulator import cpu_counter
from guideline_benchmarks.runners.worker.machine import cores
from guideline_benchmarks.runners.worker.machine.host import facts


def command() -> None:
    """Say in plain words what will make this machine's figures unreliable, and what to do."""
    machine = Machine.model_validate(facts())
    usable = cores.usable()
    kept = cores_text(cores.choose(None, 1), machine.clusters)
    may = f" This program may use {usable} of its cores." if usable < machine.cores else ""
    typer.echo(f"Processor: {processor(machine)}.{may} Workers are kept on {kept or 'no core'}.")
    gpus = gpu_conditions.observe()
    for line in gpu.lines(gpus):
        typer.echo(line)
    seen = host.observe()
    advice = host.advice(seen) + gpu.advice(gpus)
    for one in advice:
        typer.echo(f"- {one.problem} {one.remedy}")
    if not advice:
        typer.echo("Nothing was found that would disturb measurements.")
    typer.echo(f"Counting in place of timing: {_counting()}")
    hidden = host.unknowns(seen) + gpu.unknowns(gpus)
    if hidden:
        typer.echo(f"Not visible here: {', '.join(hidden)}.")


def _counting() -> str:
    """Say whether instructions can be counted here, which nothing disturbs."""
    try:
        cpu_counter.installed(cpu_counter.default_folder())
    except PlatformError as error:
        return str(error)
    return "platform cpu-counted is set up, and its counts do not depend on any of this."
