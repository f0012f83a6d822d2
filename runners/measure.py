"""Measure what a run still lacks: fresh workers, their rounds, each stored before the next."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

from results.errors import BadInputError, PlatformError
from results.record.backends import backend
from results.record.cells import Cell
from results.record.parts import Process
from results.record.platform import Fingerprint, Platform
from results.record.protocol import Protocol
from results.record.same_machine import refuse_other_machine
from results.record.schema import Run
from results.statistics.stopping import complete, time_is_up
from runners import schedule
from runners.events import Ready, Stopped, Unavailable
from runners.samples import measure_round, prove_all, warmup_times
from runners.transports.ssh import START_SECONDS, Connection
from runners.worker_process import WorkerProcess

# The ceilings of a slow machine, with other programs on it.
CEILINGS_SECONDS = 300.0


@dataclass(frozen=True)
class ModelFiles:
    """Where one network's model file and its expected output (.npy) lie."""

    model: Path
    expected: Path

    @property
    def paths(self) -> tuple[Path, Path]:
        """Both."""
        return self.model, self.expected


class Watcher(Interface):
    """Is told how far the measurement is."""

    def process_started(self, process: int, rounds: int) -> None:
        """Worker number `process` starts, to measure `rounds` rounds."""

    def copying(self, done: int, total: int) -> None:
        """So many of so many files that a board lacks were copied to it."""

    def network_ready(self, cell: Cell) -> None:
        """A network was proved and warmed up."""

    def sample_taken(self, cell: Cell) -> None:
        """One sample arrived."""

    def round_stored(self, run: Run) -> None:
        """A round is on disk."""


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Launcher:
    """How workers of a platform are started: the command, and the digest of what it runs.

    `search` are folders where it looks for modules that it finds nowhere else. With a `board`, it
    is started there. `extra` are fractions of extra work that are timed after each execution, as
    the calibration of the gate needs them.
    """

    command: Sequence[str]
    worker: str
    search: Sequence[str] = ()
    board: Connection | None = None
    extra: Sequence[float] = ()

    def process(self) -> WorkerProcess:
        """Return a worker that is not started yet."""
        return self.board.process() if self.board else WorkerProcess(self.command)


def identify(platform: Platform, launcher: Launcher, core: str | None = None) -> Fingerprint:
    """Start a worker that measures nothing, and return the fingerprint of where it ran.

    Raises PlatformError when the worker cannot start or its runtime is missing, BadInputError when
    it cannot be kept on `core` (see results.record.protocol.Protocol).
    """
    with launcher.process() as worker:
        if launcher.board:
            launcher.board.introduce(worker, [], lambda *_: None)
        protocol = Protocol(runs=1, processes=1, core=core)
        return fingerprint(greet(platform, protocol, worker, launcher=launcher), launcher)


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
        with launcher.process() as worker:
            run = _measure_process(run, rounds, worker, files, launcher, store, watcher)
    return run


def _rounds_of_next_process(run: Run) -> int:
    """Return how many rounds the next worker is to measure, 0 when nothing is missing."""
    if complete(run):
        return 0
    planned = schedule.rounds_per_process(run.protocol.runs, run.protocol.processes)
    counts = Counter(entry.process for entry in run.rounds)
    done = [counts[process.index] for process in run.processes]
    # More than planned are measured by a stopping rule alone.
    return next(iter(schedule.remaining(planned, done)), planned[0])


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
    loaded, proofs = prove_all(run, worker, watcher.network_ready)
    warmup = warmup_times(loaded)
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
        proofs=proofs,
        layouts={name: event.layout for name, event in loaded.items() if event.layout},
        launch_ns={name: event.launch_ns for name, event in loaded.items() if event.launch_ns},
        clock=ready.clock,
    )
    earlier = run.processes
    run = run.model_copy(update={"processes": [*earlier, process]})
    working = [i for i, cell in enumerate(run.networks) if cell.name in warmup]
    for number in range(rounds):
        order = schedule.order(working, run.protocol.seed, index, number)
        taken = measure_round(run, worker, order, warmup, watcher.sample_taken)
        entry = taken.as_round(index, number, order)
        process = process.model_copy(update={"seconds": time.monotonic() - began})
        measured = {"processes": [*earlier, process], "rounds": [*run.rounds, entry]}
        run = run.model_copy(update=measured)
        store(run)
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


def set_up(
    run: Run,
    worker: WorkerProcess,
    files: Mapping[str, ModelFiles],
    launcher: Launcher | None = None,
    copying: Callable[[int, int], None] = lambda *_: None,
    cells: Sequence[Cell] | None = None,
) -> Ready:
    """Tell a fresh worker what `run` measures (or only some `cells` of it); return its answer.

    A board first gets what it lacks of the worker and the files, which `copying` is told of.
    """
    wanted = run.networks if cells is None else cells
    names: Mapping[Path, str] = {}
    if launcher is not None and launcher.board is not None:
        paths = [path for cell in wanted for path in files[cell.name].paths]
        names = launcher.board.introduce(worker, paths, copying)
    chosen = [_cell_files(cell, files[cell.name], names) for cell in wanted]
    return greet(run.platform, run.protocol, worker, chosen, launcher)


def greet(
    platform: Platform,
    protocol: Protocol,
    worker: WorkerProcess,
    cells: Sequence[dict[str, Any]] = (),
    launcher: Launcher | None = None,
) -> Ready:
    """Send a fresh worker its first request and return its answer.

    Raises PlatformError when the worker dies or its runtime is missing, and BadInputError when it
    cannot have the core that the protocol asks for.
    """
    worker.send(_setup(platform, protocol, cells, launcher))
    event = worker.receive(START_SECONDS, Ready, Unavailable)
    if isinstance(event, Ready):
        return event
    if event.asked_wrong:
        raise BadInputError(f"--core {protocol.core} cannot be measured: {event.clause}.")
    if launcher is not None and launcher.board is not None:
        raise launcher.board.unavailable(event)
    raise PlatformError(f"The platform cannot run here: {event.clause}.")


def _setup(
    platform: Platform,
    protocol: Protocol,
    cells: Sequence[dict[str, Any]],
    launcher: Launcher | None,
) -> dict[str, Any]:
    row = backend(platform.backend)
    return {
        "search": list(launcher.search) if launcher else [],
        "extra": list(launcher.extra) if launcher else [],
        "backend": {"module": row.module, "arguments": list(row.arguments)},
        "threads": platform.threads,
        "mode": platform.mode,
        "precision": protocol.precision,
        "core": protocol.core,
        "timed": not platform.counts,
        "lead_in_below_ns": protocol.lead_in_below_ms * 1e6,
        "seed": protocol.seed,
        "warmup": {
            "least": protocol.warmup_min,
            "most": protocol.warmup_max,
            "steady_within": protocol.steady_within,
        },
        "cells": list(cells),
    }


def _cell_files(cell: Cell, files: ModelFiles, names: Mapping[Path, str]) -> dict[str, Any]:
    """Return a network as the worker is told of it; `names` are those of its files on a board."""
    return {
        "model": names.get(files.model, str(files.model)),
        "expected": names.get(files.expected, str(files.expected)),
        "input_shape": list(cell.network.input_shape),
        "profile": cell.profiled,
    }


def fingerprint(ready: Ready, launcher: Launcher) -> Fingerprint:
    """Return the fingerprint of where a worker runs, from its first answer."""
    machine = ready.machine.model_dump()
    return Fingerprint(**machine, gpu=ready.gpu, runtimes=ready.runtimes, worker=launcher.worker)
