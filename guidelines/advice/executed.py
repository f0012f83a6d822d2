"""Which nodes of a graph a runtime executes, told from what its profiler names."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import NodeProto

from guideline_benchmarks.guidelines.advice.graph import Graph
from guideline_benchmarks.guidelines.advice.layers import ACTIVATIONS
from guideline_benchmarks.results.decomposition.operators import Category, category_of
from guideline_benchmarks.results.record.parts import OperatorCall

# What ONNX Runtime appends where it computes in blocks of channels, and to the name of the first of
# some slices that it makes a split of.
BLOCKED, SPLIT = "_nchwc", "/GatherSliceToSplitFusion"


def node_names(graph: Graph, calls: Sequence[OperatorCall]) -> list[str]:
    """Return the node that each call of an execution is of, "" of what the runtime added.

    Where the runtime names calls after the values that they make, that is the layer which others
    were fused into.
    """
    return [_node_name(graph, call) for call in calls]


def _node_name(graph: Graph, call: OperatorCall) -> str:
    name = call.name.removesuffix(BLOCKED).removesuffix(SPLIT)
    place = graph.places.get(name)
    node = graph.nodes[place] if place is not None else graph.producers.get(name)
    if category_of(call.operator) is Category.CONV:
        while node is not None and category_of(node.op_type) is not Category.CONV:
            node = _before(graph, node)
    return node.name if node is not None else ""


def _before(graph: Graph, node: NodeProto) -> NodeProto | None:
    """Return what makes a node's input, a convolution rather than anything else."""
    made = [graph.producers[v] for v in graph.variables(node) if v in graph.producers]
    made.sort(key=lambda one: category_of(one.op_type) is not Category.CONV)
    return made[0] if made else None


def likely_executed(graph: Graph) -> set[str]:
    """Return the nodes of which it is not known that a runtime executes them inside others.

    Where it does not tell, activations behind a layer are taken for fused.
    """
    layers = {"Conv", "Gemm", "MatMul", "ConvTranspose"}
    return {
        node.name
        for node in graph.nodes
        if not (
            node.op_type in ACTIVATIONS
            and all(
                value in graph.producers and graph.producers[value].op_type in layers
                for value in graph.variables(node)
            )
        )
    }
