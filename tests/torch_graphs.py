"""ONNX graphs of a node or two, and what runtimes compute of them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from guideline_benchmarks.networks.from_onnx.module import torch_module
from guideline_benchmarks.runners.worker.arrays import worst_error
from guideline_benchmarks.runners.worker.backends.torch_structures import named_tensors

TOLERANCE = 1e-4


def array(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def ints(*numbers):
    return np.array(numbers, np.int64)


def graph(nodes, inputs, constants=(), outputs=("y",), opset=17):
    """Return a model with inputs of shapes by name, and constants by name."""
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in dict(constants).items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def one(operator, shape, *others, outputs=("y",), opset=17, **attributes):
    """Return a model of one operator of x and other inputs: constants, shapes of inputs, or None.

    Constants stand in Constant nodes of their own.
    """
    inputs, nodes, names = {"x": list(shape)}, [], ["x"]
    for place, other in enumerate(others, 1):
        name = f"i{place}" if other is not None else ""
        names.append(name)
        if isinstance(other, np.ndarray):
            value = numpy_helper.from_array(other)
            nodes.append(helper.make_node("Constant", [], [name], value=value))
        elif other is not None:
            inputs[name] = other
    nodes.append(helper.make_node(operator, names, outputs, **attributes))
    return graph(nodes, inputs, (), outputs, opset)


def drawn(model):
    constants = {tensor.name for tensor in model.graph.initializer}
    wanted = [value for value in model.graph.input if value.name not in constants]
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in wanted}
    return {name: array(*shape, seed=place) for place, (name, shape) in enumerate(shapes.items())}


def expected(model, inputs):
    """Return what ONNX Runtime computes without any optimisation, by name."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return dict(
        zip([y.name for y in session.get_outputs()], session.run(None, inputs), strict=True)
    )


def computed(module, inputs):
    with torch.inference_mode():
        found = named_tensors(module(*map(torch.from_numpy, inputs.values())))
    return {name: tensor.numpy() for name, tensor in found.items()}


def assert_same(model):
    """Assert that a module of a graph computes what the graph does; return the module."""
    module, inputs = torch_module(model), drawn(model)
    wanted, found = expected(model, inputs), computed(module, inputs)
    assert list(found) == list(wanted)
    assert worst_error(found, wanted) < TOLERANCE
    assert [y.dtype for y in found.values()] == [y.dtype for y in wanted.values()]
    return module


IMAGE = (2, 4, 6, 7)


WINDOW = {"kernel_shape": [3, 3], "strides": [2, 2]}


BY_CHANNEL = [array(4, seed=seed) for seed in (3, 4, 5)]
