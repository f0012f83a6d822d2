"""An ONNX graph costs what arithmetic says, and what the torch module that it is made of costs."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from guideline_benchmarks.guidelines.export.formats import export_onnx
from guideline_benchmarks.networks.cost import cost, counted, fvcore_multiply_adds
from guideline_benchmarks.networks.onnx_cost import onnx_cost


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def graph(nodes, inputs, constants=(), opset=17, functions=(), domains=()):
    """Return a model with inputs of shapes by name, and one output y of any shape."""
    tensors = [numpy_helper.from_array(array, name) for name, array in dict(constants).items()]
    made = helper.make_graph(
        nodes, "g", [value(n, s) for n, s in inputs.items()], [value("y", None)], tensors
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(made, opset_imports=opsets, functions=list(functions))


def zeros(*shape, kind=np.float32):
    return np.zeros(shape, kind)


def one(operator, inputs, constants=(), **attributes):
    """Return the cost of one operator that takes inputs, then constants."""
    domain = attributes.pop("domain", "")
    names = [*inputs, *dict(constants)]
    node = helper.make_node(operator, names, ["y"], domain=domain, **attributes)
    domains = [domain] if domain else []
    return onnx_cost(graph([node], inputs, constants, domains=domains), inputs)


@pytest.mark.parametrize(
    ("found", "multiply_adds", "weights", "elements"),
    [
        # 4×4 places, 5 channels from 3, 3×3 kernel.
        (
            one("Conv", {"x": [2, 3, 6, 6]}, {"w": zeros(5, 3, 3, 3)}),
            2 * 16 * 5 * 3 * 9, 135, 2 * 36 * 3 + 2 * 16 * 5 + 135,
        ),
        (
            one("Conv", {"x": [1, 4, 8, 8]}, {"w": zeros(4, 1, 3, 3)}, group=4, strides=[2, 2]),
            9 * 4 * 9, 36, 64 * 4 + 9 * 4 + 36,
        ),
        (
            one("Conv", {"x": [1, 2, 9, 9]}, {"w": zeros(2, 2, 3, 3)}, dilations=[2, 2]),
            25 * 4 * 9, 36, 81 * 2 + 25 * 2 + 36,
        ),
        (
            one("Conv", {"x": [1, 6, 10]}, {"w": zeros(4, 3, 3)}, group=2),
            8 * 4 * 3 * 3, 36, 60 + 32 + 36,
        ),
        (
            one("Conv", {"x": [1, 3, 5, 5, 5]}, {"w": zeros(4, 3, 3, 3, 3)}),
            27 * 4 * 3 * 27, 324, 375 + 108 + 324,
        ),
        (
            one("ConvTranspose", {"x": [1, 3, 2, 2]}, {"w": zeros(3, 1, 2, 2)}, strides=[2, 2]),
            4 * 3 * 4, 12, 12 + 16 + 12,
        ),
        (one("MatMul", {"a": [2, 4, 8, 3], "b": [3, 5]}), 2 * 4 * 8 * 3 * 5, 0, 192 + 15 + 320),
        (one("MatMul", {"a": [7, 1, 8, 3], "b": [2, 3, 5]}), 7 * 2 * 8 * 3 * 5, 0, 168 + 30 + 560),
        (one("MatMul", {"a": [8, 3]}, {"w": zeros(3, 5)}), 8 * 15, 15, 24 + 15 + 40),
        (one("Gemm", {"a": [3, 8]}, {"w": zeros(5, 3)}, transA=1, transB=1), 8 * 15, 15, 79),
        (
            one("Einsum", {"a": [2, 4, 3], "b": [2, 5, 3]}, equation="bik,bjk->bij"),
            2 * 4 * 5 * 3, 0, 24 + 30 + 40,
        ),
        (
            one("LSTM", {"x": [6, 2, 3]}, {"w": zeros(1, 16, 3), "r": zeros(1, 16, 4)},
                hidden_size=4),
            6 * 2 * (16 * 3 + 16 * 4), 112, 36 + 48 + 112,
        ),
    ],
)  # fmt: skip
def test_every_kind_costs_what_is_counted_by_hand(found, multiply_adds, weights, elements):
    (layer,) = found.layers
    assert found.multiply_adds == layer.multiply_adds == multiply_adds
    assert layer.weights == weights
    assert found.memory_access_cost == elements
    assert found.memory_access_bytes == 4 * elements
    assert layer.activations == math.prod(layer.outputs[0])
    assert found.uncounted == {}


def test_what_is_not_counted_is_named():
    assert one("Det", {"x": [1, 3, 3]}).uncounted == {"Det": 1}
    assert one("Mine", {"x": [1, 3]}, domain="my.own").uncounted == {"my.own::Mine": 1}
    assert one("NewestAttention", {"x": [1, 3]}).uncounted == {"NewestAttention": 1}
    three = {"a": [2, 2], "b": [2, 2], "c": [2, 2]}
    assert one("Einsum", three, equation="ij,jk,kl->il").uncounted == {"Einsum": 1}
    for free in ("Relu", "MaxPool", "Softmax", "Transpose"):
        more = {"kernel_shape": [2, 2]} if free == "MaxPool" else {}
        found = one(free, {"x": [1, 2, 4, 4]}, **more)
        assert (found.multiply_adds, found.uncounted) == (0, {})
    assert loop_of("Identity").uncounted == {}
    assert loop_of("Det").uncounted == {"Loop (its body)": 1}


def loop_of(operator):
    """Return the cost of a loop with one operator in its body."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["on"], ["still"]),
            helper.make_node(operator, ["v"], ["w"]),
        ],
        "body",
        [
            value("i", [], TensorProto.INT64),
            value("on", [], TensorProto.BOOL),
            value("v", [2, 2]),
        ],
        [value("still", [], TensorProto.BOOL), value("w", None)],
    )
    node = helper.make_node("Loop", ["", "go", "x"], ["y"], body=body)
    return onnx_cost(graph([node], {"x": [2, 2]}), {"x": (2, 2)})


