"""Measure one pair of a trial: a fresh worker of each side, alive at once on the same core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from guideline_benchmarks.results.errors import PlatformError, SuiteError
from guideline_benchmarks.results.gate.trial import Replicate, SideName, Step, Trial
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.runners import schedule
from guideline_benchmarks.runners.events import Sample
from guideline_benchmarks.runners.side_worker import Equipment, SideWorker, warm

SIDES: tuple[SideName, SideName] = ("a", "b")
# What a second worker may take beyond the first, whose networks may be in another format.
SPARE_MEMORY = 1.25


class NoRoomError(PlatformError):
    """Two workers do not fit into memory together."""


def measure_pair(
    trial: Trial,
    equipment: Mapping[SideName, Equipment],
    step: Step,
    number: int,
    taken: Callable[[SideName, Cell], None],
) -> Replicate:
    """Measure pair `number` of a trial; `taken` is told of every sample.

    Both workers are loaded and warm before the first round, and from then on one of them runs while
    the other waits. A round visits every network once, in random order, and takes a sample of it
    from each side, in random order: so the two are milliseconds apart. Which side is started first
    alternates. Raises NoRoomError, and the errors of runners.measure, which name the side.
    """
    began = time.monotonic()
    with ExitStack() as alive:
        workers: dict[SideName, SideWorker] = {}
        for name in SIDES if number % 2 == 0 else SIDES[::-1]:
            if workers:
                _refuse_without_room(*workers.values())
            with _of_side(name):
                process = alive.enter_context(equipment[name].launcher.transport.process())
                workers[name] = warm(trial, name, equipment[name], step.cells, process)
        names = [cell.name for cell in workers["a"].run.networks]
        working = [
            index
            for index, network in enumerate(names)
            if all(network in worker.warmup for worker in workers.values())
        ]
        samples: dict[SideName, dict[str, list[Sample]]] = {
            side: {names[index]: [] for index in working} for side in SIDES
        }
        for entry in range(trial.protocol.rounds_of("pairs", step.stage)):
            for index, sides in schedule.paired(working, trial.measured.seed, number, entry):
                for side in sides:
                    with _of_side(side):
                        samples[side][names[index]] += workers[side].sample([index], taken)
        for side, worker in workers.items():
            with _of_side(side):
                worker.stop()
    return Replicate(
        stage=step.stage,
        session=len(trial.sessions) - 1,
        cells=list(step.cells),
        seconds=time.monotonic() - began,
        processes=[worker.process(samples[side]) for side, worker in workers.items()],
    )


def _refuse_without_room(first: SideWorker) -> None:
    """Raise NoRoomError where memory does not hold a second worker beside the first."""
    taken, left = first.memory.peak_memory, first.memory.available_memory
    if taken is not None and left is not None and SPARE_MEMORY * taken > left:
        raise NoRoomError(
            f"a worker takes {taken / 2**20:.0f} MiB, and memory has {left / 2**20:.0f} MiB left "
            "for a second one"
        )


@contextmanager
def _of_side(name: SideName) -> Iterator[None]:
    """Name the side in the errors of what is done with it."""
    try:
        yield
    except SuiteError as error:
        raise type(error)(f"Side {name.upper()}: {error}") from None
