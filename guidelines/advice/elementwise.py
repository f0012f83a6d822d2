"""G4: element-wise operations, shuffles and moved data are not negligible where executed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import onnx
from onnx import ModelProto, NodeProto

from guideline_benchmarks.guidelines.advice.drafts import Draft, Option, grouped
from guideline_benchmarks.guidelines.advice.graph import (
    Graph,
    region_inputs,
    region_outputs,
    region_signature,
)
from guideline_benchmarks.guidelines.advice.parts import CannotCutError, Cut, cut
from guideline_benchmarks.results.decomposition.operators import Category, category_of

# They give a value another shape, and move nothing.
SHAPES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout")
KINDS = (Category.ELEMWISE, Category.DATA, Category.SHUFFLE)


def elementwise(graph: Graph, executed: Collection[str]) -> Iterator[Draft]:
    """Yield what computes by elements or moves data, of the nodes that are `executed` themselves.

    Such nodes that stand next to one another are one finding.
    """
    own = [node for node in graph.nodes if node.name in executed and is_elementwise(node)]
    found = [
        nodes for nodes in _connected(graph, own) if any(n.op_type not in SHAPES for n in nodes)
    ]
    for equal in grouped(found, lambda nodes: region_signature(graph, nodes)):
        yield _draft(graph, equal)


def is_elementwise(node: NodeProto) -> bool:
    """Whether a node computes by elements, or moves data."""
    return category_of(node.op_type) in KINDS


def fused(graph: Graph, executed: Collection[str]) -> dict[str, int]:
    """Return how many nodes a runtime executes inside others, or not at all, by operator."""
    inside = [n for n in graph.nodes if n.name not in executed and is_elementwise(n)]
    return dict(Counter(node.op_type for node in inside if node.op_type not in SHAPES))


def _connected(graph: Graph, nodes: Sequence[NodeProto]) -> list[list[NodeProto]]:
    """Return nodes in groups, those in one of which one works for another alone.

    What a node makes for others, too, may come around to the same one by way of them.
    """
    group_of: dict[str, int] = {}
    groups: dict[int, list[NodeProto]] = {}
    made: dict[str, str] = {}
    for number, node in enumerate(nodes):
        near = {group_of[made[name]] for name in node.input if name in made}
        joined = [member for group in sorted(near) for member in groups.pop(group)]
        groups[number] = [*joined, node]
        for member in groups[number]:
            group_of[member.name] = number
        takers = {taker.name for name in node.output for taker in graph.consumers.get(name, [])}
        if len(takers) == 1:
            made.update(dict.fromkeys(node.output, node.name))
    order = {node.name: place for place, node in enumerate(nodes)}
    return [sorted(members, key=lambda node: order[node.name]) for members in groups.values()]


def _draft(graph: Graph, equal: Sequence[Sequence[NodeProto]]) -> Draft:
    nodes = equal[0]
    taken, made = region_inputs(graph, nodes), region_outputs(graph, nodes)
    inputs = [graph.shape(name) or () for name in taken]
    outputs = [graph.shape(name) or () for name in made]
    moved = sum(math.prod(shape) for shape in (*inputs, *outputs))
    own: Cut | None = None
    refused = ""
    bypasses = [_bypass(graph, place) for place in equal]
    whole = {old: new for bypass in bypasses if bypass for old, new in bypass.items()}
    gone = {node.name for place in equal for node in place}
    change = partial(_leave_out, names=gone, instead=whole) if all(bypasses) else None
    option = Option("nothing in its place", None, 0, 0, change)
    try:
        own = cut(graph, nodes)
        if bypasses[0] is not None:
            option = replace(option, cut=cut(graph, nodes, bypasses[0]))
    except CannotCutError as error:
        refused = str(error)
    return Draft(
        guideline="G4",
        title=f"{operators_text(nodes)} at {_shown(outputs or inputs)}",
        why=f"It computes nothing that counts, and moves {moved / 1e6:.2g} M elements.",
        places=equal,
        inputs=inputs,
        outputs=outputs,
        multiply_adds=0,
        memory_access_cost=moved,
        memory_access_bound=None,
        weights=0,
        cut=own,
        options=[] if refused else [option],
        unmeasured=refused,
    )


def operators_text(nodes: Sequence[NodeProto]) -> str:
    """Return what some nodes do, in order: "Concat, channel shuffle, Split"."""
    words: list[str] = []
    kinds = [node.op_type for node in nodes]
    place = 0
    while place < len(kinds):
        if kinds[place : place + 3] == ["Reshape", "Transpose", "Reshape"]:
            words.append("channel shuffle")
            place += 3
        else:
            words.append(kinds[place])
            place += 1
    counted = Counter(words)
    return ", ".join(f"{n} {word}" if n > 1 else word for word, n in counted.items())


def _shown(shapes: Sequence[tuple[int, ...]]) -> str:
    return "×".join(map(str, shapes[0][1:])) or "a number"


def _bypass(graph: Graph, nodes: Sequence[NodeProto]) -> Mapping[str, str] | None:
    """Return what could stand for the results of some nodes: values of the same shape from before.

    None where there is none, or where something before them would then work for nothing.
    """
    inputs, outputs = region_inputs(graph, nodes), region_outputs(graph, nodes)
    own = {node.name for node in nodes}

    def only_here(value: str) -> bool:
        takers = graph.consumers.get(value, [])
        return value not in graph.outputs and all(taker.name in own for taker in takers)

    free = sorted(inputs, key=only_here, reverse=True)
    found: dict[str, str] = {}
    for value in outputs:
        shape = graph.shape(value)
        fitting = [name for name in free if graph.shape(name) == shape]
        # What the network returns, or the body of a loop takes, keeps its name.
        named = any(value not in taker.input for taker in graph.consumers.get(value, []))
        if shape is None or not fitting or named or value in graph.outputs:
            return None
        unused = [name for name in fitting if name not in found.values()]
        found[value] = (unused or fitting)[0]
    lost = [name for name in inputs if only_here(name) and name not in found.values()]
    return None if lost else found


def _leave_out(model: ModelProto, names: set[str], instead: Mapping[str, str]) -> None:
    """Take nodes out of a model; nodes of Identity pass on what stands for their results."""
    copies = []
    for node in model.graph.node:
        if node.name not in names:
            copies.append(NodeProto.FromString(node.SerializeToString()))
        for value in node.output:
            if node.name in names and value in instead:
                copies.append(onnx.helper.make_node("Identity", [instead[value]], [value]))
    del model.graph.node[:]
    model.graph.node.extend(copies)
