"""The command `guidelines bench`: the suite itself, measured.

Is the harness faithful, what does a run cost, how fast is start-up?

A benchmark, not a test: it prints figures beside the project's targets and judges nothing.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.commands.options import Json, PlatformName
from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.protocol import Protocol
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.results.tables.spending import CELLS, spending
from guideline_benchmarks.runners import samples
from guideline_benchmarks.runners.events import Loop, RoundDone, Sample
from guideline_benchmarks.runners.launcher import identify, launcher_of, set_up
from guideline_benchmarks.runners.platform_file import load_platform
from guideline_benchmarks.runners.worker_process import WorkerProcess

PASSES = 20
# Short networks are compared more often in a pass, up to MOST_TURNS times or for about TURNS_NS.
FEWEST_TURNS, MOST_TURNS = 2, 6
TURNS_NS = 30e6
STARTS = 5
PATIENCE_SECONDS = 120.0

# Runs the command line, then says how much memory this process itself held at most.
_WITH_PEAK = """
import atexit, sys
from guideline_benchmarks.guidelines.__main__ import main
from guideline_benchmarks.runners.worker.machine.host import peak_memory
atexit.register(lambda: print(peak_memory() or 0, file=sys.stderr))
main()
"""


@dataclass(frozen=True)
class Fidelity:
    """One cell's times in ns.

    `recorded` are samples taken in full rounds, as in any run, `bare` laps of a bare loop, and
    `turns` harness times over bare ones, each from a turn bare, harness, harness, bare.
    """

    cell: str
    recorded: list[int] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)

    @property
    def bare_ns(self) -> float:
        """Median of the bare loop."""
        return statistics.median(self.bare)

    @property
    def harness_ratio(self) -> float:
        """The harness over the bare loop, both right after the same network."""
        return statistics.median(self.turns)

    @property
    def recorded_ratio(self) -> float:
        """Samples of full rounds over the bare loop: what the other networks do to the caches."""
        return statistics.median(self.recorded) / self.bare_ns


def measure_fidelity(platform: str) -> list[Fidelity]:
    """Time every cell three ways in one process, interleaved.

    Each pass is a full round, as in any run, and then, cell by cell, turns of bare loop, harness,
    harness, bare loop of the same session, so that a drift of the machine cancels.
    """
    cache = cache_folder()
    plan = runs.Plan(
        list(GUIDELINES.values()), load_platform(platform), Protocol(runs=1, processes=1)
    )
    launcher = launcher_of(plan.platform, cache)
    cells, controls, files = runs.prepare(plan, cache, lambda *_: None)
    run = runs.begin(plan, identify(plan.platform, launcher), cells, controls)
    found = [Fidelity(cell.name) for cell in run.cells]
    with launcher.transport.process() as worker:
        set_up(run, worker, files, launcher)
        samples.prove_all(run, worker, lambda _: None)
        order = list(range(len(found)))
        console = Console(stderr=True)
        for index in track(range(PASSES), "fidelity", console=console, transient=True):
            random.Random(index).shuffle(order)
            for cell, ns in zip(order, _round(worker, order), strict=True):
                found[cell].recorded.append(ns)
            for cell in order:
                turns = int(TURNS_NS / found[cell].recorded[-1])
                for _ in range(max(FEWEST_TURNS, min(MOST_TURNS, turns))):
                    _compare(worker, cell, found[cell])
    return found


def _compare(worker: WorkerProcess, cell: int, found: Fidelity) -> None:
    bare = _loop(worker, cell)
    harness = _round(worker, [cell]) + _round(worker, [cell])
    bare += _loop(worker, cell)
    found.bare.extend(bare)
    found.turns.append(sum(harness) / sum(bare))


def _round(worker: WorkerProcess, order: Sequence[int]) -> list[int]:
    worker.send({"do": "round", "order": list(order)})
    times = [worker.receive(PATIENCE_SECONDS, Sample).ns for _ in order]
    worker.receive(PATIENCE_SECONDS, RoundDone)
    return times


def _loop(worker: WorkerProcess, cell: int) -> list[int]:
    worker.send({"do": "loop", "cell": cell, "times": 2})
    # The first lap follows an idle moment, so it warms the caches and does not count.
    return worker.receive(PATIENCE_SECONDS, Loop).ns[1:]


@dataclass(frozen=True)
class RunCost:
    """What `guidelines run all` takes: seconds by what they go to, and peak memory in bytes."""

    wall: float
    spent: Mapping[str, float]
    controller_memory: int
    worker_memory: int


def measure_run_cost(platform: str) -> RunCost:
    """Run the main job once, from the command line, into a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        arguments = ["run", "all", "--platform", platform, "--out", str(folder), "--quiet"]
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", _WITH_PEAK, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        wall = time.monotonic() - started
        run = read_run(folder)
    peaks = [process.peak_memory or 0 for process in run.processes]
    return RunCost(
        wall=wall,
        spent=spending(run, wall),
        controller_memory=int(done.stderr.split()[-1]),
        worker_memory=max(peaks),
    )


