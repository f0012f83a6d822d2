"""The worker's loop: requests in, samples out (the protocol is in the package's docstring)."""

from __future__ import annotations

import errno
import gc
import json
import os
import sys
from contextlib import nullcontext
from typing import Any, TextIO

from .arrays import Buffers, spoil, worst, worst_error
from .backends.interface import (
    Arrays,
    DeviceLostError,
    LoadedNetwork,
    NoDeviceError,
    Profile,
    Settings,
    open_backend,
)
from .counting import counted
from .entry import installing, refuse
from .extra_work import ExtraWork
from .machine import cores, host, warmth
from .stopwatch import Stopwatch

# A full disk, say.
NO_FAULT_OF_THE_NETWORK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def execute(network: LoadedNetwork) -> list[int]:
    """Execute once; return no time."""
    network.run()
    return []


def warm_up(
    network: LoadedNetwork, stopwatch: Stopwatch, least: int, most: int, steady_within: float
) -> list[int]:
    """Execute until an execution gains no more than `steady_within` on the fastest before it.

    At least `least` and at most `most` executions; returns their times in ns.
    """
    times = [stopwatch.once(network)]
    while len(times) < most:
        times.append(stopwatch.once(network))
        steady = times[-1] >= min(times[:-1]) * (1 - steady_within)
        if steady and len(times) >= least:
            break
    return times


def in_order(calls: list[dict[str, Any]], found: Profile) -> list[int]:
    """Return the times of a profile's operators in the order of `calls`.

    A runtime may visit parallel branches in another order each time. Raises RuntimeError unless
    both hold the same operators.
    """
    times: dict[str, list[int]] = {}
    for call, ns in zip(reversed(found.calls), reversed(found.operators_ns)):
        times.setdefault(json.dumps(call), []).append(ns)
    try:
        result = [times[json.dumps(call)].pop() for call in calls]
    except (KeyError, IndexError):
        result = []
    if len(result) != len(found.calls):
        raise RuntimeError("a profiled execution ran other operators than the one before")
    return result


