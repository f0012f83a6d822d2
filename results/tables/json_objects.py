"""What `guidelines show --json` prints: the contract that scripts build on (docs/record.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

from guideline_benchmarks.results.decomposition.shares import CategoryShare, Decomposition
from guideline_benchmarks.results.record.cells import Cell, UserNetwork
from guideline_benchmarks.results.record.parts import Beside
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.summary import (
    CellResult,
    Column,
    Summary,
    multiply_adds_per_second,
)


def json_objects(summary: Summary) -> list[dict[str, Any]]:
    """Return one object per cell, then one per share of each network that was taken apart."""
    return [*cell_objects(summary), *share_objects(summary)]


def cell_objects(summary: Summary) -> list[dict[str, Any]]:
    """Return one object per cell of Tables 1 to 4."""
    return [
        _cell_object(summary.run, column, result)
        for column in summary.columns
        for result in column.results
    ]


def share_objects(summary: Summary) -> list[dict[str, Any]]:
    """Return one object per category (and "unattributed") of each network that was taken apart.

    A network that failed its proof has one object, without figures.
    """
    result = []
    for found in summary.decompositions:
        shares: Sequence[CategoryShare | None] = found.categories or [None]
        result += [_share_object(summary, found, share) for share in shares]
    return result


def part_objects(summary: Summary) -> list[dict[str, Any]]:
    """Return one object per kind of operator of each network that was taken apart."""
    return [
        {
            "experiment": found.experiment.name,
            "network": found.cell.row,
            "input": list(found.cell.network.input_shape),
            "platform": summary.run.platform.name,
            "category": single.part.category.value,
            "operator": single.part.label,
            "calls": single.calls,
            "ms": single.ms,
            "percent": single.percent,
            "percent_ci95": _listed(single.percent_ci95),
        }
        for found in summary.decompositions
        for single in found.parts
    ]


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return list(interval) if interval else None


def _share_object(
    summary: Summary, found: Decomposition, share: CategoryShare | None
) -> dict[str, Any]:
    run = summary.run
    return {
        "experiment": found.experiment.name,
        "network": found.cell.row,
        "input": list(found.cell.network.input_shape),
        "platform": run.platform.name,
        "backend": run.platform.backend,
        "channels": run.protocol.channels,
        "category": share and share.category,
        "percent": share and share.percent,
        "percent_ci95": share and _listed(share.percent_ci95),
        "paper_percent": share and share.paper_percent,
        "depthwise": summary.depthwise,
        "depthwise_percent": share and share.depthwise_percent,
        "ms": share and share.ms,
        "calls": share and share.calls,
        "samples": found.samples,
        "processes": found.processes,
        "unprofiled_ms": found.plain_ms if share else None,
        "profiled_ms": found.profiled_ms if share else None,
        "profiler_ms": found.added_ms if share else None,
        "profiled_over_unprofiled": found.slow_down.value if share else None,
        "profiled_over_unprofiled_ci95": _listed(found.slow_down.ci95),
        "attributed": found.attributed.value if share else None,
        "attributed_ci95": _listed(found.attributed.ci95),
        "failure": found.failure,
        **_cost_fields(found.cell),
    }


def _cost_fields(cell: Cell) -> dict[str, Any]:
    """Return what a network that was taken apart takes, returns and costs, layer by layer."""
    network, cost = cell.network, cell.counted
    return {
        "inputs": [asdict(tensor) for tensor in network.inputs],
        "outputs": [asdict(tensor) for tensor in network.outputs]
        if isinstance(network, UserNetwork)
        else None,
        "multiply_adds": cell.multiply_adds or None,
        "weights": cell.weights or None,
        "activations": cost and cost.activations,
        "memory_access_cost": cell.memory_access_cost or None,
        "memory_access_bytes": cell.memory_access_bytes or None,
        "uncounted": cost and cost.uncounted,
        "layers": cost and [asdict(layer) for layer in cost.layers],
    }


def _gpu_fields(result: CellResult) -> dict[str, Any]:
    """Return what further samples of a GPU say, None where there are none."""
    fields: dict[str, Any] = {}
    kinds: tuple[Beside, ...] = get_args(Beside)
    for kind in kinds:
        timing, ratio = result.beside.get(kind), result.slow_down(kind)
        fields |= {
            f"{kind}_median_ms": timing and timing.median_ms,
            f"{kind}_speed": timing and timing.speed,
            f"{kind}_relative_speed": timing and timing.relative_speed,
            f"{kind}_relative_speed_ci95": _listed(timing.relative_speed_ci95 if timing else None),
            f"{kind}_slow_down": ratio and ratio[0],
            f"{kind}_slow_down_ci95": _listed(ratio[1] if ratio else None),
        }
    return fields


def _cell_object(run: Run, column: Column, result: CellResult) -> dict[str, Any]:
    cell, timing, counts = result.cell, result.timing, result.counts
    low, high = (timing and timing.ci95_ms) or (None, None)
    interval = timing.relative_speed_ci95 if timing else None
    return {
        **cell.axes,
        "experiment": cell.experiment,
        "table": column.experiment.table,
        "cell": cell.name,
        "row": cell.row,
        "platform": run.platform.name,
        "backend": run.platform.backend,
        "channels": run.protocol.channels,
        "scale": cell.scale,
        "g4_unit": run.protocol.g4_unit,
        "batch": cell.network.batch,
        "mode": run.platform.mode if run.platform.on_gpu else None,
        "precision": run.protocol.precision,
        "multiply_adds": cell.multiply_adds,
        "multiply_adds_deviation": result.multiply_adds_deviation,
        "memory_access_cost": cell.memory_access_cost,
        "memory_access_bytes": cell.memory_access_bytes,
        "memory_access_bound": cell.memory_access_bound,
        "weights": cell.weights,
        "samples": timing.samples if timing else counts.samples if counts else 0,
        "processes": timing.processes if timing else 1 if counts else 0,
        "mean_ms": timing and timing.mean_ms,
        "median_ms": timing and timing.median_ms,
        "min_ms": timing and timing.min_ms,
        "ci95_low_ms": low,
        "ci95_high_ms": high,
        "speed": timing and timing.speed,
        "unit": run.platform.unit,
        "multiply_adds_per_second": timing and multiply_adds_per_second(result),
        "relative_speed": timing and timing.relative_speed,
        "relative_speed_ci95": _listed(interval),
        **_gpu_fields(result),
        "bound_by": result.bound and result.bound.roof,
        "bound_share": result.bound and result.bound.share,
        "launch_share": result.bound and result.bound.shares.get("launch"),
        "bandwidth_share": result.bound and result.bound.shares["bandwidth"],
        "compute_share": result.bound and result.bound.shares["compute"],
        "instructions": counts and counts.instructions,
        "instructions_per_multiply_add": counts and counts.per_multiply_add,
        "relative_instructions": counts and counts.relative,
        "instructions_spread": counts and counts.spread,
        "branches": counts and counts.branches,
        "memory_bytes": counts and counts.memory_bytes,
        "l1i_misses": counts and counts.l1i_misses,
        "l1d_misses": counts and counts.l1d_misses,
        "l2_misses": counts and counts.l2_misses,
        "modelled_ms": result.modelled and result.modelled.ms,
        "modelled_ci95_ms": _listed(result.modelled.ci95_ms if result.modelled else None),
        "modelled_relative_speed": result.modelled and result.modelled.relative_speed,
        "published_ms": result.published_ms,
        "paper_speed": result.published and result.published.speed,
        "paper_relative_speed": result.paper_relative_speed,
        "verdict": column.verdict and column.verdict.value,
        "kendall_tau": column.tau,
        "failure": result.failure,
    }
