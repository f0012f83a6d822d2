"""G1: equal channel widths minimise memory access cost (Eq. 1)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from guideline_benchmarks.guidelines.advice.drafts import Draft, Option, grouped, layer_draft
from guideline_benchmarks.guidelines.advice.graph import Graph
from guideline_benchmarks.guidelines.advice.layers import (
    MOST_OFF,
    Layer,
    divisor,
    layers,
    near_pair,
    standing,
    with_widths,
)
from guideline_benchmarks.guidelines.advice.parts import cut

# A layer this near its bound obeys the guideline: more cannot be told from nothing by timing.
NEAR_BOUND = 0.01


def channel_ratio(graph: Graph) -> Iterator[Draft]:
    """Yield the 1×1 convolutions and products whose memory access cost lies above Eq. (1)'s bound.

    Raises CannotCutError as guidelines.advice.parts.cut does.
    """
    unequal = [layer for layer in layers(graph) if _is_pointwise(layer) and _excess(layer)]
    for equal in grouped(unequal, lambda layer: standing(graph, layer)):
        yield _draft(graph, equal)


def _is_pointwise(layer: Layer) -> bool:
    return layer.groups == 1 and math.prod(layer.kernel) == 1


def _excess(layer: Layer) -> float:
    """Return by which fraction its memory access cost exceeds its bound; 0 where it is near."""
    cost = layer.cost
    excess = cost.memory_access_cost / cost.memory_access_bound - 1
    return excess if excess > NEAR_BOUND and layer.c1 != layer.c2 else 0.0


def _obeying(layer: Layer, multiple: int) -> tuple[int, int]:
    """Return widths of the same product at which memory access cost is about the least.

    Equal ones, unless there is a stride: then the input's cost more. They are nearer to that than
    the layer's own by half at least, or would not tell what these cost.
    """
    best = layer.cost.output_positions / layer.cost.input_positions
    off = abs(math.log(layer.c1 / layer.c2 / best))
    return near_pair(layer.c1 * layer.c2, best, multiple, min(MOST_OFF, off / 2))


def _draft(graph: Graph, equal: list[Layer]) -> Draft:
    layer = equal[0]
    first, second = _obeying(layer, divisor(graph, layer))
    other, made = with_widths(layer, graph, first, second, 1)
    why = (
        f"Its widths are 1:{max(layer.c1, layer.c2) / min(layer.c1, layer.c2):.3g}, its memory "
        f"access cost {100 * _excess(layer):.0f} % above the least for its multiply-adds."
    )
    option = Option(
        f"{first}→{second} channels, as many multiply-adds",
        made,
        other.cost.multiply_adds,
        other.cost.weights,
    )
    return layer_draft("G1", why, equal, cut(graph, layer.nodes), [option])
