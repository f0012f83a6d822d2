"""Small ONNX graphs, layer by layer, for tests of what is found in networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper, shape_inference

from guideline_benchmarks.guidelines.advice.collected import drafts
from guideline_benchmarks.guidelines.advice.graph import Graph, graph_of, simplified

# What ONNX Runtime computes otherwise where it fuses, of the largest number.
TOLERANCE = 1e-5


class Net:
    """A graph in the making; every layer is named, and so is what it makes."""

    def __init__(self, **inputs: Sequence[int]) -> None:
        self.inputs = {name: tuple(shape) for name, shape in inputs.items()}
        self.nodes: list = []
        self.constants: list = []
        # Of what is returned and is not of float32.
        self.kinds: dict[str, int] = {}
        self.random = np.random.default_rng(0)

    def node(self, operator, inputs, name, outputs=None, **attributes):
        """Add any node; return the value that it makes, or the name of the node."""
        made = outputs or [name]
        self.nodes.append(helper.make_node(operator, list(inputs), made, name, **attributes))
        return name

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def drawn(self, name, *shape):
        spread = np.sqrt(np.prod(shape[1:]))
        return self.constant(name, (self.random.standard_normal(shape) / spread).astype("f"))

    def conv(self, x, name, c1, c2, kernel=1, groups=1, bias=True, **attributes):
        """A convolution that keeps the size of maps, unless it is told otherwise."""
        names = [x, self.drawn(f"{name}.w", c2, c1 // groups, kernel, kernel)]
        names += [self.drawn(f"{name}.b", c2)] if bias else []
        if kernel > 1:
            attributes = {"pads": [kernel // 2] * 4, **attributes}
        return self.node("Conv", names, name, group=groups, **attributes)

    def relu(self, x, name):
        return self.node("Relu", [x], name)

    def shuffle(self, x, name, groups, shape):
        """A channel shuffle of three nodes, of a value of that shape."""
        n, c, *size = shape
        self.constant(f"{name}.apart", [n, groups, c // groups, *size])
        self.constant(f"{name}.together", list(shape))
        apart = self.node("Reshape", [x, f"{name}.apart"], f"{name}.reshape")
        turned = self.node("Transpose", [apart], f"{name}.transpose", perm=[0, 2, 1, 3, 4])
        return self.node("Reshape", [turned, f"{name}.together"], name)

    def model(self, *outputs: str) -> ModelProto:
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "small",
            [info(n, self.kinds.get(n, TensorProto.FLOAT), s) for n, s in self.inputs.items()],
            [info(name, self.kinds.get(name, TensorProto.FLOAT), None) for name in outputs],
            self.constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def graph(self, *outputs: str) -> Graph:
        """The graph as `guidelines advise` looks into it."""
        model = self.model(*outputs)
        return graph_of(simplified(model.SerializeToString(), self.inputs, "small.onnx"))


def every(graph: Graph) -> set[str]:
    """All nodes, as a runtime that fuses nothing executes them."""
    return {node.name for node in graph.nodes}


def found(graph: Graph, guideline: str, executed=None, blocks: Mapping | None = None):
    """The findings about one guideline, where the runtime fuses nothing."""
    here = drafts(graph, every(graph) if executed is None else executed, blocks or {})
    return [draft for draft in here if draft.guideline == guideline]


def names(draft) -> list[list[str]]:
    """The names of a finding's nodes, place by place."""
    return [[node.name for node in place] for place in draft.places]


def session_of(model: ModelProto, level="ORT_ENABLE_ALL", **options):
    """ONNX Runtime with a model, on one core."""
    chosen = onnxruntime.SessionOptions()
    chosen.log_severity_level = 4
    chosen.intra_op_num_threads = 1
    chosen.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    for name, value in options.items():
        setattr(chosen, name, value)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), chosen, providers=["CPUExecutionProvider"]
    )


def given(model: ModelProto, seed: int = 0) -> dict:
    """Numbers at random for the inputs of a model."""
    random = np.random.default_rng(seed)
    shapes = {
        value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in model.graph.input
    }
    return {name: random.standard_normal(shape).astype("f") for name, shape in shapes.items()}


def computed(model: ModelProto, values, level="ORT_DISABLE_ALL") -> dict:
    """What ONNX Runtime computes of a model, by name."""
    session = session_of(model, level)
    outputs = [output.name for output in session.get_outputs()]
    return dict(zip(outputs, session.run(None, values), strict=True))


def same(one: Mapping, other: Mapping) -> bool:
    """Whether two networks computed the same, but for rounding."""
    return list(one) == list(other) and all(
        a.shape == b.shape and np.abs(a - b).max() <= TOLERANCE * (1 + np.abs(b).max())
        for a, b in zip(one.values(), other.values(), strict=True)
    )


def inferred(model: ModelProto) -> ModelProto:
    """A model with the shapes of all its values."""
    return shape_inference.infer_shapes(model, data_prop=True)
