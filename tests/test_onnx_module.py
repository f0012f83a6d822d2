"""An ONNX graph computes in torch what ONNX Runtime computes of it, unoptimised."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from guideline_benchmarks.guidelines.export.exporter.formats import export_onnx
from guideline_benchmarks.networks.blocks import initialise
from guideline_benchmarks.networks.catalogue import NETWORKS
from guideline_benchmarks.networks.from_onnx.call import UnknownOperatorError
from guideline_benchmarks.networks.from_onnx.module import torch_module
from guideline_benchmarks.networks.whole import nasnet
from guideline_benchmarks.networks.whole.cells import CellNetwork
from guideline_benchmarks.runners.worker.arrays import worst_error
from guideline_benchmarks.runners.worker.backends.torch_structures import named_tensors
from tests.test_whole_networks import family

TOLERANCE = 1e-4


def array(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def ints(*numbers):
    return np.array(numbers, np.int64)


def number(value):
    return np.array(value, np.float32)


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
ATTRIBUTES_ALONE = ["Abs", "Ceil", "Elu", "Erf", "Exp", "Flatten", "Floor", "GlobalAveragePool"]
ATTRIBUTES_ALONE += ["GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Mish"]
ATTRIBUTES_ALONE += ["LogSoftmax", "Neg", "Reciprocal", "Relu", "Shape", "Sigmoid", "Softmax"]
ATTRIBUTES_ALONE += ["Softplus", "Tanh", "Transpose", "ReduceMean", "ReduceMax", "ArgMax"]
BY_CHANNEL = [array(4, seed=seed) for seed in (3, 4, 5)]


@pytest.mark.parametrize("operator", ATTRIBUTES_ALONE)
def test_an_operator_of_one_input_computes_what_onnx_runtime_does(operator):
    assert_same(one(operator, IMAGE, opset=18 if operator == "Mish" else 17))


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum"])
@pytest.mark.parametrize("other", [list(IMAGE), [7], number(0.7), array(4, 1, 1)], ids=str)
def test_two_inputs_broadcast(operator, other):
    assert_same(one(operator, IMAGE, other))


@pytest.mark.parametrize(
    "model",
    [
        one("Clip", IMAGE, number(0), number(6)),
        one("Clip", IMAGE, None, number(0.5)),
        one("Clip", IMAGE),
        one("Clip", IMAGE, opset=7, min=-0.5, max=0.5),
        one("Elu", IMAGE, alpha=0.3),
        one("Gelu", IMAGE, opset=20),
        one("Gelu", IMAGE, opset=20, approximate="tanh"),
        one("HardSigmoid", IMAGE, alpha=1 / 6),
        one("LeakyRelu", IMAGE, alpha=0.3),
        one("Pow", IMAGE, number(2)),
        one("PRelu", IMAGE, array(4, 1, 1)),
        one("PRelu", IMAGE, array(1)),
        one("PRelu", IMAGE, array(7)),
        one("Sum", IMAGE, [4, 1, 1], [7]),
        one("Softmax", IMAGE, axis=1),
        one("Softmax", [2, 5], opset=11),
        one("Dropout", IMAGE),
        one("Mod", IMAGE, number(0.7), fmod=1),
        one("Mod", IMAGE, [7], fmod=1),
        one("Cast", IMAGE, to=TensorProto.INT32),
        one("ReduceMean", IMAGE, axes=[2, 3], keepdims=0),
        one("ReduceMean", IMAGE, ints(-1, 1), opset=18),
        one("ReduceMean", IMAGE, opset=18, noop_with_empty_axes=1),
        one("ReduceSum", IMAGE, ints(1)),
        one("ReduceMin", IMAGE, axes=[1]),
        one("ReduceL2", IMAGE, axes=[1]),
        one("ArgMax", IMAGE, axis=1, keepdims=0),
    ],
    ids=lambda model: model.graph.node[-1].op_type,
)
def test_what_computes_by_element_or_reduces(model):
    assert_same(model)


@pytest.mark.parametrize(
    "model",
    [
        one("Reshape", IMAGE, ints(0, 2, -1, 7)),
        one("Reshape", IMAGE, ints(2, -1)),
        one("Flatten", IMAGE, axis=0),
        one("Flatten", IMAGE, axis=-1),
        one("Flatten", [5], axis=1),
        one("Transpose", IMAGE, perm=[0, 2, 3, 1]),
        one("Squeeze", [2, 1, 3, 1], ints(1)),
        one("Squeeze", [2, 1, 3, 1]),
        one("Squeeze", [2, 1, 3, 1], opset=11, axes=[1, 3]),
        one("Unsqueeze", [2, 3], ints(-1, 0)),
        one("Unsqueeze", [2, 3], opset=11, axes=[1]),
        one("Expand", [4, 1], ints(2, 1, 3)),
        one("Concat", IMAGE, [2, 3, 6, 7], array(2, 1, 6, 7), axis=1),
        one("Split", IMAGE, ints(1, 3), outputs=("a", "b"), axis=1),
        one("Split", IMAGE, outputs=("a", "b", "c"), axis=-2),
        one("Split", IMAGE, outputs=("a", "b"), axis=3, opset=18, num_outputs=2),
        one("Split", IMAGE, outputs=("a", "b"), axis=1, opset=11, split=[3, 1]),
        one("Slice", IMAGE, ints(1, 0), ints(2**62, -2), ints(1, -1), ints(2, 1)),
        one("Slice", IMAGE, ints(1)[:1], ints(2)),
        one("Slice", IMAGE, ints(-1), ints(-(2**62)), ints(1), ints(-1)),
        one("Slice", IMAGE, opset=9, starts=[1], ends=[3], axes=[1]),
        one("Gather", IMAGE, ints(3, 0, -2), axis=1),
        one("Gather", IMAGE, np.array(-1, np.int64), axis=2),
        one("Gather", IMAGE, ints(3, 0, 2, 1).reshape(2, 2), axis=1),
        one("Pad", IMAGE, ints(0, 0, 1, 2, 0, 0, 0, 1)),
        one("Pad", IMAGE, ints(0, 1, 1, 2, 1, 0, 0, 1), number(0.5)),
        one("Pad", IMAGE, ints(0, 0, 1, 2, 0, 0, 2, 1), mode="reflect"),
        one("Pad", IMAGE, ints(0, 0, -1, 2, 0, 0, 2, -1), mode="constant"),
        one("Pad", IMAGE, ints(1, 2), number(1), ints(-1), mode="edge", opset=18),
        one("Pad", IMAGE, ints(0, 0, 0, 0, 0, 0, 0, 0)),
        one("Pad", IMAGE, ints(0, 0, 1, 2, 0, 0, 0, 1), mode="wrap", opset=19),
        one("Pad", IMAGE, opset=10, pads=[0, 0, 1, 2, 0, 0, 0, 1], value=0.5),
    ],
    ids=lambda model: model.graph.node[-1].op_type,
)
def test_what_moves_data(model):
    assert_same(model)


@pytest.mark.parametrize(
    "model",
    [
        one("Gemm", [2, 4], array(3, 4), array(3), transB=1),
        one("Gemm", [4, 2], array(4, 3), array(1, 3), transA=1, alpha=0.5, beta=2.0),
        one("Gemm", [2, 4], array(4, 3), array(2, 3)),
        one("Gemm", [2, 4], array(4, 3), number(2)),
        one("Gemm", [2, 4], array(4, 3)),
        one("Gemm", [2, 4], [4, 3], array(3), beta=0.5),
        one("MatMul", [2, 5, 4], array(4, 3)),
        one("MatMul", [2, 5, 4], [2, 4, 3]),
        one("MatMul", [2, 3, 5, 4], array(3, 4, 2)),
        one("BatchNormalization", IMAGE, *BY_CHANNEL, array(4) ** 2, epsilon=1e-3),
        one("BatchNormalization", [3, 4], *BY_CHANNEL, array(4) ** 2),
        one("LayerNormalization", [2, 5, 4], array(4), array(4, seed=2)),
        one("LayerNormalization", [2, 5, 4], array(5, 4), axis=1),
        one("Conv", [2, 4, 9], array(6, 2, 3), array(6), group=2, pads=[1, 0]),
        one("Conv", [1, 2, 5, 4, 3], array(3, 2, 2, 2, 2)),
        one("Conv", IMAGE, array(3, 4, 3, 2), auto_pad="SAME_UPPER", strides=[2, 1]),
        one("Conv", IMAGE, array(3, 4, 2, 2), auto_pad="SAME_LOWER"),
        one("Conv", IMAGE, array(3, 4, 2, 2), auto_pad="VALID"),
        one("GlobalAveragePool", [2, 4, 5]),
        one("GlobalMaxPool", [2, 4, 5]),
        one("MaxPool", IMAGE, **WINDOW),
        one("MaxPool", IMAGE, **WINDOW, pads=[1, 1, 1, 1]),
        one("MaxPool", IMAGE, **WINDOW, pads=[0, 0, 1, 2]),
        one("MaxPool", IMAGE, **WINDOW, ceil_mode=1),
        one("MaxPool", [1, 2, 9], kernel_shape=[2], dilations=[2]),
        one("MaxPool", IMAGE, kernel_shape=[2, 2], pads=[1, 1, 1, 1], auto_pad="SAME_UPPER"),
        one("AveragePool", IMAGE, **WINDOW),
        one("AveragePool", IMAGE, **WINDOW, pads=[1, 1, 1, 1]),
        one("AveragePool", IMAGE, **WINDOW, pads=[1, 1, 1, 1], count_include_pad=1),
        one("AveragePool", IMAGE, **WINDOW, pads=[0, 0, 1, 1]),
        one("AveragePool", IMAGE, **WINDOW, pads=[0, 0, 1, 1], count_include_pad=1),
        one("AveragePool", IMAGE, **WINDOW, ceil_mode=1),
        one("AveragePool", [1, 2, 9], kernel_shape=[2]),
    ],
    ids=lambda model: model.graph.node[-1].op_type,
)
def test_layers(model):
    assert_same(model)


@st.composite
def convolutions(draw):
    """Draw a model of one convolution whose output has some size."""
    groups, axes = draw(st.integers(1, 3)), 2
    of_group, made, batch = (draw(st.integers(1, 3)) for _ in range(3))
    kernel, strides, dilations = (
        draw(st.lists(st.integers(1, 3), min_size=axes, max_size=axes)) for _ in range(3)
    )
    pads = draw(st.lists(st.integers(0, 3), min_size=2 * axes, max_size=2 * axes))
    bias = [array(groups * made)] if draw(st.booleans()) else []
    sizes = [
        (k - 1) * d + 1 + draw(st.integers(0, 4)) for k, d in zip(kernel, dilations, strict=True)
    ]
    return one(
        "Conv", [batch, groups * of_group, *sizes], array(groups * made, of_group, *kernel), *bias,
        group=groups, strides=strides, dilations=dilations, pads=pads,
    )  # fmt: skip


@settings(max_examples=40)
@given(convolutions())
def test_any_convolution(model):
    (layer,) = assert_same(model).children()
    assert type(layer) is nn.Conv2d


def exported(module, *shape):
    return onnx.load_from_string(export_onnx(module, (torch.from_numpy(array(*shape)),)))


class Attending(nn.Module):
    """What classifiers after 2020 have: patches, attention, a token of the class, gates."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Hardsigmoid())
        self.token = nn.Parameter(torch.ones(1, 1, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True)
        self.norm, self.last = nn.LayerNorm(8), nn.Linear(8, 5)

    def forward(self, x):
        x = nn.functional.silu(self.patches(x))
        x = nn.functional.hardswish(x * self.gate(x)).flatten(2).transpose(1, 2)
        x = self.layer(torch.cat((self.token.expand(x.size(0), -1, -1), x), dim=1))
        return self.last(self.norm(x)[:, 0]).softmax(-1)


def test_what_torch_exports_of_attention():
    assert_same(exported(Attending().eval(), 2, 3, 8, 12))


def test_cells_of_a_search_with_padding_and_pooling():
    cells = [(nasnet.REDUCTION, 4, 2), (nasnet.NORMAL, 8, 1), (nasnet.NORMAL, 8, 1)]
    assert_same(exported(initialise(CellNetwork(cells), 0).eval(), 2, 3, 21, 21))


QUICK = ("MobileNet v2 0.15x",)
FIRST = {family(name): name for name in reversed(NETWORKS)}.values()


@pytest.mark.parametrize(
    "name",
    [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in sorted({*FIRST} - {*QUICK}))],
)
def test_whole_networks(name):
    module = initialise(NETWORKS[name].build(), 0).eval()
    made = assert_same(exported(module, 1, 3, 64, 64))
    kinds = [type(layer) for layer in made.modules()]
    assert (
        {nn.Conv2d, nn.Linear} <= set(kinds) <= {type(made), nn.Conv2d, nn.Linear, nn.BatchNorm2d}
    )


