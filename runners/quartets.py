"""Measure one quartet of a trial: four fresh workers, A B B A, over the same networks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from guideline_benchmarks.results.errors import SuiteError
from guideline_benchmarks.results.gate.trial import (
    ORDER,
    Part,
    Quartet,
    SideName,
    SideProcess,
    Step,
    Trial,
)
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.same_machine import refuse_other_machine
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.runners import measure, samples, schedule
from guideline_benchmarks.runners.events import Stopped
from guideline_benchmarks.runners.launcher import Launcher, ModelFiles, fingerprint, set_up
from guideline_benchmarks.runners.transports.transport import START_SECONDS


@dataclass(frozen=True)
class Equipment:
    """How workers of one side are started, and the model files of its networks by cell name."""

    launcher: Launcher
    files: Mapping[str, ModelFiles]


def measure_quartet(
    trial: Trial,
    equipment: Mapping[SideName, Equipment],
    step: Step,
    number: int,
    taken: Callable[[SideName, Cell], None],
    begun: Part | None = None,
    keep: Callable[[Part], None] = lambda _: None,
) -> Quartet:
    """Measure quartet `number` of a trial; `taken` is told of every sample.

    All four processes visit the networks in the same orders, the controls several times a round.
    What was `begun` of it goes on with its next process; `keep` is given what there is after each
    but the last. Raises the errors of runners.measure, which name the side.
    """
    began = time.monotonic() - (begun.seconds if begun else 0.0)
    processes = list(begun.processes) if begun else []
    session = len(trial.sessions) - 1
    for side in ORDER[len(processes) :]:
        try:
            processes.append(_measure(trial, side, equipment[side], step, number, taken))
        except SuiteError as error:
            raise type(error)(f"Side {side.upper()}: {error}") from None
        if len(processes) < len(ORDER):
            keep(
                Part(
                    number=number,
                    stage=step.stage,
                    session=session,
                    cells=list(step.cells),
                    seconds=time.monotonic() - began,
                    processes=processes,
                )
            )
    return Quartet(
        stage=step.stage,
        session=session,
        cells=list(step.cells),
        seconds=time.monotonic() - began,
        processes=processes,
    )


def _measure(
    trial: Trial,
    name: SideName,
    equipment: Equipment,
    step: Step,
    number: int,
    taken: Callable[[SideName, Cell], None],
) -> SideProcess:
    side = trial.side(name)
    wanted = set(step.cells)
    cells = [cell for cell in side.cells if cell.name in wanted]
    # No whole run, and not checked as one: the base cells of its experiments may be missing.
    run = Run.model_construct(
        platform=side.platform,
        fingerprint=side.fingerprint,
        protocol=trial.measured,
        experiments=trial.experiments,
        cells=cells,
        controls=side.controls,
        sessions=[],
        processes=[],
        rounds=[],
    )
    started = measure.now()
    with equipment.launcher.transport.process() as worker:
        ready = set_up(run, worker, equipment.files, equipment.launcher)
        found = fingerprint(ready, equipment.launcher)
        refuse_other_machine(side.fingerprint, found)
        loaded, proofs = samples.prove_all(run, worker, lambda _: None)
        warmup = samples.warmup_times(loaded)
        working = [i for i, cell in enumerate(run.networks) if cell.name in warmup]
        ns: dict[str, list[int]] = {run.networks[i].name: [] for i in working}
        extra: dict[str, list[list[int]]] = {}
        for entry in range(trial.protocol.rounds_of(step.stage)):
            order = schedule.interleaved(
                [i for i in working if i < len(cells)],
                [i for i in working if i >= len(cells)],
                trial.measured.seed,
                number,
                entry,
            )
            measured = samples.measure_round(run, worker, order, warmup, lambda c: taken(name, c))
            for sample in measured.samples:
                network = run.networks[sample.cell].name
                ns[network].append(sample.ns)
                if sample.extra_ns:
                    extra.setdefault(network, []).append(sample.extra_ns)
        worker.send({"do": "stop"})
        worker.receive(START_SECONDS, Stopped)
    return SideProcess(
        side=name,
        started=started,
        pid=ready.pid,
        core=ready.core,
        load=ready.load,
        ns=ns,
        extra_ns=extra,
        failures={name: p.failure for name, p in proofs.items() if p.failure is not None},
    )
