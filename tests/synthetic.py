"""Runs made up from a formula, for tests of what comes after the measurement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.controls import CONTROLS, PROFILER
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.guidelines.runtime_decomposition import FIG2
from guideline_benchmarks.results.record.cells import Cell, NetworkChoice, Operators
from guideline_benchmarks.results.record.consistency import checked
from guideline_benchmarks.results.record.parts import (
    Count,
    OperatorCall,
    Process,
    Profile,
    Proof,
    Round,
    Session,
)
from guideline_benchmarks.results.record.platform import Fingerprint, Platform
from guideline_benchmarks.results.record.protocol import Protocol
from guideline_benchmarks.results.record.schema import Run

FINGERPRINT = Fingerprint(
    hostname="bench",
    architecture="x86_64",
    cpu_model="A CPU",
    cpu_features=["avx2"],
    cores=2,
    caches={"L1d": 32768},
    memory=2**34,
    governor=None,
    virtualisation=None,
    os="Linux",
    python="3.11.7",
    runtimes={"onnxruntime": "1.0"},
    worker="0" * 64,
)

# Of a cell: experiment, row, scale, process, round.
Times = Callable[[Cell, int, int], float]


def some(*names: str) -> list[Declaration]:
    """The guidelines that have these cells, reduced to them."""

    def reduced(declaration: Declaration) -> Declaration:
        def cells(choice: NetworkChoice) -> list[Cell]:
            return [cell for cell in declaration.cells(choice) if cell.name in names]

        return Declaration(declaration.experiment, cells)

    wanted = {name.split("/")[0] for name in names}
    return [reduced(declaration) for name, declaration in GUIDELINES.items() if name in wanted]


def valid(content: object) -> Run:
    """The run of that content, whose parts must fit together."""
    return checked(Run.model_validate(content))


def with_cost(cell: Cell) -> Cell:
    return replace(
        cell,
        multiply_adds=64_000_000,
        memory_access_cost=4_000_000,
        memory_access_bytes=16_000_000,
        memory_access_bound=3_900_000.0,
        weights=20_000,
        model="0" * 64,
    )


def run_of(
    experiments: Sequence[str],
    times_ms: Times,
    rounds: Sequence[int] = (20,) * 5,
    channels: str = "arm",
    failures: dict[str, str] | None = None,
    **platform: object,
) -> Run:
    """A run whose samples are `times_ms(cell, process, round)`, `rounds` of them a process."""
    declarations = [GUIDELINES[name] for name in experiments]
    return run_of_declarations(declarations, times_ms, rounds, channels, failures, **platform)


def run_of_declarations(
    guidelines: Sequence[Declaration],
    times_ms: Times,
    rounds: Sequence[int] = (20,) * 5,
    channels: str = "arm",
    failures: dict[str, str] | None = None,
    **platform: object,
) -> Run:
    """`run_of` of any experiments that compare rows."""
    protocol = Protocol(runs=sum(rounds), processes=len(rounds), channels=channels)
    cells = [with_cost(cell) for g in guidelines for cell in g.cells(protocol.choice)]
    controls = [with_cost(cell) for cell in CONTROLS]
    networks = [*cells, *controls]
    failures = failures or {}
    order = [i for i, cell in enumerate(networks) if cell.name not in failures]
    proofs = {
        cell.name: Proof(output_error=1e-7, operators=Operators(), failure=failures.get(cell.name))
        for cell in networks
    }
    return checked(
        Run(
            platform=Platform(name="cpu", backend="onnxruntime-cpu", **platform),
            fingerprint=FINGERPRINT,
            protocol=protocol,
            experiments=[g.declared(protocol.choice) for g in guidelines],
            cells=cells,
            controls=controls,
            sessions=[
                Session(
                    started="2026-01-01T00:00:00+00:00",
                    command=["guidelines", "run"],
                    suite_version="0",
                    git_revision=None,
                    exporters={"torch": "2"},
                )
            ],
            processes=[
                Process(
                    index=index,
                    session=0,
                    started="2026-01-01T00:00:00+00:00",
                    pid=100 + index,
                    core=1,
                    load_start=0.1,
                    load_end=1.0,
                    peak_memory=10**8,
                    warmup_ns={cell.name: [1000, 900] for cell in networks},
                    proofs=proofs,
                )
                for index in range(len(rounds))
            ],
            rounds=[
                Round(
                    process=process,
                    round=number,
                    order=order,
                    ns=[max(1, round(1e6 * times_ms(networks[i], process, number))) for i in order],
                )
                for process, count in enumerate(rounds)
                for number in range(count)
            ],
        )
    )


def counted_run(
    experiments: Sequence[str],
    instructions: Callable[[Cell], int],
    caches: bool = False,
    runs: int = 5,
    failures: dict[str, str] | None = None,
    channels: str = "arm",
) -> Run:
    """A run on the emulator: the last execution counts `instructions(cell)`, earlier ones more.

    With `caches`, a tenth as many misses of the first level and a hundredth of the second.
    """
    failures = failures or {}
    timed = run_of(experiments, lambda *_: 1.0, channels=channels)
    protocol = timed.protocol.model_copy(update={"runs": runs, "processes": 1, "caches": caches})

    def count(cell: Cell) -> Count:
        failure = failures.get(cell.name)
        executed = [instructions(cell) + 10 * left for left in reversed(range(runs))]
        executed = [] if failure else executed
        return Count(
            cell=cell.name,
            session=0,
            started="2026-01-01T00:00:00+00:00",
            proof=Proof(output_error=1e-7, operators=Operators(), failure=failure),
            instructions=executed,
            l1d_misses=[number // 10 for number in executed] if caches else [],
            l2_misses=[number // 100 for number in executed] if caches else [],
        )

    platform = Platform(
        name="arm-emulated",
        backend="onnxruntime-cpu",
        transport="emulator",
        unit="instructions",
    )
    return valid(
        timed.model_dump()
        | {
            "platform": platform.model_dump(),
            "protocol": protocol.model_dump(),
            "controls": [],
            "processes": [],
            "rounds": [],
            "counts": [count(cell).model_dump() for cell in timed.cells],
        }
    )


def noisy(truth: Callable[[Cell], float], noise: float = 0.01, seed: int = 0) -> Times:
    """`truth(cell)` ms, with a log-normal disturbance a process, another a sample."""
    random = np.random.default_rng(seed)
    per_process = random.normal(0, noise, size=64)

    def times(cell: Cell, process: int, _: int) -> float:
        return truth(cell) * float(np.exp(per_process[process] + random.normal(0, noise)))

    return times


def call(
    operator: str, *inputs: list[int], outputs: Sequence[list[int]] = (), recorded: int = 0
) -> OperatorCall:
    return OperatorCall(
        operator=operator, name="", inputs=list(inputs), outputs=list(outputs), recorded=recorded
    )


# One execution of a network, operator by operator, with the true time of each in ms.
EXECUTION = [
    (call("Conv", [1, 3, 224, 224], [24, 3, 3, 3], recorded=2), 2.0),
    (call("Conv", [1, 24, 56, 56], [24, 1, 3, 3]), 1.0),
    (call("Relu", [1, 24, 56, 56]), 0.5),
    (call("Reshape", [1, 24, 56, 56], outputs=[[1, 3, 8, 56, 56]]), 0.05),
    (call("Transpose", [1, 3, 8, 56, 56], outputs=[[1, 8, 3, 56, 56]]), 0.9),
    (call("Reshape", [1, 8, 3, 56, 56], outputs=[[1, 24, 56, 56]]), 0.05),
    (call("Concat", [1, 24, 56, 56], [1, 24, 56, 56], recorded=9), 0.3),
    (call("Gemm", [1, 960], [960, 1000]), 0.2),
]
CONTROL_EXECUTIONS = {
    "control/profiler/x1": [(call("Tanh", [1, 1, 1, 1]), 0.0003)] * 100,
    "control/profiler-composite/x1": [
        (call("Concat", recorded=15), 0.001),
        (call("Conv", recorded=1), 0.002),
    ]
    * 20,
}


def fig2_run(
    added_ms: float = 0.002,
    recorded_ms: float = 0.0005,
    gap_ms: float = 0.0,
    slow_down: float = 1.0,
    rounds: Sequence[int] = (20,) * 5,
    noise: float = 0.0,
    seed: int = 0,
    failures: dict[str, str] | None = None,
    declaration: Declaration = FIG2,
) -> Run:
    """A decomposition whose truth is EXECUTION plus `gap_ms` that belongs to no operator.

    The profiler adds `added_ms` to every operator, `recorded_ms` for each thing recorded in it, and
    slows all of them by a factor.
    """
    random = np.random.default_rng(seed)
    failures = failures or {}
    bare = run_of([], lambda *_: 1.0, rounds=rounds)
    cells = [with_cost(cell) for cell in declaration.cells(bare.protocol.choice)]
    others = [*bare.controls, *(with_cost(control) for control in PROFILER)]
    networks = [*cells, *others]
    working = [i for i, cell in enumerate(networks) if cell.name not in failures]

    def execution(cell: Cell) -> list[tuple[OperatorCall, float]]:
        return CONTROL_EXECUTIONS.get(cell.name, EXECUTION)

    def plain(cell: Cell) -> float:
        if not cell.profiled:
            return 1.0
        return sum(ms for _, ms in execution(cell)) + (gap_ms if cell in cells else 0.0)

    def proof(cell: Cell) -> Proof:
        calls = [found for found, _ in execution(cell)] if cell.profiled else None
        return Proof(output_error=0.0, operators=None, failure=failures.get(cell.name), calls=calls)

    def profile(index: int, disturbance: float) -> Profile:
        ns = [
            round(
                1e6 * ms * slow_down * disturbance * float(np.exp(random.normal(0, noise)))
                + 1e6 * (added_ms + call.recorded * recorded_ms)
            )
            for call, ms in execution(networks[index])
        ]
        return Profile(network=index, ns=2 * sum(ns), operators_ns=ns)

    entries = []
    for process, count in enumerate(rounds):
        state = float(np.exp(random.normal(0, noise)))
        for number in range(count):
            ns = [
                round(1e6 * plain(networks[i]) * state * float(np.exp(random.normal(0, noise))))
                for i in working
            ]
            profiles = [profile(i, state) for i in working if networks[i].profiled]
            entries.append(
                Round(process=process, round=number, order=working, ns=ns, profiles=profiles)
            )
    proofs = {cell.name: proof(cell) for cell in networks}
    content = bare.model_dump() | {
        "experiments": [declaration.experiment],
        "cells": cells,
        "controls": others,
        "processes": [p.model_dump() | {"proofs": proofs} for p in bare.processes],
        "rounds": [entry.model_dump() for entry in entries],
    }
    return valid(content)
