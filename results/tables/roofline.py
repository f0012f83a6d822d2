"""Which ceiling of the machine a cell comes nearest to, and how near: a roofline of three roofs.

Each ceiling gives the least time that a cell could take if nothing else held it up: launching it,
moving its memory access cost, or doing its multiply-adds. The largest of these is what it is bound
by, and that time over the measured one is its share of the ceiling.

Memory access cost (Eq. 1 and 2) leaves element-wise operations out and takes every layer's input
and output for moved. Where they stay in a cache, so does the working set, and the ceiling is the
bandwidth of that working set, not the memory's. A product of matrices is no proof of what is
possible, so a share may exceed 1 a little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

from guideline_benchmarks.results.record.ceilings import Ceilings, typical
from guideline_benchmarks.results.record.cells import Cell, Operators
from guideline_benchmarks.results.record.schema import Run

Roof = Literal["launch", "bandwidth", "compute"]
ELEMENT_BYTES = {"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "int8": 1}


@dataclass(frozen=True)
class Bound:
    """A cell's shares of all ceilings, and its multiply-adds a byte of memory access cost."""

    shares: Mapping[Roof, float]
    intensity: float

    @property
    def roof(self) -> Roof:
        """The ceiling that it is bound by: the one that it comes nearest to."""
        return max(self.shares, key=lambda roof: self.shares[roof])

    @property
    def share(self) -> float:
        """Its share of that ceiling."""
        return self.shares[self.roof]


def ceilings_of(run: Run) -> Ceilings | None:
    """Return what the processes of a run typically could reach, None if it was not measured."""
    return typical([process.ceilings for process in run.processes if process.ceilings])


def bound_of(run: Run, cell: Cell, median_ms: float, ceilings: Ceilings) -> Bound | None:
    """Return what bounds a cell of `run` that takes so long.

    None where its cost is not known, or no product in the run's precision could be measured.
    """
    known = cell.multiply_adds and cell.memory_access_cost
    if not known or run.protocol.precision not in ceilings.products:
        return None
    least = least_times_ms(run, cell, ceilings)
    shares = {roof: ms / median_ms for roof, ms in least.items()}
    bytes_moved = ELEMENT_BYTES[run.protocol.precision] * cell.memory_access_cost
    return Bound(shares, cell.multiply_adds / bytes_moved)


def least_times_ms(run: Run, cell: Cell, ceilings: Ceilings) -> dict[Roof, float]:
    """Return the least time in ms that each ceiling allows; launching only on a GPU."""
    operators = _executed(run, cell)
    bytes_moved = ELEMENT_BYTES[run.protocol.precision] * cell.memory_access_cost
    working_set = bytes_moved / max(1, operators.convolutions)
    least: dict[Roof, float] = {
        "bandwidth": 1e3 * bytes_moved / ceilings.bandwidth(working_set),
        "compute": 1e3 * cell.multiply_adds / ceilings.products[run.protocol.precision],
    }
    launches = [p.launch_ns[cell.name] for p in run.processes if cell.name in p.launch_ns]
    if launches:
        # Either the host cannot launch it any faster, or the GPU cannot start kernels any faster.
        kernels = operators.convolutions
        if run.platform.mode != "compile":
            # A compiler makes element-wise operations a part of other kernels.
            kernels += operators.adds + operators.relus
        started = kernels * (ceilings.kernel_ns or 0.0)
        return {"launch": max(median(launches), started) / 1e6, **least}
    return least


def _executed(run: Run, cell: Cell) -> Operators:
    """Return the operators that a cell's first process found it to execute."""
    proofs = [process.proofs[cell.name] for process in run.processes]
    return next((proof.operators for proof in proofs if proof.operators), Operators())
