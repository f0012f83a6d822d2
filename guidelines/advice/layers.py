"""Convolutions and fully connected layers of a network, and others of chosen widths."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from onnx import NodeProto

from guideline_benchmarks.guidelines.advice.graph import Graph, Shape
from guideline_benchmarks.guidelines.advice.neighbours import before, behind
from guideline_benchmarks.guidelines.advice.parts import OWN, Border, Builder, Cut, between
from guideline_benchmarks.networks.layer_cost import LayerCost
from guideline_benchmarks.networks.onnx_cost import attributes
from guideline_benchmarks.networks.onnx_free import FREE, operator
from guideline_benchmarks.results.decomposition.operators import category_of

# What a runtime executes together with the layer before it, if it takes nothing else.
ACTIVATIONS = frozenset(
    ("Relu", "Clip", "LeakyRelu", "Elu", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Gelu")
)
PRODUCTS = ("Gemm", "MatMul")
# By how much the work of an alternative may differ.
SAME_WORK = 0.02
# By how much the ratio of its widths may, as a logarithm: memory access cost is 2 % above its bound
# at 1.5.
MOST_OFF = math.log(1.51)
# What a convolution of other widths keeps.
KEPT = ("strides", "pads", "dilations", "auto_pad")
# What values of a layer of other widths are called.
IN, OUT, ACTIVATED = f"{OWN}in", f"{OWN}out", f"{OWN}activated"
STEPS = (32, 16, 8, 4, 2, 1)


@dataclass(frozen=True)
class Layer:
    """A convolution, or a product with a matrix of weights, with the activation behind it.

    `nodes` are both. `x` and `y` are its shapes, channels second (of a product: last). The kernel
    is (height, width), or () of a product. `own` are the attributes that a convolution in its place
    keeps.
    """

    nodes: tuple[NodeProto, ...]
    x: Shape
    y: Shape
    c1: int
    c2: int
    groups: int
    kernel: tuple[int, ...]
    own: Mapping[str, Any]

    @property
    def node(self) -> NodeProto:
        """The convolution or product itself."""
        return self.nodes[0]

    @property
    def is_depthwise(self) -> bool:
        """Whether every channel is a group of its own."""
        return self.groups > 1 and self.groups == self.c1

    @property
    def cost(self) -> LayerCost:
        """What it costs, analytically (Eq. 1 and 2)."""
        spatial = len(self.kernel) == 2
        return LayerCost(
            c1=self.c1,
            c2=self.c2,
            groups=self.groups,
            kernel_area=math.prod(self.kernel),
            input_positions=math.prod(self.x[2:]) if spatial else math.prod(self.x[1:-1]),
            output_positions=math.prod(self.y[2:]) if spatial else math.prod(self.y[1:-1]),
            batch=self.x[0],
        )

    @property
    def stride(self) -> int:
        """The larger of its two strides; 1 of a product."""
        strides: list[int] = self.own.get("strides", [1])
        return max(strides)

    @property
    def signature(self) -> tuple[Any, ...]:
        """What equal layers have in common."""
        own = tuple(sorted((name, str(value)) for name, value in self.own.items()))
        followers = tuple((n.op_type, str(attributes(n))) for n in self.nodes[1:])
        return (self.node.op_type, self.x, self.y, self.groups, self.kernel, own, followers)

    @property
    def operator(self) -> str:
        """What it is called: "3×3 depthwise convolution"."""
        if not self.kernel:
            return "fully connected layer"
        kind = "depthwise " if self.is_depthwise else "group " if self.groups > 1 else ""
        return f"{'×'.join(map(str, self.kernel))} {kind}convolution"

    @property
    def title(self) -> str:
        """It in one clause, with its channels and the size of its input."""
        if not self.kernel:
            return f"{self.operator} {self.c1}→{self.c2}"
        channels = f"{self.c1}→{self.c2}" if not self.is_depthwise else f"of {self.c2} channels"
        groups = f" in {self.groups} groups" if self.groups > 1 and not self.is_depthwise else ""
        stride = f", stride {self.stride}" if self.stride > 1 else ""
        return f"{self.operator} {channels}{groups} at {self.x[2]}×{self.x[3]}{stride}"


def layers(graph: Graph) -> Iterator[Layer]:
    """Yield the convolutions and products of a graph whose weights and biases are constants."""
    for node in graph.nodes:
        found = _layer(graph, node)
        if found is not None:
            yield replace(found, nodes=(node, *_activation(graph, node)))


def _layer(graph: Graph, node: NodeProto) -> Layer | None:
    if node.op_type not in ("Conv", *PRODUCTS) or why_no_layer(graph, node) is not None:
        return None
    x, y = graph.shape(node.input[0]), graph.shape(node.output[0])
    weights, own = graph.shape(node.input[1]), attributes(node)
    if x is None or y is None or weights is None or node.input[1] not in graph.constants:
        return None
    if node.op_type == "Conv":
        kept = {n: value for n, value in own.items() if n in KEPT}
        kernel = (weights[2], weights[3])
        return Layer((node,), x, y, x[1], y[1], own.get("group", 1), kernel, kept)
    return Layer((node,), x, y, x[-1], y[-1], 1, (), {})


def why_no_layer(graph: Graph, node: NodeProto) -> str | None:
    """Return as what an operator that multiplies is not looked into; None of all others."""
    if node.op_type in ("Conv", *PRODUCTS):
        return _why_not(graph, node)
    if node.op_type == "ConvTranspose":
        return "transposed convolutions"
    free = operator(node) in FREE or category_of(node.op_type) is None
    return None if free else "operators that multiply in ways of their own"


def _why_not(graph: Graph, node: NodeProto) -> str | None:
    """Return as what a convolution or a product is not looked into.

    None of layers, of what has no weights, and where not even the size of the result is known.
    """
    product, y = node.op_type in PRODUCTS, graph.shape(node.output[0])
    if y is None or (product and not any(name in graph.constants for name in node.input[:2])):
        return None
    x = graph.shape(node.input[0])
    if x is None:
        return "layers whose inputs' sizes are known only when they run"
    if product and not _of_rows(graph, node):
        return "products of something else than rows with a matrix of weights"
    if not all(name in graph.constants for name in node.input[1:] if name):
        return "layers whose weights or biases are computed"
    if not {node.input[0], node.output[0]} <= graph.floats:
        return "layers in something else than float32"
    return "convolutions along other than two axes" if not product and len(x) != 4 else None


def _of_rows(graph: Graph, node: NodeProto) -> bool:
    x, weights = (graph.shape(name) or () for name in node.input[:2])
    rows = len(x) in (2, 3) and not attributes(node).get("transA")
    return rows and len(weights) == 2 and node.input[1] in graph.constants


def _activation(graph: Graph, node: NodeProto) -> list[NodeProto]:
    takers = graph.consumers.get(node.output[0], [])
    if graph.taken(node.output[0]) != 1 or not takers or takers[0].op_type not in ACTIVATIONS:
        return []
    made = takers[0].output[0]
    # Of operators that are not ONNX's own nobody tells sizes.
    known = graph.shape(made) is not None and made in graph.floats
    return takers if known and graph.variables(takers[0]) == [node.output[0]] else []


def with_widths(layer: Layer, graph: Graph, c1: int, c2: int, groups: int) -> tuple[Layer, Cut]:
    """Return a layer of other widths, cut out: all else is as in the given one."""
    channels = 1 if layer.kernel else -1
    other = replace(
        layer,
        x=_with_channels(layer.x, c1, channels),
        y=_with_channels(layer.y, c2, channels),
        c1=c1,
        c2=c2,
        groups=groups,
    )
    inputs = [Border(IN, other.x, before(graph, layer.node.input[0]))]
    outputs = [Border(_last(other), other.y, behind(graph, layer.nodes[-1].output[0]))]
    made = between(inputs, outputs, lambda builder: _add(builder, other, graph), graph.model)
    return other, made


def _last(layer: Layer) -> str:
    return ACTIVATED if layer.nodes[1:] else OUT


def standing(graph: Graph, layer: Layer) -> Hashable:
    """Return what equal layers have in common that stand among the same neighbours."""
    ends = (before(graph, layer.node.input[0]), behind(graph, layer.nodes[-1].output[0]))
    return (layer.signature, *ends)


def divisor(graph: Graph, layer: Layer) -> int:
    """Return what widths must be multiples of for a layer's neighbours to stay what they are."""
    ends = (before(graph, layer.node.input[0]), behind(graph, layer.nodes[-1].output[0]))
    return math.lcm(*(end.groups or 1 for end in ends if end is not None))