SPLIT = graph(
    [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Split", ["r"], ["first.half", "2"], axis=1),
        helper.make_node("Add", ["c", "offset"], ["sum"]),
    ],
    {"x": [1, 2, 3, 3]},
    {"w": array(4, 2, 1, 1), "offset": array(4, 1, 1)},
    outputs=("sum", "first.half", "r"),
)
READ = """
import sys
sys.modules["guideline_benchmarks"] = None  # as if it were not installed
import numpy, torch
module = torch.load(sys.argv[1], weights_only=False)
with torch.inference_mode():
    found = module(torch.from_numpy(numpy.load(sys.argv[2])))
numpy.savez(sys.argv[3], **{name: tensor.numpy() for name, tensor in found.items()})
"""


def test_a_module_is_read_where_the_suite_is_not_installed(tmp_path: Path):
    torch.save(torch_module(SPLIT), tmp_path / "model")
    inputs = drawn(SPLIT)
    np.save(tmp_path / "x.npy", inputs["x"])
    files = [tmp_path / name for name in ("model", "x.npy", "found.npz")]
    subprocess.run([sys.executable, "-c", READ, *files], cwd=tmp_path, check=True)
    assert worst_error(dict(np.load(files[-1])), expected(SPLIT, inputs)) < TOLERANCE


