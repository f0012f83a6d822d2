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
from guideline_benchmarks.results.record.protocol import Protocol
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
    needs them. `machine` is what the user calls the machine.
    """

    transport: Transport
    worker: str
    search: Sequence[str] = ()
    extra: Sequence[float] = ()
    machine: str = ""


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
    return Launcher(transport, worker_archive.digest(), search, machine=platform.machine)


def identify(platform: Platform, launcher: Launcher, core: str | None = None) -> Fingerprint:
    """Start a worker that measures nothing, and return the fingerprint of where it ran.

    Raises PlatformError when the worker cannot start or its runtime is missing, BadInputError when
    it cannot be kept on `core` (see results.record.protocol.Protocol).
    """
    with launcher.transport.process() as worker:
        launcher.transport.introduce(worker, [], lambda *_: None)
        protocol = Protocol(runs=1, processes=1, core=core)
        return fingerprint(_greet(platform, protocol, worker, launcher, []), launcher)


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
    return _greet(run.platform, run.protocol, worker, launcher, described, loading)


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


def _greet(
    platform: Platform,
    protocol: Protocol,
    worker: WorkerProcess,
    launcher: Launcher,
    cells: Sequence[dict[str, Any]],
    loading: Sequence[int] = (),
) -> Ready:
    """Send a fresh worker its first request and return its answer."""
    request = _request(platform, protocol, launcher, cells)
    worker.send(request | {"loading": list(loading)})
    event = worker.receive(START_SECONDS, Ready, Unavailable)
    if isinstance(event, Ready):
        return launcher.transport.seen(event)
    if event.asked_wrong:
        asked = "" if protocol.core is None else f"--core {protocol.core} "
        several = f"--threads {platform.threads} " if platform.threads > 1 else ""
        raise BadInputError(f"{asked}{several}cannot be measured: {event.clause}.")
    raise launcher.transport.unavailable(event)


def _request(
    platform: Platform, protocol: Protocol, launcher: Launcher, cells: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    row = backend(platform.backend)
    return {
        "search": list(launcher.search),
        "extra": list(launcher.extra),
        "install": shlex.join(["pip", "install", *row.requirements]),
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
