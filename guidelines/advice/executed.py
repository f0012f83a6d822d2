"""Which nodes of a graph a runtime executes, told from what its profiler names."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from onnx import NodeProto

from guideline_benchmarks.guidelines.advice.graph import Graph
from guideline_benchmarks.guidelines.advice.layers import ACTIVATIONS
from guideline_benchmarks.results.decomposition.operators import Category, category_of
from guideline_benchmarks.results.record.parts import OperatorCall

# What runtimes append to names: ONNX Runtime where it computes in blocks of channels, to that of
# the first of some slices that it makes a split of, and of the last of what it makes an activation
# of; OpenVINO to that of a convolution whose bias it has taken apart.
APPENDED = ("_nchwc", "/GatherSliceToSplitFusion", "/QuickGeluFusion/", "/WithoutBiases")
# Activations that ONNX Runtime makes of several nodes and executes by themselves. A Gelu bears none
# of their names; there is one for every Erf.
COMPOSED = ("Gelu", "BiasGelu", "QuickGelu")
UNNAMED, TOLD_BY = ("Gelu", "BiasGelu"), "Erf"
# What it appends to that of a batch norm that it executes as a convolution of its own.
NORMALISING = "_bn_nchwc"
# What OpenVINO calls a channel shuffle, which bears the name of the last of three nodes, and a
# split, which bears none.
SHUFFLE, SPLIT = "ShuffleChannels", "Split"
LAYERS = ("Conv", "Gemm", "MatMul", "ConvTranspose")


def node_names(graph: Graph, calls: Sequence[OperatorCall]) -> list[str]:
    """Return the node that each call of an execution is of, "" of what the runtime added.

    Where the runtime names calls after the values that they make, that is the layer which others
    were fused into.
    """
    names = [_node_name(graph, call) for call in calls]
    unnamed = [
        place for place, call in enumerate(calls) if call.operator in UNNAMED and not names[place]
    ]
    left = [node.name for node in graph.nodes if node.op_type == TOLD_BY and node.name not in names]
    for place, name in zip(unnamed, left, strict=False):
        names[place] = name
    return names


def _node_name(graph: Graph, call: OperatorCall) -> str:
    name = call.name
    if name.endswith(NORMALISING):
        normalising = graph.producers.get(name.removesuffix(NORMALISING))
        return normalising.name if normalising is not None else ""
    for ending in APPENDED:
        name = name.removesuffix(ending)
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


def executed_nodes(graph: Graph, calls: Sequence[OperatorCall]) -> set[str]:
    """Return the nodes that are executed by themselves, or with others that compute nothing.

    These are the nodes that calls are of, what else makes a shuffle or an activation of one, and
    the slices that a split stands for.
    """
    found = set[str]()
    names = node_names(graph, calls)
    for call, name in zip(calls, names, strict=True):
        found.add(name)
        if call.operator == SPLIT:
            found |= _slices(graph, name)
        if call.operator == SHUFFLE and name:
            found |= _shuffle(graph, name)
        if call.operator in COMPOSED and name:
            found |= _composed(graph, _made_for(graph, name, names), names)
        if call.name.endswith(NORMALISING) and name:
            found |= _composed(graph, [name], names)
    return found - {""}


def _slices(graph: Graph, name: str) -> set[str]:
    """Return the slices of what a node of that name slices, or all where the split has no name."""
    slices = [node for node in graph.nodes if node.op_type in ("Slice", "Split")]
    values = [node.input[0] for node in slices if name in (node.name, "")]
    return {node.name for node in slices if node.input[0] in values}


def _shuffle(graph: Graph, name: str) -> set[str]:
    """Return the reshaping and the transposition that a shuffle's last node ends."""
    last = graph.nodes[graph.places[name]]
    middle = graph.producers.get(last.input[0])
    first = graph.producers.get(middle.input[0]) if middle is not None else None
    chain = [node for node in (first, middle, last) if node is not None]
    kinds = [node.op_type for node in chain]
    return {node.name for node in chain} if kinds == ["Reshape", "Transpose", "Reshape"] else {name}


def _made_for(graph: Graph, name: str, known: Collection[str]) -> list[str]:
    """Return a node and those before it that compute by elements for it alone, the last first.

    None of these is `known`.
    """
    found = [name]
    for one in found:
        values = graph.variables(graph.nodes[graph.places[one]])
        made = [graph.producers[v] for v in values if graph.taken(v) == 1 and v in graph.producers]
        found += [node.name for node in made if _computes(node, known)]
    return found


def _composed(graph: Graph, names: Sequence[str], known: Collection[str]) -> set[str]:
    """Return some nodes with those behind the first that take nothing besides what these do."""
    nodes = [graph.nodes[graph.places[name]] for name in names]
    taken = {value for node in nodes for value in graph.variables(node)}
    node, found = nodes[0], {*names}
    following = _only_taker(graph, node)
    while following and _computes(following, known):
        taken.add(node.output[0])
        if not {*graph.variables(following)} <= taken:
            break
        found.add(following.name)
        node, following = following, _only_taker(graph, following)
    return found


def _only_taker(graph: Graph, node: NodeProto) -> NodeProto | None:
    takers = graph.consumers.get(node.output[0], [])
    return takers[0] if takers and graph.taken(node.output[0]) == 1 else None


def _computes(node: NodeProto, known: Collection[str]) -> bool:
    return node.name not in known and category_of(node.op_type) is Category.ELEMWISE


def _is_activation(graph: Graph, node: NodeProto) -> bool:
    """Whether a node is the activation of a layer, whose result nothing else takes."""
    values = graph.variables(node)
    return node.op_type in ACTIVATIONS and all(
        value in graph.producers
        and graph.producers[value].op_type in LAYERS
        and graph.taken(value) == 1
        for value in values
    )


def likely_executed(graph: Graph) -> set[str]:
    """Return the nodes of which it is not known that a runtime executes them inside others.

    Where it does not tell, activations behind a layer are taken for fused.
    """
    return {node.name for node in graph.nodes if not _is_activation(graph, node)}
