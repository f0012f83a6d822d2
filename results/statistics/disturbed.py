"""What shows that other programs ran beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.intervals import representative

# Load of a machine that has nothing to do, beyond one for each core.
SPARE_LOAD = 0.5


def busy(loads: Iterable[float | None], cores: int) -> str:
    """Say that a machine of so many cores had more to do than it has cores; "" where it had not.

    `loads` are 1-minute averages, None where one is not known.
    """
    most = max((load for load in loads if load is not None), default=0.0)
    if most <= cores + SPARE_LOAD:
        return ""
    plural = "" if cores == 1 else "s"
    return (
        f"The load average was up to {most:.1f} on {cores} core{plural}: other programs took time "
        "from what was measured. Measure again on an idle machine (`guidelines doctor`)."
    )


def busy_run(run: Run) -> str:
    """Say that a run was measured on a busy machine; "" where it was not."""
    loads = [load for p in run.processes for load in (p.load_start, p.load_end)]
    return busy(loads, run.fingerprint.cores)


def farthest_apart(run: Run) -> tuple[str, float]:
    """Return the control whose medians in representative processes lie farthest apart, and that.

    As the largest over the least. 1, of none, where there are no two processes.
    """
    controls = {control.name for control in run.controls}
    apart = {}
    for name, samples in samples_by_cell(run).items():
        medians = [median(own.tolist()) for own in representative(samples)]
        if name in controls and len(medians) > 1:
            apart[name] = max(medians) / min(medians)
    return max(apart.items(), key=lambda pair: pair[1], default=("", 1.0))
