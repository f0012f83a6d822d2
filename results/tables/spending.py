"""What a run spent its time on, beside the samples that it was made for."""

from __future__ import annotations

from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.record.schema import Run

NS = 1e9
CELLS = "samples of the cells"


def spending(run: Run, wall: float) -> dict[str, float]:
    """Return the seconds of a timed run by what they went to; they sum to `wall`, what all took.

    A lead-in is not timed itself: it counts as long as the sample that it precedes.
    """
    taken = {
        name: sum(own.sum() for own in arrays) for name, arrays in samples_by_cell(run).items()
    }
    cells = {cell.name for cell in run.cells}
    below = run.protocol.lead_in_below_ms * 1e6
    led = {
        name
        for process in run.processes
        for name, times in process.warmup_ns.items()
        if min(times) < below
    }
    warming = sum(sum(times) for p in run.processes for times in p.warmup_ns.values())
    known = {
        CELLS: sum(ns for name, ns in taken.items() if name in cells) / NS,
        "samples of the controls": sum(ns for name, ns in taken.items() if name not in cells) / NS,
        "lead-ins": sum(ns for name, ns in taken.items() if name in led) / NS,
        "warm-up": warming / NS,
    }
    processes = sum(process.seconds for process in run.processes)
    return known | {
        "workers' start, loading, proofs, messages, storing": processes - sum(known.values()),
        "the command's start, export, ceilings": wall - processes,
    }
