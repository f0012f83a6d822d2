"""A fresh worker of one side of a trial, with its networks loaded, proved and warm."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from guideline_benchmarks.results.gate.trial import SideName, SideProcess, Trial
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.same_machine import refuse_other_machine
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.runners import measure, samples
from guideline_benchmarks.runners.events import Ready, Sample, Stopped, Warm
from guideline_benchmarks.runners.launcher import Launcher, ModelFiles, fingerprint, set_up
from guideline_benchmarks.runners.transports.transport import START_SECONDS
from guideline_benchmarks.runners.worker_process import WorkerProcess


@dataclass(frozen=True)
class Equipment:
    """How workers of one side are started, and the model files of its networks by cell name."""

    launcher: Launcher
    files: Mapping[str, ModelFiles]


@dataclass(frozen=True)
class SideWorker:
    """A worker that waits for rounds; `warmup` are its networks' times in ns, by name.

    `run` holds the networks that it was given, `failures` why some of them are not measured, and
    `memory` what it took and what it left.
    """

    side: SideName
    run: Run
    worker: WorkerProcess
    ready: Ready
    started: str
    warmup: Mapping[str, Sequence[int]]
    failures: Mapping[str, str]
    memory: Warm

    def sample(
        self, order: Sequence[int], taken: Callable[[SideName, Cell], None]
    ) -> Sequence[Sample]:
        """Time the networks of these indexes; the errors are those of samples.measure_round."""

        def told(cell: Cell) -> None:
            taken(self.side, cell)

        return samples.measure_round(self.run, self.worker, [*order], self.warmup, told).samples

    def stop(self) -> Stopped:
        """Let it end; return how it left its machine."""
        self.worker.send({"do": "stop"})
        return self.worker.receive(START_SECONDS, Stopped)

    def process(self, taken: Mapping[str, Sequence[Sample]]) -> SideProcess:
        """Return the record of what was taken of its networks, by name."""
        return SideProcess(
            side=self.side,
            started=self.started,
            pid=self.ready.pid,
            core=self.ready.core,
            load=self.ready.load,
            ns={name: [sample.ns for sample in own] for name, own in taken.items()},
            extra_ns={
                name: [sample.extra_ns for sample in own]
                for name, own in taken.items()
                if any(sample.extra_ns for sample in own)
            },
            failures=dict(self.failures),
        )


def warm(
    trial: Trial,
    name: SideName,
    equipment: Equipment,
    wanted: Collection[str],
    worker: WorkerProcess,
) -> SideWorker:
    """Make a started process a warm worker of a side, with the networks that are `wanted`.

    Raises the errors of runners.measure.
    """
    side = trial.side(name)
    # No whole run, and not checked as one: the base cells of its experiments may be missing.
    run = Run.model_construct(
        platform=side.platform,
        fingerprint=side.fingerprint,
        protocol=trial.measured,
        experiments=trial.experiments,
        cells=[cell for cell in side.cells if cell.name in wanted],
        controls=[control for control in side.controls if control.name in wanted],
        sessions=[],
        processes=[],
        rounds=[],
    )
    started = measure.now()
    ready = set_up(run, worker, equipment.files, equipment.launcher)
    refuse_other_machine(side.fingerprint, fingerprint(ready, equipment.launcher))
    proved = samples.prove_all(run, worker, lambda _: None)
    return SideWorker(
        side=name,
        run=run,
        worker=worker,
        ready=ready,
        started=started,
        warmup=proved.warmup_ns,
        failures={n: p.failure for n, p in proved.proofs.items() if p.failure is not None},
        memory=proved.warm,
    )
