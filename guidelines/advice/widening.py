"""Which values of a network must be equally wide, and the network with some of them wider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto, numpy_helper

from guideline_benchmarks.guidelines.advice.graph import Graph
from guideline_benchmarks.networks.onnx_cost import attributes

# They leave channels where they are, whatever becomes of the rest.
KEEPING = frozenset(
    (
        *("Add", "Sum", "Max", "Min", "Relu", "Clip", "LeakyRelu", "Elu", "HardSwish"),
        *("HardSigmoid", "Sigmoid", "Tanh", "Gelu", "Mul", "Sub", "Div", "Identity", "Dropout"),
        *("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "Flatten"),
    )
)


@dataclass(frozen=True)
class Widths:
    """Values in groups of one width, by name, and the groups whose width cannot be changed."""

    group: Mapping[str, str]
    fixed: frozenset[str]

    def is_free(self, value: str) -> bool:
        """Whether a value's width can be changed."""
        return value in self.group and self.group[value] not in self.fixed


def widths_of(graph: Graph) -> Widths:
    """Return which values of a graph have their channels in common."""
    parent: dict[str, str] = {}

    def find(value: str) -> str:
        parent.setdefault(value, value)
        while parent[value] != value:
            value = parent[value]
        return value

    stuck = [*graph.inputs, *graph.outputs]
    for node in graph.nodes:
        values = [*graph.variables(node), *node.output]
        if _changes_channels(graph, node):
            for value in values:
                find(value)
        elif (node.op_type in KEEPING and _keeps(graph, node)) or _is_depthwise(graph, node):
            for value in values:
                parent[find(value)] = find(values[0])
        else:
            stuck += values
    fixed = frozenset(find(value) for value in stuck)
    return Widths({value: find(value) for value in list(parent)}, fixed)


def _is_depthwise(graph: Graph, node: NodeProto) -> bool:
    weights = graph.shape(node.input[1]) if node.op_type == "Conv" else None
    group = attributes(node).get("group", 1)
    if weights is None or node.input[1] not in graph.constants:
        return False
    return group > 1 and weights[:2] == (group, 1)


def _changes_channels(graph: Graph, node: NodeProto) -> bool:
    """Whether a node is a layer of weights, between any widths, each with a bias of its own."""
    if node.op_type == "Conv":
        own = attributes(node).get("group", 1) == 1
    else:
        own = node.op_type == "Gemm" and not attributes(node).get("transA")
    y = graph.shape(node.output[0]) or ()
    biases = [graph.shape(name) for name in node.input[2:] if name]
    known = all(name in graph.constants for name in node.input[1:] if name)
    return own and known and all(bias == y[1:2] for bias in biases)


def _keeps(graph: Graph, node: NodeProto) -> bool:
    """Whether channels stay the same: no constant of several numbers, and no reshaping of maps.

    Nor may those that are 0 be divided by: what is no number stays so, whatever its weight.
    """
    if node.op_type == "Div" and node.input[1] not in graph.constants:
        return False
    constants = [name for name in node.input if name in graph.constants]
    # Of a reduction they are axes.
    several = any(graph.array(name).size > 1 for name in constants) and node.op_type != "ReduceMean"
    shapes = [graph.shape(name) for name in (*graph.variables(node), *node.output)]
    known = [shape for shape in shapes if shape is not None and len(shape) > 1]
    return not several and len(known) == len(shapes) and len({s[1] for s in known}) == 1


def widen(model: ModelProto, to: Mapping[str, int], widths: Widths) -> None:
    """Make all values of some groups as wide as is said; the new weights are 0.

    So the network computes what it did, with more channels. Groups that are so wide stay.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}

    def padded(node: NodeProto, place: int, axis: int, size: int) -> None:
        if len(node.input) <= place or not node.input[place]:
            return
        old = np.asarray(numpy_helper.to_array(constants[node.input[place]]))
        if old.shape[axis] >= size:
            return
        more = [(0, size - old.shape[a] if a == axis else 0) for a in range(old.ndim)]
        tensor = numpy_helper.from_array(np.pad(old, more), f"{node.name}:{place}:{axis}:{size}")
        model.graph.initializer.append(tensor)
        constants[tensor.name] = tensor
        node.input[place] = tensor.name

    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        before = to.get(widths.group.get(node.input[0], ""))
        behind = to.get(widths.group.get(node.output[0], ""))
        transposed = node.op_type == "Conv" or attributes(node).get("transB")
        rows, columns = (0, 1) if transposed else (1, 0)
        group = next((a for a in node.attribute if a.name == "group"), None)
        if group is not None and group.i > 1:
            if behind is not None:
                padded(node, 1, 0, behind)
                padded(node, 2, 0, behind)
                group.i = max(group.i, behind)
            continue
        if before is not None:
            padded(node, 1, columns, before)
        if behind is not None:
            padded(node, 1, rows, behind)
            padded(node, 2, 0, behind)