def test_sizes_that_only_running_tells_are_asked_for_or_named():
    nodes = [
        helper.make_node("NonZero", ["x"], ["where"]),
        helper.make_node("Cast", ["where"], ["places"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["w", "places"], ["y"]),
    ]
    model, inputs = graph(nodes, {"x": [2, 3]}, {"w": zeros(5, 2)}), {"x": [2, 3]}
    unknown = onnx_cost(model, inputs)
    assert unknown.uncounted == {"MatMul (of sizes that only running it tells)": 1}
    found = onnx_cost(model, inputs, lambda names: {"places": (2, 4), "y": (5, 4)})
    assert (found.multiply_adds, found.uncounted) == (5 * 2 * 4, {})


def test_functions_of_a_model_are_looked_into():
    function = helper.make_function(
        "my", "Twice", ["a", "w"], ["b"],
        [helper.make_node("MatMul", [a, "w"], [b]) for a, b in ("at", "tb")],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    node = helper.make_node("Twice", ["x", "w"], ["y"], domain="my")
    model = graph(
        [node], {"x": [4, 3]}, {"w": zeros(3, 3)}, functions=[function], domains=["my.own"]
    )
    found = onnx_cost(model, {"x": (4, 3)})
    assert (found.multiply_adds, found.weights, found.uncounted) == (2 * 36, 9, {})


def test_weights_behind_a_quantisation_are_weights():
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w8", "ws"], ["w"]),
        helper.make_node("DequantizeLinear", ["b32", "ws"], ["b"]),
        helper.make_node("Conv", ["d", "w", "b"], ["y"]),
    ]
    constants = {
        "s": np.float32(1), "z": np.uint8(0), "w8": zeros(4, 3, 1, 1, kind=np.int8),
        "ws": np.float32(1), "b32": zeros(4, kind=np.int32),
    }  # fmt: skip
    found = onnx_cost(graph(nodes, {"x": [1, 3, 5, 5]}, constants), {"x": (1, 3, 5, 5)}, None, 1)
    (layer,) = found.layers
    assert (layer.multiply_adds, layer.weights, found.weights) == (25 * 12, 12, 16)
    assert found.memory_access_bytes == found.memory_access_cost


class Attending(nn.Module):
    """Attention as torch fuses it."""

    def __init__(self, width, heads):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


def modules():
    """Yield small modules with the shape of an input, and their multiply-adds by hand."""
    yield nn.Conv1d(4, 6, 3, groups=2), (2, 4, 9), 2 * 7 * 6 * 2 * 3
    yield nn.Conv3d(2, 3, 2, stride=2), (1, 2, 4, 4, 4), 8 * 3 * 2 * 8
    yield nn.ConvTranspose2d(3, 4, 3, stride=2, groups=1), (1, 3, 5, 5), 25 * 3 * 4 * 9
    yield nn.ConvTranspose2d(4, 4, 3, padding=1, groups=4), (1, 4, 5, 5), 25 * 4 * 9
    yield nn.ConvTranspose1d(3, 2, 4, output_padding=1, stride=2), (1, 3, 5), 5 * 3 * 2 * 4
    yield nn.Linear(5, 7), (2, 3, 5), 6 * 35
    yield nn.Linear(5, 7, bias=False), (1, 5), 35
    yield Attending(8, 2), (1, 6, 8), 4 * 6 * 64 + 2 * 6 * 6 * 8
    yield nn.LSTM(3, 4, num_layers=2), (6, 1, 3), 6 * (16 * 3 + 3 * 16 * 4)
    yield nn.LSTM(3, 4, bidirectional=True), (6, 1, 3), 2 * 6 * (16 * 3 + 16 * 4)


class First(nn.Module):
    """The first of what a module returns."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        found = self.module(x)
        return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize(("module", "shape", "by_hand"), list(modules()))
def test_a_module_and_its_graph_cost_the_same(module, shape, by_hand):
    module = First(module).eval()
    assert counted(module, lambda: module(torch.zeros(shape))).multiply_adds == by_hand
    assert cost(module, shape).multiply_adds == by_hand
    torch.backends.mha.set_fastpath_enabled(False)
    model = onnx.load_from_string(export_onnx(module, torch.zeros(shape)))
    found = onnx_cost(model, {model.graph.input[0].name: shape})
    assert found.multiply_adds == by_hand
    assert found.uncounted == {}


sizes = st.integers(1, 4)


@given(sizes, sizes, sizes, st.integers(1, 3), st.integers(1, 2), st.integers(1, 2), st.booleans())
@settings(deadline=None, max_examples=25)
def test_any_convolution_costs_the_same_in_torch_onnx_and_fvcore(
    a, b, groups, kernel, stride, batch, transposed
):
    made = nn.ConvTranspose2d if transposed else nn.Conv2d
    module = nn.Sequential(made(a * groups, b * groups, kernel, stride=stride, groups=groups))
    x = torch.zeros(batch, a * groups, 5, 6)
    ours = cost(module, tuple(x.shape))
    model = onnx.load_from_string(export_onnx(module.eval(), x))
    theirs = onnx_cost(model, {model.graph.input[0].name: tuple(x.shape)})
    assert ours.multiply_adds == theirs.multiply_adds == fvcore_multiply_adds(module, (x,))
    assert ours.memory_access_cost == theirs.memory_access_cost
    assert ours.memory_access_bound == pytest.approx(theirs.memory_access_bound)
    assert ours.weights == theirs.weights


class Shared(nn.Module):
    """One layer under two names, run three times."""

    def __init__(self):
        super().__init__()
        self.a = self.b = nn.Linear(4, 4)

    def forward(self, x):
        return self.a(self.b(self.a(x)))


def test_a_shared_layer_costs_as_often_as_it_runs_and_weighs_once():
    found = cost(Shared(), (1, 4))
    assert [layer.name for layer in found.layers] == ["a", "a", "a"]
    assert (found.multiply_adds, found.weights) == (3 * 16, 20)


class Uncounted(nn.Module):
    """Operators that nobody counts."""

    def forward(self, x):
        return torch.fft.fft(x).abs() + torch.cdist(x, x).sum() + torch.linalg.det(x)[..., None]


def test_what_a_module_does_besides_is_named():
    module = Uncounted()
    found = counted(module, lambda: module(torch.eye(4)[None]))
    assert found.multiply_adds == 0
    assert {name.split("::")[1] for name in found.uncounted} >= {"_fft_r2c", "_linalg_det"}
    assert any("cdist" in name for name in found.uncounted)


def test_a_scripted_module_is_counted_too():
    module = torch.jit.script(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    found = counted(module, lambda: module(torch.zeros(1, 3, 5, 5)))
    assert found.multiply_adds == 9 * 8 * 27
