"""What a worker that has its networks is asked for: proofs, and the samples of rounds."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from guideline_benchmarks.results.errors import CheckFailedError, PlatformError
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.results.record.cells import Cell, DerivedNetwork, UserNetwork
from guideline_benchmarks.results.record.parts import Profile, Proof, Round
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.runners import proof
from guideline_benchmarks.runners.events import Failed, Loaded, Profiled, RoundDone, Sample, Warm
from guideline_benchmarks.runners.transports.transport import START_SECONDS
from guideline_benchmarks.runners.worker_process import WorkerProcess

# A sample may take this many times the warm-up's slowest execution before the worker is given up.
PATIENCE = 100
LEAST_PATIENCE_SECONDS = 60.0
COMPILER_SECONDS = 1800.0
# Characters of what a runtime says of a network that it cannot run.
LONGEST_FAILURE = 2000

Timed = TypeVar("Timed", Sample, Profiled)


@dataclass(frozen=True)
class Taken:
    """What one round took: a sample of each network, profiles, and how the machine was after it."""

    samples: Sequence[Sample]
    profiles: list[Profile]
    after: RoundDone

    def as_round(self, process: int, number: int, order: list[int]) -> Round:
        """Return it as the record of round `number` of a process, measured in that order."""
        samples = self.samples
        kinds = samples[0].beside
        cpu = [sample.cpu_ns for sample in samples if sample.cpu_ns is not None]
        clocks = [sample.sm_mhz for sample in samples if sample.sm_mhz is not None]
        discarded = [sample.discarded for sample in samples]
        shows = [sample.launch_shows for sample in samples]
        return Round(
            process=process,
            round=number,
            order=order,
            ns=[sample.ns for sample in samples],
            cpu_ns=cpu if len(cpu) == len(samples) else [],
            profiles=self.profiles,
            beside={kind: [sample.beside[kind] for sample in samples] for kind in kinds},
            sm_mhz=clocks if len(clocks) == len(samples) else [],
            discarded=discarded if any(discarded) else [],
            launch_shows=shows if any(shows) else [],
            card=self.after.card,
        )


def measure_round(
    run: Run,
    worker: WorkerProcess,
    order: list[int],
    warmup: Mapping[str, Sequence[int]],
    taken: Callable[[Cell], None],
) -> Taken:
    """Take a sample of each network in `order`, and profiles of those that have one.

    `taken` is told of each sample. Raises PlatformError when the worker dies, hangs or sends
    garbage.
    """
    worker.send({"do": "round", "order": order})
    samples, profiles = [], []
    for index in order:
        cell = run.networks[index]
        seconds = max(LEAST_PATIENCE_SECONDS, PATIENCE * max(warmup[cell.name]) / 1e9)
        samples.append(_of(index, worker.receive(seconds, Sample)))
        if cell.profiled:
            found = _of(index, worker.receive(seconds, Profiled))
            calls = run.processes[-1].proofs[cell.name].calls or []
            if len(found.operators_ns) != len(calls):
                raise PlatformError(f"The worker profiled other operators of {cell.name}.")
            profiles.append(Profile(network=index, ns=found.ns, operators_ns=found.operators_ns))
        taken(cell)
    done = worker.receive(LEAST_PATIENCE_SECONDS, RoundDone)
    if len({tuple(sample.beside) for sample in samples}) > 1:
        raise PlatformError("The worker measured some networks in other ways than others.")
    return Taken(samples, profiles, done)


def _loaded(run: Run, event: Loaded | Failed, seen: Mapping[str, Proof]) -> Cell:
    """Return the network that an event is of, which must be one that is not `seen` yet."""
    if event.cell >= len(run.networks) or run.networks[event.cell].name in seen:
        raise PlatformError("The worker loaded another network than it was told of.")
    return run.networks[event.cell]


def _of(index: int, event: Timed) -> Timed:
    """Return an event that must be of the network `index`."""
    if event.cell != index:
        raise PlatformError("The worker measured another network than it was asked to.")
    return event


@dataclass(frozen=True)
class Proved:
    """The networks that passed their proof as a worker found them, all proofs, and its memory."""

    loaded: Mapping[str, Loaded]
    proofs: dict[str, Proof]
    warm: Warm

    @property
    def warmup_ns(self) -> dict[str, list[int]]:
        """The warm-up times in ns of networks by name."""
        return {name: event.warmup_ns for name, event in self.loaded.items()}


def prove_all(run: Run, worker: WorkerProcess, ready: Callable[[Cell], None]) -> Proved:
    """Return what a worker found of the networks that it was told of.

    `ready` is told of each network that was loaded. Raises CheckFailedError when none passed.
    """
    loaded: dict[str, Loaded] = {}
    proofs: dict[str, Proof] = {}
    compiles = run.platform.mode in backend(run.platform.backend).compiling_modes
    patience = COMPILER_SECONDS if compiles else START_SECONDS
    for _ in run.networks:
        event = worker.receive(patience, Loaded, Failed)
        cell = _loaded(run, event, proofs)
        proofs[cell.name] = prove(run, cell, event)
        if isinstance(event, Loaded) and proofs[cell.name].failure is None:
            if not event.warmup_ns:
                raise PlatformError(f"{worker.name} took no time of {cell.name}.")
            loaded[cell.name] = event
        ready(cell)
    warm = worker.receive(START_SECONDS, Warm)
    if run.cells and not any(cell.name in loaded for cell in run.cells):
        # Controls are not what was asked for, and may have passed.
        name = run.cells[0].name
        raise CheckFailedError(f"No network passed its proof; {name}: {proofs[name].failure}.")
    return Proved(loaded, proofs, warm)


def prove(run: Run, cell: Cell, event: Loaded | Failed) -> Proof:
    """Return the proof of a network from what a worker found of it."""
    if isinstance(event, Failed):
        said = textwrap.shorten(event.reason, LONGEST_FAILURE, placeholder=" …")
        return Proof(output_error=None, operators=None, failure=said)
    operators = proof.executed_operators(event.executed)
    network, claimed = cell.network, cell.operators
    tolerance, quantised = run.protocol.output_tolerance, False
    if isinstance(network, UserNetwork):
        tolerance = max(tolerance, network.tolerance)
        quantised = network.precision == "int8"
    if cell.quantised:
        tolerance = max(tolerance, cell.quantised.tolerance)
        # A control is only work. Where numbers are in steps from zero already, a ReLU of them is
        # nothing, and runtimes leave it out.
        claimed = None if cell in run.controls else claimed
    reason = proof.failure(event.output_error, tolerance, operators, claimed)
    if reason and quantised:
        reason += proof.why_quantised_differs(run.fingerprint)
    if cell.profiled and reason is None:
        before = run.processes[0].proofs[cell.name].calls if run.processes else None
        # What was made of a network is not taken apart by categories: names of operators will do.
        named = isinstance(network, DerivedNetwork) and event.calls
        reason = None if named else proof.uncategorised(event.calls)
        reason = reason or proof.changed(event.calls, before)
    return Proof(
        output_error=event.output_error,
        operators=operators,
        failure=reason,
        otherwise=proof.otherwise(event.executed, run.protocol.precision),
        unproven=event.executed.unproven,
        calls=event.calls,
    )
