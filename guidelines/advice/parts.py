"""Layers cut out of a network, to be timed between what makes their inputs and takes their outputs.

A runtime keeps values in layouts of its own between its kernels, and fuses what stands beside them.
So the layers stand in a small network: convolutions of a few channels make their inputs, as the
layers before them do, and of their outputs a pooling takes one corner, which costs next to nothing.
Where they stand among convolutions in groups, which runtimes lay out in another way, they do so
here. The same network without the layers is timed beside it; the difference is what they cost.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from guideline_benchmarks.guidelines.advice.graph import Graph, region_inputs, region_outputs
from guideline_benchmarks.guidelines.advice.neighbours import Neighbour, before, behind
from guideline_benchmarks.results.decomposition.operators import Category, category_of

# What names of values begin with that are of no network.
OWN = "cut/"
# Channels of what the inputs are made of, as many as an image has: fewer than any kernel's block.
FEW = 3
Shape = tuple[int, ...]


class CannotCutError(Exception):
    """Layers that cannot be cut out; the text is a clause that says why."""


@dataclass(frozen=True)
class Cut:
    """Two networks: with some layers, and without them."""

    inside: ModelProto
    around: ModelProto


@dataclass
class Builder:
    """A graph in the making; names of what is not of the layers begin with OWN."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    inputs: dict[str, Shape] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)

    def weights(self, name: str, shape: Shape, fan_in: int) -> str:
        """Add weights that keep the size of what they are applied to; the same for one name."""
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        values = np.random.RandomState(seed).standard_normal(shape) * math.sqrt(1 / max(1, fan_in))
        return self.constant(name, values.astype(np.float32))

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Add a constant of that name."""
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node with one output; return that."""
        name = f"{output}:{operator}"
        self.nodes.append(onnx.helper.make_node(operator, inputs, [output], name, **attributes))
        return output

    def source(
        self,
        name: str,
        shape: Shape,
        value: str,
        neighbour: Neighbour | None = None,
        apart: bool = False,
    ) -> None:
        """Make a value of that shape and name out of an input with few channels.

        Where a `neighbour` makes it, that comes last. A map is kept `apart` by a pooling of 1×1,
        so that what takes it is fused into no convolution. Raises CannotCutError for what is no
        feature map and no row of features.
        """
        if len(shape) == 4:
            self.inputs[f"{OWN}x{name}"] = (shape[0], FEW, *shape[2:])
            weights = self.weights(f"{OWN}source{name}", (shape[1], FEW, 1, 1), FEW)
            whole = f"{OWN}apart{name}" if apart else value
            last = neighbour and neighbour.of(shape[1]) > 1
            made = f"{OWN}before{name}" if last else whole
            self.node("Conv", [f"{OWN}x{name}", weights], made, kernel_shape=[1, 1])
            if neighbour and last:
                self._divided(f"before{name}", shape, made, whole, neighbour)
            if apart:
                self.node("MaxPool", [whole], value, kernel_shape=[1, 1])
        elif len(shape) in (2, 3):
            self.inputs[f"{OWN}x{name}"] = (*shape[:-1], FEW)
            weights = self.weights(f"{OWN}source{name}", (FEW, shape[-1]), FEW)
            self.node("MatMul", [f"{OWN}x{name}", weights], value)
        else:
            raise CannotCutError(f"it takes a value of {len(shape)} axes")

    def _divided(self, name: str, shape: Shape, value: str, made: str, like: Neighbour) -> None:
        """Add a convolution in groups that keeps the shape of a value."""
        groups = like.of(shape[1])
        sides = like.kernel if like.groups is None else (1, 1)
        weights = self.weights(f"{OWN}of {name}", (shape[1], shape[1] // groups, *sides), shape[1])
        self.node(
            "Conv",
            [value, weights],
            made,
            kernel_shape=list(sides),
            group=groups,
            auto_pad="SAME_UPPER",
        )

    def sink(self, name: str, shape: Shape, value: str, neighbour: Neighbour | None = None) -> None:
        """Return one corner of a value of that shape, or all of a row of features.

        Where a `neighbour` takes it, that stands between.
        """
        output = f"{OWN}y{name}"
        if len(shape) == 4:
            if neighbour and neighbour.of(shape[1]) > 1:
                self._divided(f"behind{name}", shape, value, f"{OWN}behind{name}", neighbour)
                value = f"{OWN}behind{name}"
            kernel = [min(2, size) for size in shape[2:]]
            self.node("MaxPool", [value], output, kernel_shape=kernel, strides=list(shape[2:]))
        elif len(shape) == 3:
            ends = [self.constant(f"{OWN}{end}{name}", np.array([at])) for end, at in _FIRST_ROW]
            self.node("Slice", [value, *ends], output)
        else:
            self.node(
                "Mul", [value, self.constant(f"{OWN}one{name}", np.ones(1, np.float32))], output
            )
        self.outputs.append(output)

    def model(self, like: ModelProto) -> ModelProto:
        """Return what was built, of the version of operators of the network that it is cut of."""
        info = onnx.helper.make_tensor_value_info
        values = [info(name, TensorProto.FLOAT, shape) for name, shape in self.inputs.items()]
        found = [info(name, TensorProto.FLOAT, None) for name in self.outputs]
        graph = onnx.helper.make_graph(self.nodes, "part", values, found, self.constants)
        model = onnx.helper.make_model(graph, opset_imports=like.opset_import)
        model.ir_version = like.ir_version
        return model


_FIRST_ROW = (("starts", 0), ("ends", 1), ("axes", 1))


@dataclass(frozen=True)
class Border:
    """A value that layers take or make: its name, its shape, and what stands there beyond them.

    What takes it computes by itself where it is kept `apart`.
    """

    value: str
    shape: Shape
    neighbour: Neighbour | None
    apart: bool = False


def between(
    inputs: Sequence[Border],
    outputs: Sequence[Border],
    add: Callable[[Builder], None],
    like: ModelProto,
) -> Cut:
    """Return two networks: what makes inputs and what takes outputs, with layers between or not.

    `add` puts the layers in. What takes an output by way of a neighbour is given something of its
    own where the layers are not, and that stands beside them where they are.
    """
    inside, around = Builder(), Builder()
    for number, border in enumerate(inputs):
        name = str(number)
        for builder in (inside, around):
            builder.source(name, border.shape, border.value, border.neighbour, border.apart)
        around.sink(name, border.shape, border.value)
    add(inside)
    for number, border in enumerate(outputs):
        name = f"out{number}"
        inside.sink(name, border.shape, border.value, border.neighbour)
        if border.neighbour and len(border.shape) == 4:
            for builder in (inside, around):
                builder.source(f"{name}-own", border.shape, f"{OWN}{border.value}")
            inside.sink(f"{name}-own", border.shape, f"{OWN}{border.value}")
            around.sink(f"{name}-own", border.shape, f"{OWN}{border.value}", border.neighbour)
    return Cut(inside.model(like), around.model(like))


def cut(graph: Graph, nodes: Sequence[NodeProto], instead: Mapping[str, str] | None = None) -> Cut:
    """Return nodes of a network, in its order, cut out of it.

    With `instead`, values from before stand for their results, by name, and the nodes are left out.
    Raises CannotCutError where shapes are not known, or for values that no source makes.
    """
    inputs = [
        Border(
            value,
            _feature_shape(graph, value),
            before(graph, value),
            any(value in node.input and _computes_by_elements(node) for node in nodes),
        )
        for value in region_inputs(graph, nodes)
    ]
    outputs = [
        Border(value, _feature_shape(graph, value), behind(graph, value))
        for value in region_outputs(graph, nodes)
    ]
    if instead is not None:
        outputs = [replace(border, value=instead[border.value]) for border in outputs]
        return between(inputs, outputs, lambda _: None, graph.model)

    def add(builder: Builder) -> None:
        builder.nodes += nodes
        used = {name for node in nodes for name in node.input}
        builder.constants += [graph.constants[name] for name in graph.constants if name in used]

    return between(inputs, outputs, add, graph.model)


def _computes_by_elements(node: NodeProto) -> bool:
    return category_of(node.op_type) is Category.ELEMWISE


def _feature_shape(graph: Graph, value: str) -> Shape:
    shape = graph.shape(value)
    if shape is None:
        raise CannotCutError("its sizes are known only when it runs")
    if value not in graph.floats:
        raise CannotCutError("it takes or makes what is not of float32")
    return shape
