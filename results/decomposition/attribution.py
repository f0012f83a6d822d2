"""How profiled executions divide the unprofiled time among operators: pure functions of times.

A table of times holds ns, (..., rows, rounds); docs/decomposition.md tells why each step is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from guideline_benchmarks.results.statistics.intervals import Array

# Rows of a process's table of times: the network without and under the profiler; the two controls
# without it, and their operators in sum under it; then one row for each part.
PLAIN, PROFILED, CONTROLS, CONTROL_OPERATORS, FIRST_PART = 0, 1, slice(2, 4), slice(4, 6), 6


@dataclass(frozen=True)
class Written:
    """What a profiler writes down in one execution: operators, and further things inside them."""

    calls: Array
    recorded: Array


def shares(times: Array, written: Written, controls: Written) -> Array:
    """Return (..., parts) fractions of the unprofiled time from (..., rows, rounds) times in ns.

    The operators' fraction of the unprofiled time (`attributed`) is divided among the parts as
    their median times are, less what the profiler adds to each. Medians, since one slice of the
    scheduler's, given to another program, can exceed a whole network. The rest is unattributed.
    """
    medians = np.median(times[..., FIRST_PART:, :], axis=-1)
    net = np.maximum(medians - added(times, written, controls), 0.0)
    # Should nothing be left of any operator, nothing is attributed.
    whole = np.maximum(net.sum(axis=-1), np.finfo(float).tiny)
    result: Array = net * (attributed(times, written, controls) / whole)[..., None]
    return result


def attributed(times: Array, written: Written, controls: Written) -> Array:
    """Return the operators' sum, less what the profiler adds, over the unprofiled time.

    The median of the rounds' own ratios, at least 0. Above 1 where the profiler disturbs more than
    it does in the controls.
    """
    own = added(times, written, controls).sum(axis=-1)
    totals = times[..., FIRST_PART:, :].sum(axis=-2) - own[..., None]
    result: Array = np.maximum(np.median(totals / times[..., PLAIN, :], axis=-1), 0.0)
    return result


def added(times: Array, written: Written, controls: Written) -> Array:
    """Return (..., parts) ns that the profiler adds to each part's time.

    So much for each operator and so much for each thing recorded in it, both at least 0, as the two
    controls say: what their operators take in sum beyond their unprofiled time is what was written
    down in them, times these.
    """
    inside = np.median(times[..., CONTROL_OPERATORS, :], axis=-1)
    excess = (inside - np.median(times[..., CONTROLS, :], axis=-1)) / controls.calls
    density = controls.recorded / controls.calls
    denser = density[1] - density[0]
    each = (
        (excess[..., 1] - excess[..., 0]) / denser if denser > 0 else np.zeros_like(excess[..., 0])
    )
    for_recorded = np.maximum(each, 0.0)
    for_call = np.maximum(excess[..., 0] - density[0] * for_recorded, 0.0)
    result: Array = written.calls * for_call[..., None] + written.recorded * for_recorded[..., None]
    return result


def slow_down(times: Array) -> Array:
    """Return the profiled over the unprofiled time: the median of the rounds' own ratios."""
    result: Array = np.median(times[..., PROFILED, :] / times[..., PLAIN, :], axis=-1)
    return result
