"""Runs on a GPU whose truth is known: no figure in them is of any real card."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guideline_benchmarks.results.record.card import CardState, EventClock
from guideline_benchmarks.results.record.ceilings import Ceilings, Stream
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.platform import Gpu
from guideline_benchmarks.results.record.schema import Run
from tests.simulated_gpu import FACTS, STATE
from tests.synthetic import Times, run_of

CEILINGS = Ceilings(
    streams=[
        Stream(working_set=2**20, bytes_per_second=4e12),
        Stream(working_set=2**30, bytes_per_second=1e12),
    ],
    products={"fp32": 10e12, "tf32": 100e12, "fp16": 200e12, "bf16": 200e12},
    kernel_ns=1000.0,
)


def gpu_run(
    experiments: Sequence[str],
    times_ms: Times,
    cold: float = 1.5,
    eager: float | None = 3.0,
    launch_us: Callable[[Cell], float] = lambda _: 6.0,
    mhz: Callable[[int], int] = lambda _: 1900,
    discarded: int = 0,
    rounds: Sequence[int] = (20,) * 5,
    resolution_ns: int = 32,
) -> Run:
    """A run on platform cuda; cold and eager samples take that many times the usual ones."""
    mode = {"mode": "eager"} if eager is None else {"mode": "graph"}
    run = run_of(experiments, times_ms, rounds, "gpu")
    content = run.model_dump()
    content["platform"] |= {
        "name": "cuda" if eager else "cuda-eager",
        "backend": "torch-cuda",
        "unit": "batches/s",
        "channels": "gpu",
        **mode,
    }
    content["fingerprint"]["gpu"] = Gpu(**FACTS).model_dump()
    for process in content["processes"]:
        process |= {
            "clock": EventClock(overhead_ns=1200, resolution_ns=resolution_ns).model_dump(),
            "ceilings": CEILINGS.model_dump(),
            "launch_ns": {cell.name: round(1e3 * launch_us(cell)) for cell in run.networks},
            "layouts": {
                cell.name: "channels-last" if process["index"] else "contiguous"
                for cell in run.networks
            },
        }
    for number, entry in enumerate(content["rounds"]):
        beside = {"cold": cold, **({"eager": eager} if eager else {})}
        entry |= {
            "beside": {
                kind: [round(times * ns) for ns in entry["ns"]] for kind, times in beside.items()
            },
            "sm_mhz": [mhz(number) for _ in entry["ns"]],
            "discarded": [discarded for _ in entry["ns"]],
            "card": CardState(**STATE | {"throttle": ["power cap"] if number == 0 else []}),
        }
    return Run.model_validate(content)
