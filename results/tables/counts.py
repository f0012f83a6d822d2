"""What was counted of a cell, from raw counts. No figure here is a speed."""

from __future__ import annotations

from dataclasses import dataclass

from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.schema import Run


@dataclass(frozen=True)
class Counts:
    """The least that any execution of a cell executed.

    Other threads of a process add to some executions and take from none, so the least is what the
    network itself needs. What was not counted, without caches or by an earlier version, is None.
    Branches count whether taken or not; `memory_bytes` are loaded and stored. `spread` is how far
    the executions lay apart, as a fraction of the least. `per_multiply_add` is None for a network
    of the user's; `relative` is the instructions over those of the base cell, None without one.
    """

    samples: int
    instructions: int
    branches: int | None
    memory_bytes: int | None
    l1i_misses: int | None
    l1d_misses: int | None
    l2_misses: int | None
    spread: float
    per_multiply_add: float | None
    relative: float | None


def counts_of(run: Run, cell: Cell, base: Cell | None) -> Counts | None:
    """Return the figures of a cell, or None if it was not counted, or failed its proof."""
    found = {count.cell: count for count in run.counts if count.instructions}
    own = found.get(cell.name)
    if own is None:
        return None
    least = min(own.instructions)
    reference = found.get(base.name) if base is not None else None
    return Counts(
        samples=len(own.instructions),
        instructions=least,
        branches=min(own.branches, default=None),
        memory_bytes=min(own.memory_bytes, default=None),
        l1i_misses=min(own.l1i_misses, default=None),
        l1d_misses=min(own.l1d_misses, default=None),
        l2_misses=min(own.l2_misses, default=None),
        spread=max(own.instructions) / least - 1,
        per_multiply_add=least / cell.multiply_adds if cell.multiply_adds else None,
        relative=least / min(reference.instructions) if reference else None,
    )
