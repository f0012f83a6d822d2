"""A network's graph, simplified, with its shapes: what makes each value, and what takes it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from guideline_benchmarks.networks.onnx_cost import attributes, fix_shapes
from guideline_benchmarks.results.errors import BadInputError

Shape = tuple[int, ...]
# From the first on, operators take what is changed here as inputs.
OLDEST_OPSET, OPSET = 13, 17


def simplified(model: bytes, inputs: Mapping[str, Shape], name: str) -> ModelProto:
    """Return an ONNX model for inputs of these shapes: constants folded, every node named.

    What ONNX Runtime does to any graph before it is optimised for a device: shape arithmetic and
    batch norms are gone, and operators are ONNX's own. Raises BadInputError, naming the network,
    for a model that cannot be read alone.
    """
    fixed = onnx.load_from_string(model)
    fix_shapes(fixed, inputs)
    if _opset(fixed) < OLDEST_OPSET:
        fixed = _newer(fixed, name)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "simplified.onnx"
        options.optimized_model_filepath = str(path)
        try:
            onnxruntime.InferenceSession(
                fixed.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            found = onnx.load(str(path))
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise BadInputError(f"{name} cannot be looked into: {reason}") from None
    _name_nodes(found)
    return onnx.shape_inference.infer_shapes(found, data_prop=True)


def _opset(model: ModelProto) -> int:
    return max(int(one.version) for one in model.opset_import if one.domain in ("", "ai.onnx"))


def _newer(model: ModelProto, name: str) -> ModelProto:
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise BadInputError(
            f"{name} is of opset {_opset(model)}, older than {OLDEST_OPSET}, and cannot be "
            f"converted: {reason}"
        ) from None


def _name_nodes(model: ModelProto) -> None:
    """Give every node a name of its own."""
    seen = Counter(node.name for node in model.graph.node)
    for place, node in enumerate(model.graph.node):
        if not node.name or seen[node.name] > 1:
            node.name = f"{node.name or node.op_type}_{place}"


def taken_by(node: NodeProto) -> list[str]:
    """Return the names of what a node takes, and of what the bodies in it take from without."""
    bodies = [one.g for one in node.attribute if one.type == AttributeProto.GRAPH]
    return [*node.input, *(name for body in bodies for name in _taken_from_without(body))]


def _taken_from_without(body: GraphProto) -> list[str]:
    taken = [name for node in body.node for name in taken_by(node)]
    taken += [value.name for value in body.output]
    own = {value.name for value in (*body.input, *body.initializer)}
    own |= {name for node in body.node for name in node.output}
    return [name for name in taken if name and name not in own]


@dataclass(frozen=True)
class Graph:
    """A simplified model; values are known by name, and shapes where they could be inferred."""

    model: ModelProto
    shapes: Mapping[str, Shape] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> list[NodeProto]:
        """Its nodes, each after those that it needs."""
        return list(self.model.graph.node)

    @cached_property
    def constants(self) -> dict[str, TensorProto]:
        """Its weights and other constants."""
        return {tensor.name: tensor for tensor in self.model.graph.initializer}

    @cached_property
    def inputs(self) -> list[str]:
        """What is given to it."""
        names = [value.name for value in self.model.graph.input]
        return [name for name in names if name not in self.constants]

    @cached_property
    def outputs(self) -> list[str]:
        """What it returns."""
        return [value.name for value in self.model.graph.output]

    @cached_property
    def producers(self) -> dict[str, NodeProto]:
        """What makes each value that is neither given nor constant."""
        return {name: node for node in self.nodes for name in node.output if name}

    @cached_property
    def consumers(self) -> dict[str, list[NodeProto]]:
        """What takes each value; nothing of one that is only returned."""
        found: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(taken_by(node)):
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each node stands in the order, by its name."""
        return {node.name: place for place, node in enumerate(self.nodes)}

    @cached_property
    def floats(self) -> set[str]:
        """The values that are known to be of float32."""
        graph = self.model.graph
        declared = [*graph.input, *graph.output, *graph.value_info]
        return {v.name for v in declared if v.type.tensor_type.elem_type == TensorProto.FLOAT}

    def variables(self, node: NodeProto) -> list[str]:
        """Return the values that a node takes, without constants, each once."""
        names = dict.fromkeys(taken_by(node))
        return [name for name in names if name and name not in self.constants]

    def taken(self, value: str) -> int:
        """Return how many nodes take a value, being returned counting as one."""
        return len(self.consumers.get(value, [])) + (value in self.outputs)

    def shape(self, value: str) -> Shape | None:
        """Return a value's shape, None where it is not known."""
        return self.shapes.get(value)

    def array(self, name: str) -> NDArray[Any]:
        """Return a constant."""
        return np.asarray(numpy_helper.to_array(self.constants[name]))


def graph_of(model: ModelProto) -> Graph:
    """Return a simplified model with the shapes that were inferred."""
    graph = model.graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in [*graph.input, *graph.output, *graph.value_info]:
        kind = value.type.tensor_type
        sizes = [size.dim_value for size in kind.shape.dim if size.HasField("dim_value")]
        if kind.HasField("shape") and len(sizes) == len(kind.shape.dim):
            shapes[value.name] = tuple(sizes)
    return Graph(model, shapes)


def region_inputs(graph: Graph, nodes: Sequence[NodeProto]) -> list[str]:
    """Return the values that some nodes take from elsewhere, constants left out, each once."""
    made = {name for node in nodes for name in node.output}
    taken = [name for node in nodes for name in graph.variables(node)]
    return [name for name in dict.fromkeys(taken) if name not in made]


def region_outputs(graph: Graph, nodes: Sequence[NodeProto]) -> list[str]:
    """Return the values that some nodes make for others, or that the network returns."""
    own = {node.name for node in nodes}
    return [
        name
        for node in nodes
        for name in node.output
        if name in graph.outputs
        or any(taker.name not in own for taker in graph.consumers.get(name, []))
    ]


def region_signature(graph: Graph, nodes: Sequence[NodeProto]) -> Hashable:
    """Return what equal regions have in common: operators, attributes and shapes, in order."""
    return tuple(
        (
            node.op_type,
            tuple(graph.shape(name) for name in node.input),
            str(sorted((name, str(value)) for name, value in attributes(node).items())),
        )
        for node in nodes
    )
