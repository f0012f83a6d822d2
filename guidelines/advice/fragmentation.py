"""G3: fragmentation reduces parallelism: branches of operators that one operator could replace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onnx import NodeProto

from guideline_benchmarks.guidelines.advice.drafts import Draft, Option, grouped
from guideline_benchmarks.guidelines.advice.graph import (
    Graph,
    Shape,
    region_inputs,
    region_outputs,
    region_signature,
)
from guideline_benchmarks.guidelines.advice.layers import Layer, layers, near_pair, with_widths
from guideline_benchmarks.guidelines.advice.parts import CannotCutError, cut

JOINS = ("Concat", "Add", "Sum", "Max", "Mul")
POOLS = ("MaxPool", "AveragePool")
# What one convolution could not stand for.
OTHERS = ("Softmax", "LSTM", "GRU", "RNN", "If", "Loop", "Scan", "Einsum")
FEWEST = 2


@dataclass(frozen=True)
class Region:
    """Parallel branches, from where they fork to the node that joins them, the last of `nodes`."""

    nodes: tuple[NodeProto, ...]
    branches: tuple[tuple[NodeProto, ...], ...]


def fragmentation(graph: Graph) -> Iterator[Draft]:
    """Yield the places where two or more branches compute side by side.

    Raises CannotCutError as guidelines.advice.parts.cut does.
    """
    computing = {layer.node.name: layer for layer in layers(graph)}
    found = _largest([region for region in map_regions(graph) if _is_parallel(region, computing)])
    for equal in grouped(found, lambda region: region_signature(graph, region.nodes)):
        yield _draft(graph, equal, computing)


def map_regions(graph: Graph) -> Iterator[Region]:
    """Yield, for every node that joins values, the branches that nothing else takes anything of.

    A branch holds the nodes all of whose results come to the join by the same of its inputs.
    """
    for place, join in enumerate(graph.nodes):
        inputs = graph.variables(join)
        if join.op_type not in JOINS or len(inputs) < FEWEST:
            continue
        of: dict[str, int] = {}
        for node in reversed(graph.nodes[:place]):
            ways = {
                inputs.index(value) if taker.name == join.name else of.get(taker.name, -1)
                for value in node.output
                for taker in graph.consumers.get(value, [])
            }
            returned = any(value in graph.outputs for value in node.output)
            if len(ways) == 1 and -1 not in ways and not returned:
                of[node.name] = ways.pop()
        own = [node for node in graph.nodes[:place] if node.name in of]
        branches = tuple(
            tuple(node for node in own if of[node.name] == number) for number in range(len(inputs))
        )
        yield Region((*own, join), branches)


def _is_parallel(region: Region, computing: dict[str, Layer]) -> bool:
    """Whether two branches compute, one of them by convolving."""
    works = [
        [node for node in branch if node.name in computing or node.op_type in POOLS]
        for branch in region.branches
    ]
    convolves = any(node.name in computing for node in region.nodes)
    return sum(map(bool, works)) >= FEWEST and convolves


def _largest(regions: Sequence[Region]) -> list[Region]:
    """Return the regions that lie in no other one."""
    inner = {node.name for region in regions for node in region.nodes[:-1] if node.op_type in JOINS}
    return [region for region in regions if region.nodes[-1].name not in inner]


def _draft(graph: Graph, equal: Sequence[Region], computing: dict[str, Layer]) -> Draft:
    region = equal[0]
    inside = [computing[node.name] for node in region.nodes if node.name in computing]
    pools = sum(node.op_type in POOLS for node in region.nodes)
    work = sum(layer.cost.multiply_adds for layer in inside)
    taken, made = region_inputs(graph, region.nodes), region_outputs(graph, region.nodes)
    shapes = [[graph.shape(name) or () for name in names] for names in (taken, made)]
    parallel = sum(
        any(n.name in computing or n.op_type in POOLS for n in branch) for branch in region.branches
    )
    operators = len(inside) + pools
    why = (
        f"{parallel} branches side by side with {operators} convolutions and poolings, of "
        f"{work / operators / 1e6:.2g} M multiply-adds on average."
    )
    refused = ""
    try:
        option = _one_operator(graph, inside, work, *shapes)
        own = cut(graph, region.nodes)
        if any(node.op_type in OTHERS for node in region.nodes):
            raise CannotCutError("no convolution could stand for all that it computes")
    except CannotCutError as error:
        option, own, refused = None, None, str(error)
    join = region.nodes[-1].op_type
    return Draft(
        guideline="G3",
        title=f"{parallel} branches to {join} at {_size(shapes[1])}",
        why=why,
        places=[one.nodes for one in equal],
        inputs=shapes[0],
        outputs=shapes[1],
        multiply_adds=work,
        memory_access_cost=sum(layer.cost.memory_access_cost for layer in inside),
        memory_access_bound=None,
        weights=sum(layer.cost.weights for layer in inside),
        cut=own,
        options=[option] if option else [],
        unmeasured=refused,
    )


def _size(shapes: Sequence[Shape]) -> str:
    return "×".join(map(str, shapes[0][1:])) if shapes and shapes[0] else "unknown sizes"


def _one_operator(
    graph: Graph, inside: Sequence[Layer], work: int, inputs: Sequence[Shape], out: Sequence[Shape]
) -> Option:
    """Return one convolution of the same work, its widths in the ratio of the branches'."""
    if len(out) != 1 or any(len(shape) != 4 for shape in (*inputs, *out)):
        raise CannotCutError("its inputs and output are no feature maps")
    x, y = max(inputs, key=lambda shape: shape[2]), out[0]
    stride = max(1, round(x[2] / y[2]))
    side = 3 if any(max(layer.kernel, default=1) > 1 for layer in inside) else 1
    product = work / (y[0] * y[2] * y[3] * side**2)
    first, second = near_pair(product, sum(shape[1] for shape in inputs) / y[1])
    own = {"strides": [stride, stride], "pads": [side // 2] * 4}
    like = Layer((inside[0].node,), x, y, first, second, 1, (side, side), own)
    other, made = with_widths(like, graph, first, second, 1)
    return Option(
        f"one {side}×{side} convolution {first}→{second}, as many multiply-adds",
        made,
        other.cost.multiply_adds,
        other.cost.weights,
    )
