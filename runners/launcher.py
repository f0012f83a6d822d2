"""Workers of a platform: how they are started, greeted, and told what to measure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.platform import Fingerprint, Platform
from guideline_benchmarks.results.record.protocol import Precision, Protocol
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.runners import worker_archive
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.events import Ready, Unavailable
from guideline_benchmarks.runners.schedule import loading_order
from guideline_benchmarks.runners.transports import local
from guideline_benchmarks.runners.transports.catalogue import transport_of
from guideline_benchmarks.runners.transports.transport import START_SECONDS, Transport
from guideline_benchmarks.runners.worker_process import WorkerProcess


@dataclass(frozen=True)
class ModelFiles:
    """Where one network's model file and its expected outputs lie (.npy of one, .npz of several).

    `values` is where its inputs do (.npz), None for one that the worker draws itself.
    """

    model: Path
    expected: Path
    values: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        return tuple(path for path in (self.model, self.expected, self.values) if path)


@dataclass(frozen=True)
class Launcher:
    """How workers of a platform are started: the transport, and the digest of what it starts.

    `search` are folders where a worker looks for modules that it finds nowhere else. `extra` are
    fractions of extra work that are timed after each execution, as the study of the gate
    needs them. `machine` is what the user calls the machine. `packages` are what pip is to install
    where the runtime is missing.
    """

    transport: Transport
    worker: str
    search: Sequence[str] = ()
    extra: Sequence[float] = ()
    machine: str = ""
    packages: Sequence[str] = ()


def launcher_of(
    platform: Platform,
    cache: Path,
    search: Sequence[str] = (),
    python: str = "",
    claim: Claim | None = None,
) -> Launcher:
    """Return how workers of a platform are started; the worker is packed into the folder `cache`.

    They also look for modules in the folders `search`, and are run by `python`, one of this
    machine's, in place of what the platform says. On a board each of them holds the lock under
    `claim`, by default this process's own. Raises BadInputError for an unknown transport,
    PlatformError for one that is not set up.
    """
    archive = worker_archive.build(cache)
    claim = claim or Claim.of_this_process()
    transport = local.run_by(python, archive) if python else transport_of(platform, archive, claim)
    return Launcher(
        transport,
        worker_archive.digest(),
        search,
        machine=platform.machine,
        packages=_packages(platform, python),
    )


def _packages(platform: Platform, python: str) -> tuple[str, ...]:
    """Return what pip is to install for a platform: in the suite's own Python, a converter, too."""
    row = backend(platform.backend)
    own = platform.is_local and not python
    return (f"guideline-benchmarks[{row.extra}]",) if own and row.extra else row.requirements


def identify(
    platform: Platform,
    launcher: Launcher,
    core: str | None = None,
    precision: Precision = "fp32",
) -> Fingerprint:
    """Start a worker that measures nothing, and return the fingerprint of where it ran.

    Raises PlatformError when the worker cannot start, its runtime is missing, or has no such
    precision there, BadInputError when it cannot be kept on `core` (see
    results.record.protocol.Protocol).
    """
    protocol = Protocol(runs=1, processes=1, core=core, precision=precision)
    return fingerprint(_introduced(platform, protocol, launcher, platform.threads), launcher)


def most_threads(platform: Platform, launcher: Launcher, core: str | None = None) -> int:
    """Start a worker that measures nothing, and return how many threads it can have on `core`.

    That is one for each core of the kind. Raises as identify does.
    """
    ready = _introduced(platform, Protocol(runs=1, processes=1, core=core), launcher, None)
    if ready.core is not None:
        return len(ready.core) if isinstance(ready.core, list) else 1
    # A system that keeps no program on a core.
    machine = ready.machine
    return machine.clusters[0].count if machine.clusters else machine.cores


def _introduced(
    platform: Platform, protocol: Protocol, launcher: Launcher, threads: int | None
) -> Ready:
    with launcher.transport.process() as worker:
        launcher.transport.introduce(worker, [], lambda *_: None)
        request = _request(platform, protocol, launcher, [])
        return _greet(worker, launcher, request | {"threads": threads})


def set_up(
    run: Run,
    worker: WorkerProcess,
    files: Mapping[str, ModelFiles],
    launcher: Launcher,
    copying: Callable[[int, int], None] = lambda *_: None,
    cells: Sequence[Cell] | None = None,
) -> Ready:
    """Tell a fresh worker what `run` measures (or only some `cells` of it); return its answer.

    What it lacks of the files is copied first, which `copying` is told of. Raises PlatformError
    when the worker dies or its runtime is missing, and BadInputError when it cannot have the core
    that the protocol asks for.
    """
    wanted = run.networks if cells is None else cells
    paths = [path for cell in wanted for path in files[cell.name].paths]
    names = launcher.transport.introduce(worker, paths, copying)
    described = [_described(cell, files[cell.name], names) for cell in wanted]
    loading = loading_order(run.protocol, len(described), len(run.processes))
    request = _request(run.platform, run.protocol, launcher, described)
    return _greet(worker, launcher, request | {"loading": list(loading)})


def fingerprint(ready: Ready, launcher: Launcher) -> Fingerprint:
    """Return the fingerprint of where a worker runs, from its first answer."""
    machine = ready.machine.model_dump()
    return Fingerprint(
        **machine,
        gpu=ready.gpu,
        runtimes=ready.runtimes,
        worker=launcher.worker,
        machine=launcher.machine,
    )


def _greet(worker: WorkerProcess, launcher: Launcher, request: dict[str, Any]) -> Ready:
    """Send a fresh worker its first request and return its answer."""
    worker.send(request)
    event = worker.receive(START_SECONDS, Ready, Unavailable)
    if isinstance(event, Ready):
        return launcher.transport.seen(event)
    if event.asked_wrong:
        asked = "" if request["core"] is None else f"--core {request['core']} "
        threads = request["threads"] or "all"
        several = "" if threads == 1 else f"--threads {threads} "
        raise BadInputError(f"{asked}{several}cannot be measured: {event.clause}.")
    raise launcher.transport.unavailable(event)


def _request(
    platform: Platform, protocol: Protocol, launcher: Launcher, cells: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    row = backend(platform.backend)
    return {
        "search": list(launcher.search),
        "extra": list(launcher.extra),
        "install": shlex.join(["pip", "install", *(launcher.packages or row.requirements)]),
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
        "loading": [],
    }


def _described(cell: Cell, files: ModelFiles, names: Mapping[Path, str]) -> dict[str, Any]:
    """Return a network as the worker is told of it, with its files by their `names` there."""
    return {
        "model": names[files.model],
        "expected": names[files.expected],
        "values": files.values and names[files.values],
        "inputs": {tensor.name: list(tensor.shape) for tensor in cell.network.inputs},
        "outputs": [tensor.name for tensor in cell.network.outputs],
        "profile": cell.profiled,
    }
