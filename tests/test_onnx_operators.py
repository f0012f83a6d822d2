"""ONNX operators as torch's: they compute what ONNX Runtime does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from torch import nn

from tests.torch_graphs import (
    BY_CHANNEL,
    IMAGE,
    WINDOW,
    array,
    assert_same,
    ints,
    one,
)


def number(value):
    return np.array(value, np.float32)


ATTRIBUTES_ALONE = ["Abs", "Ceil", "Elu", "Erf", "Exp", "Flatten", "Floor", "GlobalAveragePool"]


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
