"""What an ONNX graph costs, told from its shapes: multiply-adds, memory access cost and weights.

Needs onnx and layer_cost alone: it also runs under the user's own Python. Nothing is executed, and
weights that lie in other files need not be there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import onnx.inliner
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

from guideline_benchmarks.networks.layer_cost import (
    Cost,
    CountedLayer,
    LayerCost,
    Shape,
    convolution,
    counted_names,
    product,
)
from guideline_benchmarks.networks.onnx_free import FREE, operator

# Where the input and the weights of a convolution, and the matrices of a product, stand.
_CONVOLUTIONS = {
    "Conv": (0, 1), "ConvTranspose": (0, 1), "ConvInteger": (0, 1), "QLinearConv": (0, 3),
    "FusedConv": (0, 1),
}  # fmt: skip
_PRODUCTS = {
    "MatMul": (0, 1), "MatMulInteger": (0, 1), "Gemm": (0, 1), "QLinearMatMul": (0, 3),
    "FusedMatMul": (0, 1), "FusedGemm": (0, 1), "QGemm": (0, 3), "DynamicQuantizeMatMul": (0, 1),
    "MatMulIntegerToFloat": (0, 1),
}  # fmt: skip
_RECURRENT = ("LSTM", "GRU", "RNN")
_FLOW = ("If", "Loop", "Scan")
_QUANTISING = ("QuantizeLinear", "DequantizeLinear")


class Unknown(Exception):  # noqa: N818
    """A shape that is not known until the graph runs; its text is the value's name."""


class _Graph:
    """A graph with its shapes and constants."""

    def __init__(self, model: ModelProto, known: Mapping[str, Shape]) -> None:
        self.model, self.known = model, dict(known)
        self.constants: set[str] = set()
        for tensor in model.graph.initializer:
            self.known[tensor.name] = tuple(tensor.dims)
            self.constants.add(tensor.name)
        values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
        for value in values:
            shape = _shape(value)
            if shape is not None:
                self.known.setdefault(value.name, shape)
        for node in model.graph.node:
            if all(name in self.constants for name in node.input if name):
                self.constants.update(node.output)
            for attribute in node.attribute:
                if node.op_type == "Constant" and attribute.type == AttributeProto.TENSOR:
                    self.known.setdefault(node.output[0], tuple(attribute.t.dims))

    def shape(self, name: str) -> Shape:
        """Return the shape of a value. Raises Unknown."""
        if name not in self.known:
            raise Unknown(name)
        return self.known[name]


def _shape(value: Any) -> Shape | None:
    """Return the shape that is declared of a value, None unless all its sizes are numbers."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    sizes = [size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim]
    return None if None in sizes else tuple(sizes)  # type: ignore[arg-type]


def fix_shapes(model: ModelProto, inputs: Mapping[str, Shape]) -> None:
    """Declare a model to be for inputs of these shapes, by name, and no other shape of it."""
    for value in model.graph.input:
        if value.name in inputs:
            shape = value.type.tensor_type.shape
            shape.Clear()
            for size in inputs[value.name]:
                shape.dim.add().dim_value = size
    # What was said of other shapes may be of other inputs.
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")


def _inferred(model: ModelProto, inputs: Mapping[str, Shape]) -> ModelProto:
    """Return a model with its functions written out and its shapes inferred from its inputs'."""
    found = ModelProto()
    found.CopyFrom(model)
    if found.functions:
        found = onnx.inliner.inline_local_functions(found)
    fix_shapes(found, inputs)
    try:
        return onnx.shape_inference.infer_shapes(found, data_prop=True)
    except Exception:
        return found


def onnx_cost(
    model: ModelProto,
    inputs: Mapping[str, Shape],
    run: Callable[[list[str]], Mapping[str, Shape]] | None = None,
    element_bytes: int = 4,
) -> Cost:
    """Return the cost of one execution of a graph on inputs of the given shapes, by name.

    Where shapes cannot be inferred, `run` returns those of values by name, after an execution, if
    there is such a function; layers whose shapes stay unknown are named as not counted.
    """
    inferred = _inferred(model, inputs)
    graph = _Graph(inferred, inputs)
    missing = list(dict.fromkeys(_missing(graph)))
    if missing and run is not None:
        graph.known.update(run(missing))
    layers: list[CountedLayer] = []
    uncounted: list[str] = []
    for place, node in enumerate(inferred.graph.node):
        try:
            layer = _layer(graph, node, node.name or f"{node.op_type}_{place}")
        except Unknown:
            uncounted.append(f"{operator(node)} (of sizes that only running it tells)")
            continue
        if layer is not None:
            layers.append(layer)
        elif _computes(node):
            body = " (its body)" if node.op_type in _FLOW else ""
            uncounted.append(f"{operator(node)}{body}")
    return Cost(tuple(layers), _weights(inferred), element_bytes, counted_names(uncounted))


def _computes(node: NodeProto) -> bool:
    """Whether a node that is not counted may multiply and add; a body does if its nodes do."""
    if node.op_type not in _FLOW:
        return operator(node) not in FREE
    counted = {*_CONVOLUTIONS, *_PRODUCTS, *_RECURRENT}
    return any(
        inner.op_type in counted or _computes(inner)
        for attribute in node.attribute
        if attribute.type == AttributeProto.GRAPH
        for inner in attribute.g.node
    )


