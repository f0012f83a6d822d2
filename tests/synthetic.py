"""Runs made up from a formula, for tests of what comes after the measurement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from guidelines.catalogue import GUIDELINES
from guidelines.controls import CONTROLS
from results.schema import (
    Cell,
    CellDeclaration,
    Fingerprint,
    Operators,
    Platform,
    Process,
    Proof,
    Protocol,
    Round,
    Run,
    Session,
)

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


def with_cost(declaration: CellDeclaration) -> Cell:
    return Cell(
        **declaration.model_dump(),
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
    protocol = Protocol(runs=sum(rounds), processes=len(rounds), channels=channels)
    guidelines = [GUIDELINES[name] for name in experiments]
    cells = [with_cost(cell) for g in guidelines for cell in g.cells(protocol)]
    controls = [with_cost(cell) for cell in CONTROLS]
    networks = [*cells, *controls]
    failures = failures or {}
    order = [i for i, cell in enumerate(networks) if cell.name not in failures]
    proofs = {
        cell.name: Proof(output_error=1e-7, operators=Operators(), failure=failures.get(cell.name))
        for cell in networks
    }
    return Run(
        platform=Platform(name="cpu", backend="onnxruntime-cpu", **platform),
        fingerprint=FINGERPRINT,
        protocol=protocol,
        experiments=[g.experiment for g in guidelines],
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


def noisy(truth: Callable[[Cell], float], noise: float = 0.01, seed: int = 0) -> Times:
    """`truth(cell)` ms, with a log-normal disturbance a process, another a sample."""
    random = np.random.default_rng(seed)
    per_process = random.normal(0, noise, size=64)

    def times(cell: Cell, process: int, _: int) -> float:
        return truth(cell) * float(np.exp(per_process[process] + random.normal(0, noise)))

    return times
