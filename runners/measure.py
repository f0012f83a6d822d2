"""Measure what a run still lacks: fresh workers, their rounds, each stored before the next."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol as Interface

from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.parts import Process
from guideline_benchmarks.results.record.same_machine import refuse_other_machine
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.stopping import complete, time_is_up
from guideline_benchmarks.runners import schedule
from guideline_benchmarks.runners.events import Stopped
from guideline_benchmarks.runners.launcher import Launcher, ModelFiles, fingerprint, set_up
from guideline_benchmarks.runners.samples import measure_round, prove_all
from guideline_benchmarks.runners.worker_process import WorkerProcess

# The ceilings of a slow machine, with other programs on it.
CEILINGS_SECONDS = 300.0


class Watcher(Interface):
    """Is told how far the measurement is."""

    def process_started(self, process: int, rounds: int) -> None:
        """Worker number `process` starts, to measure `rounds` rounds."""

    def copying(self, done: int, total: int) -> None:
        """So many of so many files that a worker lacks were copied to where it runs."""

    def network_ready(self, cell: Cell) -> None:
        """A network was proved and warmed up."""

    def sample_taken(self, cell: Cell) -> None:
        """One sample arrived."""

    def machine_state(self, celsius: float | None, mhz: int | None) -> None:
        """So warm is the machine after a round, and so fast its clock; None if not shown."""

    def round_stored(self, run: Run) -> None:
        """A round is on disk."""


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def measure(
    run: Run,
    files: Mapping[str, ModelFiles],
    launcher: Launcher,
    store: Callable[[Run], None],
    watcher: Watcher,
) -> Run:
    """Measure the rounds that `run` lacks, in fresh workers, and return the completed run.

    `files` is by cell name. `store` is called with the run after every round, before the next
    begins. Samples belong to the last session of `run`.

    Raises PlatformError when a worker dies, hangs or sends garbage, BadInputError when the machine
    is not the one that the run was begun on, and CheckFailedError when no cell passes its proof.
    """
    while rounds := _rounds_of_next_process(run):
        with launcher.transport.process() as worker:
            run = _measure_process(run, rounds, worker, files, launcher, store, watcher)
    return run


def _rounds_of_next_process(run: Run) -> int:
    """Return how many rounds the next worker is to measure, 0 when nothing is missing."""
    if complete(run):
        return 0
    planned = _planned(run)
    counts = Counter(entry.process for entry in run.rounds)
    done = [counts[process.index] for process in run.processes]
    # More than planned are measured by a stopping rule alone.
    return next(iter(schedule.remaining(planned, done)), planned[0])


def _planned(run: Run) -> list[int]:
    return schedule.rounds_per_process(run.protocol.runs, run.protocol.processes)


def _measure_process(
    run: Run,
    rounds: int,
    worker: WorkerProcess,
    files: Mapping[str, ModelFiles],
    launcher: Launcher,
    store: Callable[[Run], None],
    watcher: Watcher,
) -> Run:
    index = len(run.processes)
    watcher.process_started(index, rounds)
    started, began = now(), time.monotonic()
    ready = set_up(run, worker, files, launcher, watcher.copying)
    refuse_other_machine(run.fingerprint, fingerprint(ready, launcher))
    proved = prove_all(run, worker, watcher.network_ready)
    loaded, warmup = proved.loaded, proved.warmup_ns
    process = Process(
        index=index,
        session=len(run.sessions) - 1,
        started=started,
        pid=ready.pid,
        core=ready.core,
        load_start=ready.load,
        load_end=None,
        peak_memory=None,
        warmup_ns=warmup,
        proofs=proved.proofs,
        layouts={name: event.layout for name, event in loaded.items() if event.layout},
        launch_ns={name: event.launch_ns for name, event in loaded.items() if event.launch_ns},
        clock=ready.clock,
    )
    earlier = run.processes
    run = run.model_copy(update={"processes": [*earlier, process]})
    working = [i for i, cell in enumerate(run.networks) if cell.name in warmup]
    for number in range(rounds):
        place = schedule.place(_planned(run), len(run.rounds))
        order = schedule.order(working, run.protocol.seed, *place)
        taken = measure_round(run, worker, order, warmup, watcher.sample_taken)
        entry = taken.as_round(index, number, order)
        process = process.model_copy(update={"seconds": time.monotonic() - began})
        measured = {"processes": [*earlier, process], "rounds": [*run.rounds, entry]}
        run = run.model_copy(update=measured)
        store(run)
        watcher.machine_state(taken.after.celsius, taken.after.mhz)
        watcher.round_stored(run)
        if time_is_up(run):
            break
    worker.send({"do": "stop", "ceilings": True})
    stopped = worker.receive(CEILINGS_SECONDS, Stopped)
    process = process.model_copy(
        update={
            "load_end": stopped.load,
            "peak_memory": stopped.peak_memory,
            "ceilings": stopped.ceilings,
        }
    )
    run = run.model_copy(update={"processes": [*earlier, process]})
    store(run)
    return run
