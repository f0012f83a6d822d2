"""How near cells come to the ceilings of their machine, in words."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.reports.document import MISSING
from guideline_benchmarks.reports.layout import significant
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.roofline import ceilings_of
from guideline_benchmarks.results.tables.summary import CellResult, Column

GIGA = 1e9
REACHED = "reached"
WHY_REACHED = (
    "Reached: the cell was faster than the ceiling that was measured beside it, which is what one "
    "library does with a large matrix or array, so a share of it would say nothing."
)


def bound_text(result: CellResult) -> str:
    """Return the ceiling that a cell comes nearest to, with its share: "compute, 71 %".

    What was faster than its ceiling has no share of it (see REACHED).
    """
    bound = result.bound
    if bound is None:
        return MISSING
    share = f"{100 * bound.share:.0f} %" if bound.share <= 1 else REACHED
    return f"{bound.roof}, {share}"


def reached_note(columns: Sequence[Column]) -> str:
    """Return what REACHED means, "" where no cell was faster than its ceiling."""
    bounds = [result.bound for column in columns for result in column.results]
    return WHY_REACHED if any(bound and bound.share > 1 for bound in bounds) else ""


def prefixed(rate: float) -> str:
    """Return a rate in G or T: "42.1 G"."""
    if rate >= 1e12:
        return f"{significant(rate / 1e12)} T"
    return f"{significant(rate / GIGA)} G"


def plot_name(experiment: Experiment) -> str:
    """Return the name of an experiment's roofline plot."""
    return f"{experiment.name}-roofline"


def describe_ceilings(run: Run) -> list[tuple[str, str]]:
    """Return the measured ceilings as a pair of a label and a text; none without them."""
    ceilings = ceilings_of(run)
    if ceilings is None:
        return []
    products = ", ".join(
        f"{prefixed(rate)} multiply-adds/s ({precision} matrix product)"
        for precision, rate in ceilings.products.items()
    )
    fastest = max(ceilings.streams, key=lambda stream: stream.bytes_per_second)
    kernel = (
        f"; {significant(ceilings.kernel_ns / 1e3)} µs a kernel in a graph"
        if ceilings.kernel_ns
        else ""
    )
    return [
        (
            "Ceilings",
            f"{products}; memory {prefixed(ceilings.memory_bandwidth)}B/s, "
            f"{prefixed(fastest.bytes_per_second)}B/s with a working set of "
            f"{significant(fastest.working_set / 2**20)} MiB{kernel}",
        )
    ]