@pytest.mark.parametrize("model", [SPLIT, one("Relu", IMAGE)], ids=["several", "y"])
def test_torch_exports_a_module_with_the_names_of_its_outputs(model):
    inputs, content = drawn(model), io.BytesIO()
    arguments = tuple(map(torch.from_numpy, inputs.values()))
    torch.export.save(torch.export.export(torch_module(model), arguments), content)
    content.seek(0)
    found = computed(torch.export.load(content).module(), inputs)
    assert worst_error(found, expected(model, inputs)) < TOLERANCE


def test_one_output_called_y_is_a_tensor_and_all_others_have_their_names():
    x = torch.ones(IMAGE)
    assert isinstance(torch_module(one("Relu", IMAGE))(x), torch.Tensor)
    assert list(torch_module(one("Relu", IMAGE, outputs=["z"]))(x)) == ["z"]
    assert list(torch_module(SPLIT)(torch.ones(1, 2, 3, 3))) == ["sum", "first.half", "r"]


def test_constants_are_computed_once():
    nodes = [
        helper.make_node("Shape", ["x"], ["all"]),
        helper.make_node("Gather", ["all", "first"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    model = graph(nodes, {"x": [2, 3, 4]}, {"first": ints(0), "rest": ints(-1)})
    assert [node.op for node in assert_same(model).graph.nodes] == [
        "placeholder", "call_method", "output",
    ]  # fmt: skip


def test_inputs_are_those_without_an_initial_value_in_order():
    node = helper.make_node("Sub", ["b", "a"], ["m"])
    model = graph(
        [node, helper.make_node("Mul", ["m", "w"], ["y"])], {"b": [3], "w": [3], "a": [3]}
    )
    model.graph.initializer.append(numpy_helper.from_array(array(3), "w"))
    assert_same(model)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (one("Det", [3, 3], name="/last"), "operator Det is not known in torch (node '/last')"),
        (one("Det", [3, 3]), "operator Det is not known in torch (the node of 'y')"),
        (one("Relu", [3], domain="my.own"), "operator my.own::Relu is"),
        (one("Conv", IMAGE, [3, 4, 1, 1]), "operator Conv with a computed input 1 is"),
        (one("MatMul", IMAGE), "operator MatMul without input 1 is"),
        (one("Pad", [3, 3], ints(1, 1, 1, 1), mode="reflect"), "operator Pad in this use is"),
        (one("Constant", [], value_string="a"), "operator Constant with value_string is"),
        (one("MaxPool", IMAGE, **WINDOW, ceil_mode=1, pads=[0, 0, 1, 1]), "operator MaxPool with"),
        (one("AveragePool", IMAGE, **WINDOW, dilations=[2, 2]), "operator AveragePool with dil"),
        (one("LayerNormalization", IMAGE, array(4, 1, 1)), "operator LayerNormalization with"),
        (one("ArgMax", IMAGE, select_last_index=1), "operator ArgMax for the last of equal"),
        (one("Softmax", IMAGE, axis=1, opset=11), "operator Softmax along several axes is"),
        (one("Relu", ["n", 1]), "input x has no shape in numbers."),
        (
            one("BatchNormalization", IMAGE, *BY_CHANNEL, array(4), training_mode=1),
            "operator BatchNormalization in training is",
        ),
        (
            graph(
                [
                    helper.make_node("MaxPool", ["x"], ["p", "places"], kernel_shape=[2, 2]),
                    helper.make_node("Identity", ["places"], ["y"]),
                ],
                {"x": IMAGE},
            ),
            "operator MaxPool with 2 outputs is",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_not_known_is_said_in_one_sentence(model, said):
    kind = UnknownOperatorError if said.startswith("operator") else ValueError
    with pytest.raises(kind, match=re.escape(f"The {said}")):
        torch_module(model)
