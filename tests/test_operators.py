"""The table that says which category of Fig. 2 an operator belongs to, and how it is applied."""

from __future__ import annotations

from collections import Counter

import pytest

from results.errors import BadInputError
from results.operators import TABLE, Category, markdown_table, parts
from tests.synthetic import call

X4, X5 = [1, 60, 28, 28], [1, 3, 20, 28, 28]
SWAPPED = [1, 20, 3, 28, 28]


def categories(*calls, depthwise="conv"):
    return [part.category.value for part in parts(calls, depthwise)]


def test_no_operator_stands_in_two_categories():
    for column in (1, 2):
        names = Counter(name for row in TABLE for name in row[column].split())
        assert [name for name, count in names.items() if count > 1] == []


def test_the_documented_table_is_the_one_in_use(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "decomposition.md").read_text(encoding="utf-8")
    assert markdown_table() in page


@pytest.mark.parametrize(
    ("operator", "category"),
    [
        ("FusedConv", "Conv"),
        ("aten::conv2d", "Conv"),
        ("Relu", "Elemwise"),
        ("aten::relu_", "Elemwise"),
        ("aten::batch_norm", "Elemwise"),
        ("Concat", "Data"),
        ("ReorderInput", "Data"),
        ("aten::channel_shuffle", "Shuffle"),
        ("Gemm", "Other"),
        ("aten::max_pool2d", "Other"),
    ],
)
def test_operators_of_both_runtimes_are_known(operator, category):
    assert categories(call(operator)) == [category]


@pytest.mark.parametrize("operator", ["Det", "aten::fft_rfft2", "mine::gadget", "conv2d", ""])
def test_an_unknown_operator_is_refused_by_name(operator):
    with pytest.raises(BadInputError, match=f"operator {operator}.*results/operators.py"):
        parts([call("Relu"), call(operator)])


@pytest.mark.parametrize(
    ("inputs", "label", "depthwise"),
    [
        (([1, 3, 224, 224], [24, 3, 3, 3]), "3×3 convolution", False),
        (([1, 60, 28, 28], [60, 1, 3, 3], [60]), "3×3 depthwise convolution", True),
        (([1, 60, 28, 28], [120, 1, 3, 3]), "3×3 depthwise convolution", True),
        (([1, 60, 28, 28], [240, 20, 1, 1]), "1×1 group convolution", False),
        (([1, 60, 28, 28], [240, 60, 1, 1]), "1×1 convolution", False),
        # One channel is no group of many.
        (([1, 1, 28, 28], [8, 1, 5, 5]), "5×5 convolution", False),
        # ONNX Runtime pads channels to its blocks; the input's three stay three.
        (([1, 3, 224, 224], [32, 3, 3, 3]), "3×3 convolution", False),
        (([1, 8, 100], [8, 1, 3]), "3 depthwise convolution", True),
        ((), "convolution", False),
    ],
)
def test_convolutions_are_told_apart_by_their_shapes(inputs, label, depthwise):
    (part,) = parts([call("Conv", *inputs)])
    assert (part.label, part.depthwise) == (label, depthwise)


def test_depthwise_convolutions_count_as_asked():
    deep = call("FusedConv", [1, 60, 28, 28], [60, 1, 3, 3])
    assert categories(deep) == ["Conv"]
    assert categories(deep, depthwise="elemwise") == ["Elemwise"]
    other = call("Conv", [1, 60, 28, 28], [240, 20, 1, 1])
    assert categories(other, depthwise="elemwise") == ["Conv"]


def test_a_shuffle_written_out_is_a_shuffle():
    onnx = [
        call("Reshape", X4, outputs=[X5]),
        call("Transpose", X5, outputs=[SWAPPED]),
        call("Reshape", SWAPPED, outputs=[X4]),
    ]
    assert categories(call("Conv"), *onnx, call("Conv")) == ["Conv", *["Shuffle"] * 3, "Conv"]
    torch = [
        call("aten::view", X4),
        call("aten::permute", X5, outputs=[SWAPPED]),
        call("aten::contiguous", SWAPPED),
        call("aten::view", SWAPPED),
    ]
    assert categories(*torch) == ["Shuffle"] * 4


@pytest.mark.parametrize(
    "calls",
    [
        [call("Reshape", X4, outputs=[X5]), call("Reshape", X5, outputs=[X4])],
        # An attention's heads, and a transposition that swaps other axes.
        [call("Transpose", [1, 196, 3, 64], outputs=[[1, 3, 196, 64]])],
        [call("Transpose", X5, outputs=[[1, 3, 20, 28, 28][::-1]])],
        [call("aten::permute", [2, 49, 3, 4, 8], outputs=[[3, 2, 4, 49, 8]])],
    ],
)
def test_other_movements_are_data(calls):
    assert set(categories(*calls)) == {Category.DATA.value}