def _with_channels(shape: Shape, channels: int, axis: int) -> Shape:
    sizes = list(shape)
    sizes[axis] = channels
    return tuple(sizes)


def _add(builder: Builder, layer: Layer, graph: Graph) -> None:
    """Add a layer that takes IN, with its activation, which makes what is `_last`."""
    if layer.kernel:
        each = layer.c1 // layer.groups
        shape = (layer.c2, each, *layer.kernel)
        weights = builder.weights(f"{OWN}weights", shape, each * math.prod(layer.kernel))
        bias = builder.weights(f"{OWN}bias", (layer.c2,), layer.c2)
        builder.node("Conv", [IN, weights, bias], OUT, group=layer.groups, **layer.own)
    else:
        weights = builder.weights(f"{OWN}weights", (layer.c1, layer.c2), layer.c1)
        builder.node("MatMul", [IN, weights], OUT)
    for follower in layer.nodes[1:]:
        copy = NodeProto()
        copy.CopyFrom(follower)
        copy.input[0], copy.output[0] = OUT, ACTIVATED
        builder.nodes.append(copy)
        builder.constants += [graph.constants[name] for name in follower.input[1:] if name]


def near_pair(
    product: float, ratio: float, multiple: int = 1, most_off: float = MOST_OFF
) -> tuple[int, int]:
    """Return two widths of about that product, multiples of a block, as near a ratio as can be.

    The largest block of STEPS is taken for which there are two within SAME_WORK and `most_off`;
    both are multiples of `multiple`, too. Where there are none, plain rounding is what is left.
    """
    for step in STEPS:
        found = _pair(product, ratio, math.lcm(step, multiple), most_off)
        if found is not None:
            return found
    first = max(multiple, multiple * round(math.sqrt(product * ratio) / multiple))
    return first, max(multiple, multiple * round(product / first / multiple))


def _pair(product: float, ratio: float, step: int, most_off: float) -> tuple[int, int] | None:
    best: tuple[float, int, int] | None = None
    for first in range(step, int(math.sqrt(product * ratio) * 2) + step, step):
        second = max(step, step * round(product / first / step))
        if abs(first * second / product - 1) <= SAME_WORK:
            off = abs(math.log(first / second / ratio))
            if best is None or off < best[0]:
                best = (off, first, second)
    return (best[1], best[2]) if best is not None and best[0] <= most_off else None