class Worker:
    """Networks loaded into one backend, timed on request."""

    def __init__(self, request: dict[str, Any], answers: TextIO) -> None:
        self.answers = answers
        # Last, so that nothing there can stand in for a module that the worker itself needs.
        sys.path.extend(request["search"])
        self.lead_in_below = request["lead_in_below_ns"]
        # Counts do not depend on where and when they are taken; and what is read of a machine, were
        # it one digit longer, would move all that lies in memory after it, and so change misses.
        self.timed = request["timed"]
        self.allowed = cores.allowed()
        self.core = cores.pin(request["core"], request["threads"]) if self.timed else None
        self.load_start = host.load_average() if self.timed else None
        threads = request["threads"] or (len(self.core) if isinstance(self.core, list) else 1)
        settings = Settings(threads, request["mode"], request["precision"])
        self.backend = open_backend(**request["backend"], settings=settings)
        self.stopwatch: Stopwatch = self.backend.stopwatch
        self.networks: dict[int, LoadedNetwork] = {}
        self.lead_in: dict[int, bool] = {}
        self.profiled: dict[int, Profile] = {}
        self.extra_work = ExtraWork(request["extra"]) if request["extra"] else None
        self.steps: dict[int, list[int]] = {}

    def send(self, **event: Any) -> None:
        """Write one event."""
        self.answers.write(json.dumps(event) + "\n")
        self.answers.flush()

    def ready(self) -> None:
        """Say which machine and runtime this is."""
        self.send(
            event="ready",
            pid=os.getpid() if self.timed else 1,
            core=self.core,
            load=self.load_start,
            machine=host.facts(),
            runtimes=self.backend.versions(),
            **self.stopwatch.about(),
        )

    def load(
        self, cells: list[dict[str, Any]], order: list[int], seed: int, warmup: dict[str, Any]
    ) -> None:
        """Load, prove and warm up every cell, in an order of their indices."""
        buffers = Buffers(cells, seed)
        for index in order:
            cell = cells[index]
            expected = buffers.expected[index]
            inputs, outputs = buffers.inputs(cell), buffers.outputs(index, cell)
            try:
                with self.backend.guarded():
                    event = self.made(index, cell, inputs, outputs, expected, warmup)
            except DeviceLostError:
                raise
            except Exception as error:
                if isinstance(error, OSError) and error.errno in NO_FAULT_OF_THE_NETWORK:
                    # End, so that it can be continued.
                    raise
                self.networks.pop(index, None)
                self.send(event="failed", cell=index, reason=f"{type(error).__name__}: {error}")
            else:
                self.send(event="loaded", cell=index, **event)
        # A collection between samples would take their caches. Rounds leave no garbage but what
        # profiles make, and these collect their own.
        gc.collect()
        gc.disable()
        self.send(event="warm", **(host.memory_left() if self.timed else {}))

    def made(
        self,
        index: int,
        cell: dict[str, Any],
        inputs: Arrays,
        outputs: Arrays,
        expected: Arrays,
        warmup: dict[str, Any],
    ) -> dict[str, Any]:
        """Load, warm up and prove one cell; return what is found of it (see `Loaded`)."""
        network = self.networks[index] = self.backend.load(cell["model"], inputs, outputs)
        times = warm_up(network, self.stopwatch, **warmup) if self.timed else execute(network)
        proof = network.executed()
        errors = [worst_error(network.outputs(), expected)]
        calls = None
        if cell["profile"]:
            spoil(outputs, expected)
            self.profiled[index] = network.profile()
            calls = self.profiled[index].calls
            errors.append(worst_error(network.outputs(), expected))
        self.lead_in[index] = cell["profile"] or min(times, default=0) < self.lead_in_below
        if self.extra_work:
            self.steps[index] = self.extra_work.steps(min(times))
        return {
            "warmup_ns": times,
            "output_error": worst(errors),
            "executed": proof,
            "calls": calls,
            "layout": network.layout,
            **(self.stopwatch.prepare(network) if self.timed else {}),
        }

    def round(self, order: list[int]) -> None:
        """Time one execution of each network in `order`, in that order.

        Networks that are to be profiled are executed once more, under the profiler.
        """
        for index in order:
            network, lead_in = self.networks[index], self.lead_in[index]
            if self.extra_work:
                sample = self.extra_work.sample(network, lead_in, self.steps[index])
            else:
                sample = self.stopwatch.sample(network, lead_in)
            self.send(event="sample", cell=index, **sample)
            if index in self.profiled:
                self.send_profile(index)
        warm = warmth.now(self.core) if self.timed else {}
        self.send(event="round", **self.stopwatch.state(), **warm)

    def send_profile(self, index: int) -> None:
        """Profile one execution, which must run the very operators that were proved."""
        found = self.networks[index].profile()
        times = in_order(self.profiled[index].calls, found)
        self.send(event="profile", cell=index, ns=found.ns, operators_ns=times)

    def loop(self, cell: int, times: int) -> None:
        """Time a bare loop over one network, without the harness."""
        self.send(event="loop", ns=self.stopwatch.loop(self.networks[cell], times))

    def count(self, cell: int, times: int, path: str) -> None:
        """Count what each of several executions of one network executes."""
        self.send(event="counts", cell=cell, **counted(self.networks[cell], times, path))

    def stop(self, ceilings: bool = False) -> None:
        """Say how the machine was left, and what it can reach if `ceilings` are asked for."""
        peak, load = host.peak_memory(), host.load_average()
        found = self.ceilings() if ceilings else None
        self.send(event="stopped", load=load, peak_memory=peak, ceilings=found)

    def ceilings(self) -> dict[str, Any] | None:
        """Measure what the machine can reach, in the memory that the networks leave; or None."""
        self.networks.clear()
        self.profiled.clear()
        gc.collect()
        try:
            return self.backend.ceilings()
        except (RuntimeError, MemoryError):
            # All that was asked for is measured: a run is no worse for it.
            return None


def main(first: dict[str, Any], requests: TextIO, answers: TextIO) -> None:
    """Serve the first request, and others until told to stop or until the reader is gone."""
    try:
        worker = Worker(first, answers)
    except (ImportError, NoDeviceError, cores.NoSuchCoreError) as error:
        advice = f": {installing(first['install'])}" if isinstance(error, ImportError) else ""
        refuse(answers, f"{error}{advice}", isinstance(error, cores.NoSuchCoreError))
        return
    try:
        serve(worker, first, requests)
    except DeviceLostError as error:
        # One line, which the reader passes on; what is left in the device must not add to it.
        print(" ".join(str(error).split()), file=sys.stderr, flush=True)
        os._exit(1)


def serve(worker: Worker, first: dict[str, Any], requests: TextIO) -> None:
    """Answer the first request and all that follow. Raises DeviceLostError."""
    worker.ready()
    # A compiler takes all cores that it may.
    with cores.released(worker.allowed) if first["mode"] == "compile" else nullcontext():
        worker.load(first["cells"], first["loading"], first["seed"], first["warmup"])
    for line in requests:
        request = json.loads(line)
        action = request.pop("do")
        if action == "round":
            worker.round(**request)
        elif action == "loop":
            worker.loop(**request)
        elif action == "count":
            worker.count(**request)
        else:
            worker.stop(**request)
            return