def _missing(graph: _Graph) -> Iterator[str]:
    """Yield the values whose shapes are needed and not known."""
    for node in graph.model.graph.node:
        places = {**_CONVOLUTIONS, **_PRODUCTS}.get(node.op_type)
        wanted = [node.input[place] for place in places] if places else []
        if node.op_type in (*_RECURRENT, "Einsum"):
            wanted = list(node.input[:3])
        if wanted:
            wanted.append(node.output[0])
        yield from (name for name in wanted if name and name not in graph.known)


def _layer(graph: _Graph, node: NodeProto, name: str) -> CountedLayer | None:
    """Return what a node multiplies and adds, None if it does not or is not known to."""
    if node.op_type in _CONVOLUTIONS:
        return _convolution(graph, node, name)
    if node.op_type in _PRODUCTS:
        return _product(graph, node, name)
    if node.op_type in _RECURRENT:
        return _recurrent(graph, node, name)
    return _einsum(graph, node, name) if node.op_type == "Einsum" else None


def _convolution(graph: _Graph, node: NodeProto, name: str) -> CountedLayer:
    x, weight = (graph.shape(node.input[place]) for place in _CONVOLUTIONS[node.op_type])
    y = graph.shape(node.output[0])
    layer = LayerCost(
        c1=x[1],
        c2=y[1],
        groups=attributes(node).get("group", 1),
        kernel_area=math.prod(weight[2:]),
        input_positions=math.prod(x[2:]),
        output_positions=math.prod(y[2:]),
        batch=x[0],
        transposed=node.op_type == "ConvTranspose",
    )
    return convolution(name, node.op_type, (x, weight), y, layer)


def _product(graph: _Graph, node: NodeProto, name: str) -> CountedLayer:
    places = _PRODUCTS[node.op_type]
    a, b = (graph.shape(node.input[place]) for place in places)
    transposed = len(a) > 1 and bool(attributes(node).get("transA", 0))
    constant = [node.input[place] in graph.constants for place in places]
    weights = sum(math.prod(shape) for shape, is_so in zip((a, b), constant) if is_so)
    y = graph.shape(node.output[0])
    return product(name, node.op_type, (a, b), y, a[-2 if transposed else -1], weights)


def _recurrent(graph: _Graph, node: NodeProto, name: str) -> CountedLayer:
    """Return a recurrent layer: its weights are applied at each step, in each direction."""
    x, of_inputs, of_states = (graph.shape(value) for value in node.input[:3])
    weights = math.prod(of_inputs) + math.prod(of_states)
    steps = math.prod(x[:2])
    y = steps * of_states[0] * of_states[-1]
    shapes = (x, of_inputs, of_states)
    outputs = ((x[0], of_states[0], x[1], of_states[-1]),)
    elements = math.prod(x) + y + weights
    return CountedLayer(name, node.op_type, shapes, outputs, steps * weights, weights, y, elements)


def _einsum(graph: _Graph, node: NodeProto, name: str) -> CountedLayer | None:
    """Return a sum of products of two operands; others are not counted."""
    equation = attributes(node)["equation"].decode().replace(" ", "")
    left = equation.split("->")[0].split(",")
    if len(left) != 2 or "." in equation:
        return None
    a, b = (graph.shape(value) for value in node.input)
    sizes: dict[str, int] = {}
    for letters, shape in zip(left, (a, b)):
        for letter, size in zip(letters, shape):
            sizes[letter] = max(size, sizes.get(letter, 1))
    y = graph.shape(node.output[0])
    inner = math.prod(sizes.values()) // max(1, math.prod(y))
    if not set(left[0]) & set(left[1]) - set(equation.partition("->")[2]) and "->" in equation:
        # Nothing that both have is summed over: it multiplies element by element.
        inner = 0
    weights = sum(
        math.prod(shape) for shape, value in zip((a, b), node.input) if value in graph.constants
    )
    return product(name, "Einsum", (a, b), y, inner, weights)


def attributes(node: NodeProto) -> dict[str, Any]:
    """Return a node's attributes by name."""
    return {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}


def _weights(model: ModelProto) -> int:
    """Return the elements of all weights, biases and norms included, each once.

    They are constants with fractions, and those of few bits that are made such. Scales and zeros of
    quantisation, shapes and indices are none.
    """
    settings, quantised = set(), set()
    for node in model.graph.node:
        if node.op_type in _QUANTISING:
            settings.update(node.input[1:])
            quantised.add(node.input[0])
        elif node.op_type in ("QLinearConv", "QLinearMatMul"):
            settings.update([*node.input[1:3], *node.input[4:8]])
            quantised.update([*node.input[3:4], *node.input[8:9]])
        elif node.op_type == "QGemm" and node.domain == "com.microsoft":
            settings.update([*node.input[1:3], *node.input[4:6], *node.input[7:9]])
            quantised.update([*node.input[3:4], *node.input[6:7]])
        elif node.op_type in ("ConvInteger", "MatMulInteger"):
            settings.update(node.input[2:4])
            quantised.update(node.input[1:2])
    numbers = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
    return sum(
        math.prod(dims)
        for name, kind, dims in _constants(model)
        if name not in settings and (kind in numbers or name in quantised)
    )


def _constants(model: ModelProto) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """Yield name, type and shape of all constant tensors of a graph."""
    for tensor in model.graph.initializer:
        yield tensor.name, tensor.data_type, tuple(tensor.dims)
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.type == AttributeProto.TENSOR:
                tensor = attribute.t
                # A number alone is an operand, say of a division, and no weight.
                if len(tensor.dims):
                    yield node.output[0], tensor.data_type, tuple(tensor.dims)