def measure_start(arguments: Sequence[str]) -> float:
    """Return the median wall time in s of starting the command line with `arguments`."""
    times = []
    for _ in range(STARTS):
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "guidelines", *arguments], check=True, stdout=subprocess.DEVNULL
        )
        times.append(time.monotonic() - started)
    return statistics.median(times)


def command(platform: PlatformName = "cpu", json: Json = False) -> None:
    """Measure the suite itself: fidelity of the harness, cost of a full run, start-up times."""
    if load_platform(platform).counts:
        raise BadInputError(
            f"bench times the harness, and nothing is timed on platform {platform}: choose another."
        )
    help_seconds, list_seconds = measure_start(["--help"]), measure_start(["list"])
    fidelity = measure_fidelity(platform)
    cost = measure_run_cost(platform)
    long = [f for f in fidelity if f.bare_ns >= 1e6]
    short = [f for f in fidelity if f.bare_ns < 1e6]
    harness = {f.cell: f.harness_ratio for f in long}
    recorded = {f.cell: f.recorded_ratio for f in long}
    gaps = {f.cell: (f.harness_ratio - 1) * f.bare_ns for f in short}
    if json:
        figures = {
            "help_s": help_seconds,
            "list_s": list_seconds,
            "harness_over_bare": harness,
            "recorded_over_bare": recorded,
            "harness_minus_bare_ns": gaps,
            "run_wall_s": cost.wall,
            "run_samples_s": cost.spent[CELLS],
            "run_spent_s": cost.spent,
            "controller_peak_bytes": cost.controller_memory,
            "worker_peak_bytes": cost.worker_memory,
        }
        print_json(figures)
        return
    typer.echo(f"guidelines --help        {help_seconds:.2f} s   (target: at most 0.3)")
    typer.echo(f"guidelines list          {list_seconds:.2f} s   (target: at most 0.5)")
    typer.echo(f"Harness over bare loop   {_range(harness)}   (target: 0.99 to 1.01)")
    typer.echo(f"In a round, likewise     {_range(recorded)}   (caches shared with other cells)")
    if gaps:
        worst = max(abs(gap) for gap in gaps.values())
        typer.echo(f"Cells under 1 ms         {worst / 1e3:.1f} µs apart   (target: at most 10)")
    typer.echo(
        f"guidelines run all       {cost.wall:.1f} s for {cost.spent[CELLS]:.1f} s of samples: "
        f"{cost.wall / cost.spent[CELLS]:.2f}   (target: at most 1.35)"
    )
    for what, seconds in cost.spent.items():
        typer.echo(f"  {what:<52}{seconds:6.1f} s {100 * seconds / cost.wall:5.1f} %")
    memory = f"controller {cost.controller_memory / 1e6:.0f}, worker {cost.worker_memory / 1e6:.0f}"
    typer.echo(f"Peak memory, MB          {memory}")


def _range(ratios: dict[str, float]) -> str:
    ordered = sorted((ratio, cell) for cell, ratio in ratios.items())
    (low, least), (high, most) = ordered[0], ordered[-1]
    middle = statistics.median(ratios.values())
    return f"median {middle:.3f}, from {low:.3f} ({least}) to {high:.3f} ({most})"
