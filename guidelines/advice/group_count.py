"""G2: excessive group convolution raises memory access cost (Eq. 2); depthwise ones apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from onnx import ModelProto, numpy_helper

from guideline_benchmarks.guidelines.advice.drafts import Draft, Option, grouped, layer_draft
from guideline_benchmarks.guidelines.advice.graph import Graph
from guideline_benchmarks.guidelines.advice.layers import (
    Layer,
    divisor,
    layers,
    near_pair,
    standing,
    with_widths,
)
from guideline_benchmarks.guidelines.advice.parts import cut


def group_count(graph: Graph) -> Iterator[Draft]:
    """Yield the convolutions of more than one group.

    Raises CannotCutError as guidelines.advice.parts.cut does.
    """
    divided = [layer for layer in layers(graph) if layer.groups > 1]
    for equal in grouped(divided, lambda layer: standing(graph, layer)):
        yield _draft(graph, equal)


def _draft(graph: Graph, equal: list[Layer]) -> Draft:
    layer = equal[0]
    options = [_of_groups(graph, layer, 1)]
    if not layer.is_depthwise:
        if layer.groups > 2 and layer.groups % 2 == 0:
            options.append(_of_groups(graph, layer, layer.groups // 2))
        options.append(_undivided(graph, equal))
    times = layer.cost.memory_access_cost / layer.cost.memory_access_bound
    apart = "every channel is a group" if layer.is_depthwise else f"{layer.groups} groups"
    why = (
        f"It is divided ({apart}), and its memory access cost {times:.2g} times the least for its "
        "multiply-adds."
    )
    return layer_draft("G2", why, equal, cut(graph, layer.nodes), options)


def _of_groups(graph: Graph, layer: Layer, groups: int) -> Option:
    """Return a layer of fewer groups and so many channels less that its work stays the same."""
    product = layer.c1 * layer.c2 * groups / layer.groups
    # The few channels that are left of a depthwise one are among no groups.
    multiple = groups if layer.is_depthwise else math.lcm(groups, divisor(graph, layer))
    first, second = near_pair(product, layer.c1 / layer.c2, multiple)
    other, made = with_widths(layer, graph, first, second, groups)
    text = f"{'undivided' if groups == 1 else f'{groups} groups'}, {first}→{second} channels"
    return Option(
        f"{text}, as many multiply-adds", made, other.cost.multiply_adds, other.cost.weights
    )


def _undivided(graph: Graph, equal: Sequence[Layer]) -> Option:
    """Return a layer of the same widths in one group, which has more work: it stands in place."""
    layer = equal[0]
    other, made = with_widths(layer, graph, layer.c1, layer.c2, 1)
    names = {one.node.name for one in equal}
    return Option(
        f"undivided, {layer.groups} times the multiply-adds",
        made,
        other.cost.multiply_adds,
        other.cost.weights,
        partial(_undivide, names=names),
    )


def _undivide(model: ModelProto, names: set[str]) -> None:
    """Make convolutions of one group, with weights at random where there were none."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.name not in names:
            continue
        group = next(a for a in node.attribute if a.name == "group")
        old = np.asarray(numpy_helper.to_array(constants[node.input[1]]))
        whole = (old.shape[0], old.shape[1] * group.i, *old.shape[2:])
        spread = float(np.sqrt(1 / math.prod(whole[1:])))
        random = np.random.RandomState(0).standard_normal(whole).astype(np.float32)
        name = f"{node.name}:undivided"
        model.graph.initializer.append(numpy_helper.from_array(random * spread, name))
        node.input[1] = name
        group.i = 1
