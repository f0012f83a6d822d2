"""Measure one quartet of a trial: four fresh workers, A B B A, over the same networks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from guideline_benchmarks.results.errors import SuiteError
from guideline_benchmarks.results.gate.trial import (
    ORDER,
    Part,
    Replicate,
    SideName,
    SideProcess,
    Step,
    Trial,
)
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.runners import schedule
from guideline_benchmarks.runners.events import Sample
from guideline_benchmarks.runners.side_worker import Equipment, warm


def measure_quartet(
    trial: Trial,
    equipment: Mapping[SideName, Equipment],
    step: Step,
    number: int,
    taken: Callable[[SideName, Cell], None],
    begun: Part | None = None,
    keep: Callable[[Part], None] = lambda _: None,
) -> Replicate:
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
    return Replicate(
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
    controls = {control.name for control in trial.side(name).controls}
    with equipment.launcher.transport.process() as worker:
        side = warm(trial, name, equipment, {*step.cells, *controls}, worker)
        networks = side.run.networks
        working = [i for i, cell in enumerate(networks) if cell.name in side.warmup]
        samples: dict[str, list[Sample]] = {networks[i].name: [] for i in working}
        for entry in range(trial.protocol.rounds_of("quartets", step.stage)):
            order = schedule.interleaved(
                [i for i in working if networks[i].name not in controls],
                [i for i in working if networks[i].name in controls],
                trial.measured.seed,
                number,
                entry,
            )
            for sample in side.sample(order, taken):
                samples[networks[sample.cell].name].append(sample)
        side.stop()
    return side.process(samples)
