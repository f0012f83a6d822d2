"""What `guidelines show --json` prints: the contract that scripts build on (docs/record.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

from guideline_benchmarks.results.advice.widths import Sweep, Width
from guideline_benchmarks.results.decomposition.shares import CategoryShare, Decomposition
from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.record.cells import Cell, UserNetwork
from guideline_benchmarks.results.record.parts import Beside
from guideline_benchmarks.results.record.published import Quoted
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.rivals import Order, orders_of, spreads_of
from guideline_benchmarks.results.tables.summary import (
    CellResult,
    Column,
    Summary,
    multiply_adds_per_second,
)


def json_objects(summary: Summary) -> list[dict[str, Any]]:
    """Return one object per cell, then one per share of each network that was taken apart.

    Then one per width of a sweep.
    """
    return [*cell_objects(summary), *share_objects(summary), *width_objects(summary)]


def cell_objects(summary: Summary) -> list[dict[str, Any]]:
    """Return one object per cell of an experiment that compares rows."""
    return [
        _cell_object(summary.run, column, result) | rivals | _swapped(result, orders)
        for column in summary.columns
        for orders, rivals in [_rivals(column)]
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


def swap_objects(summary: Summary) -> list[dict[str, Any]]:
    """Return one object per pair of rivals that stands in another order here than in the paper."""
    return [
        {
            "experiment": column.experiment.name,
            "scale": column.scale,
            "paper": PAPER_PLATFORMS[order.channels],
            "faster": swap.faster,
            "slower": swap.slower,
            "relative_speed": swap.ratio,
            "relative_speed_ci95_low": swap.ci95[0],
            "relative_speed_ci95_high": swap.ci95[1],
            "paper_relative_speed": swap.published,
        }
        for column in summary.columns
        if column.experiment.rivals
        for order in orders_of(column)
        for swap in order.swaps
    ]


def width_objects(summary: Summary) -> list[dict[str, Any]]:
    """Return one object per measured width of each kind of layers; fractions are of times."""
    return [
        _width_object(summary.run, sweep, width)
        for sweep in summary.sweeps
        for width in sweep.widths
    ]


def _width_object(run: Run, sweep: Sweep, width: Width) -> dict[str, Any]:
    loss, rounding = width.loss, width.rounding
    return {
        **width.cell.axes,
        "experiment": width.cell.experiment,
        "cell": width.cell.name,
        "platform": run.platform.name,
        "backend": run.platform.backend,
        "precision": run.protocol.precision,
        "batch": width.cell.network.batch,
        "multiply_adds": width.cell.multiply_adds,
        "samples": sum(map(len, width.times)),
        "processes": len(width.times),
        "median_ms": width.median_ms,
        "ps_per_multiply_add": width.ps,
        "ps_per_multiply_add_ci95": _listed(width.ps_ci95),
        "block": sweep.block,
        "loss": loss and loss.fraction,
        "loss_ci95": _listed(loss.ci95 if loss else None),
        "rounded_up": width.wider,
        "rounding_up": rounding and rounding.fraction,
        "rounding_up_ci95": _listed(rounding.ci95 if rounding else None),
    }


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


def _rivals(column: Column) -> tuple[list[Order], dict[str, Any]]:
    """Return how rivals stand, and how far they lie apart; None in all fields of other columns."""
    rivals = column.experiment.rivals
    spreads = spreads_of(column) if rivals else None
    here, by_work = (spreads.here, spreads.here_by_work) if spreads else (None, None)
    published = spreads.published if spreads else {}
    fields = {
        "fastest_over_slowest": here and here.ratio,
        "fastest_over_slowest_ci95": _listed(here.ci95 if here else None),
        "fastest_over_slowest_per_multiply_add": by_work and by_work.ratio,
        "fastest_over_slowest_per_multiply_add_ci95": _listed(by_work.ci95 if by_work else None),
    }
    for channels in PAPER_PLATFORMS:
        apart = published.get(channels)
        fields[f"paper_{channels}_fastest_over_slowest"] = apart and apart.ratio
    return orders_of(column) if rivals else [], fields


def _swapped(result: CellResult, orders: Sequence[Order]) -> dict[str, list[str] | None]:
    """Return the rows that stand in another order to a cell's than on each paper platform."""
    row = result.cell.row
    known = {order.channels: order for order in orders}
    return {
        f"swapped_from_paper_{channels}": [
            swap.slower if swap.faster == row else swap.faster
            for swap in known[channels].swaps
            if row in (swap.faster, swap.slower)
        ]
        if channels in known
        else None
        for channels in PAPER_PLATFORMS
    }


def _quoted_fields(cell: Cell) -> dict[str, Any]:
    """Return what the paper prints of a whole network beside its speed, None where nothing."""
    quoted = cell.quoted or Quoted()
    speeds = {channels: quoted.speeds.get(channels) for channels in PAPER_PLATFORMS}
    return {
        "published_multiply_adds": quoted.multiply_adds,
        "published_top1_error": quoted.top1_error,
        "published_mmap": quoted.mmap,
        **{f"paper_{name}_speed": speed and speed.speed for name, speed in speeds.items()},
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
        **_quoted_fields(cell),
        "verdict": column.verdict and column.verdict.value,
        "kendall_tau": column.tau,
        "failure": result.failure,
    }
