"""Trials made up from a formula: pairs and quartets whose times are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.controls import CONTROLS
from guideline_benchmarks.results.gate.trial import (
    ORDER,
    Design,
    Replicate,
    Side,
    SideProcess,
    Trial,
    TrialProtocol,
)
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.results.record.protocol import Protocol
from tests.synthetic import FINGERPRINT, run_of, with_cost

# Log time of a network in a process: its name, the side, the replicate, the process in it.
LogTimes = Callable[[str, str, int, int], float]

TWO_ROUNDS = dict.fromkeys(("rounds", "pair_rounds", "pair_confirmation_rounds"), 2)


def trial_of(
    experiments: Sequence[str] = ("g4",),
    extra: Sequence[float] = (),
    design: Design = "pairs",
    **protocol: float,
) -> Trial:
    measured = Protocol(runs=2, processes=1)
    declarations = [GUIDELINES[name] for name in experiments]
    side = Side(
        platform=Platform(name="cpu", backend="onnxruntime-cpu"),
        python="",
        fingerprint=FINGERPRINT,
        cells=[
            with_cost(cell) for declaration in declarations for cell in declaration.cells(measured)
        ],
        controls=[with_cost(control) for control in CONTROLS],
    )
    return Trial(
        design=design,
        a=side,
        b=side,
        measured=measured,
        protocol=TrialProtocol(
            **{"rounds": 2, "pair_rounds": 2, "pair_confirmation_rounds": 2} | protocol
        ),
        experiments=[declaration.experiment for declaration in declarations],
        extra=list(extra),
        sessions=run_of([], lambda *_: 1.0).sessions,
    )


def replicate_of(
    trial: Trial,
    log_times: LogTimes,
    number: int = 0,
    cells: Sequence[str] | None = None,
    stage: str = "screening",
    failures: dict[str, str] | None = None,
) -> Replicate:
    """A pair or a quartet of two rounds; the second is 10 % slower, as disturbed times are.

    `failures` are of side B. By default it measures all cells, and in a pair the controls.
    """
    controls = [control.name for control in trial.a.controls]
    names = [cell.name for cell in trial.a.cells] if cells is None else list(cells)
    if trial.design == "pairs":
        order = ("a", "b") if number % 2 == 0 else ("b", "a")
        chosen = networks = [*names, *controls] if cells is None else names
    else:
        order, chosen, networks = ORDER, names, [*names, *controls]

    def process(place: int, side: str) -> SideProcess:
        failed = failures if failures and side == "b" else {}
        timed = [
            name
            for name in networks
            if name not in failed and not (trial.design == "pairs" and name in (failures or {}))
        ]
        times = {
            name: round(1e9 * float(np.exp(log_times(name, side, number, place)))) for name in timed
        }
        return SideProcess(
            side=side,
            started="2026-01-01T00:00:00+00:00",
            pid=100 + place,
            core=1,
            load=0.0,
            ns={name: [ns, round(1.1 * ns)] for name, ns in times.items()},
            extra_ns={
                name: [[round((1 + f) * ns) for f in trial.extra] for ns in (ns, round(1.1 * ns))]
                for name, ns in times.items()
                if trial.extra
            },
            failures=failed,
        )

    processes = [process(place, side) for place, side in enumerate(order)]
    return Replicate(stage=stage, session=0, cells=chosen, seconds=20.0, processes=processes)


def noisy_logs(
    slower: dict[str, float] | None = None, noise: float = 0.005, seed: int = 0
) -> LogTimes:
    """Log times with a disturbance a process and network; side B's by `slower` more."""
    slower = slower or {}

    def log_time(name: str, side: str, number: int, place: int) -> float:
        random = np.random.default_rng((seed, number, place, len(name), sum(map(ord, name))))
        level = float(random.normal(0, noise))
        return level + (slower.get(name, 0.0) if side == "b" else 0.0)

    return log_time
