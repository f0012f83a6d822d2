"""The table that says which category of Fig. 2 an operator belongs to, and how it is applied."""

from __future__ import annotations

from collections import Counter

import pytest

from guideline_benchmarks.results.decomposition.operators import (
    TABLE,
    Category,
    markdown_table,
    parts,
)
from guideline_benchmarks.results.errors import BadInputError
from tests.synthetic import call

X4, X5 = [1, 60, 28, 28], [1, 3, 20, 28, 28]
SWAPPED = [1, 20, 3, 28, 28]


def categories(*calls, depthwise="conv"):
    return [part.category.value for part in parts(calls, depthwise)]


def test_no_operator_stands_in_two_categories():
    for column in (1, 2, 3):
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
    with pytest.raises(
        BadInputError, match=f"operator {operator}.*results/decomposition/operators.py"
    ):
        parts([call("Relu"), call(operator)])


def test_all_unknown_operators_are_named_at_once():
    with pytest.raises(BadInputError, match="operators Det, mine::gadget stand in no category"):
        parts([call("mine::gadget"), call("Relu"), call("Det"), call("Det")])


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
        # Without a batch.
        (([64, 14, 14], [64, 1, 3, 3]), "3×3 depthwise convolution", True),
    ],
)
def test_convolutions_are_told_apart_by_their_shapes(inputs, label, depthwise):
    (part,) = parts([call("Conv", *inputs)])
    assert (part.label, part.depthwise) == (label, depthwise)


def test_what_shapes_do_not_tell_is_not_guessed():
    labels = [
        parts([call(name, [1, 8, 9, 9], [8, 1, 3, 3])])[0].label
        for name in ("ConvTranspose", "aten::conv_transpose2d", "QLinearConv", "ConvInteger")
    ]
    assert labels == ["transposed convolution"] * 2 + ["quantised convolution"] * 2


def test_a_batch_norm_that_runs_as_a_convolution_is_element_wise():
    norm = call("Conv", [1, 16, 8, 8], [16, 1, 1, 1])
    norm = norm.model_copy(update={"name": "/0/BatchNormalization_output_0_bn_nchwc"})
    (part,) = parts([norm])
    assert (part.category.value, part.label, part.depthwise) == (
        "Elemwise",
        "BatchNormalization",
        False,
    )


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
    ("whole", "split", "swapped"),
    [
        # Height and width flattened, the batch joined with the first group, as others write it.
        ([2, 60, 28, 28], [2, 3, 20, 784], [2, 20, 3, 784]),
        ([2, 60, 28, 28], [60, 2, 784], [2, 60, 784]),
        ([2, 60, 28, 28], [2, 2, 30, 28, 28], [2, 30, 2, 28, 28]),
        ([2, 60, 100], [2, 4, 15, 100], [2, 15, 4, 100]),
    ],
)
@pytest.mark.parametrize("transposition", ["Transpose", "aten::permute", "aten::movedim"])
def test_shuffles_are_known_however_they_are_written(whole, split, swapped, transposition):
    calls = [
        call("Reshape", whole, outputs=[split]),
        call(transposition, split, outputs=[swapped]),
        call("Reshape", swapped, outputs=[whole]),
    ]
    assert categories(*calls) == ["Shuffle"] * 3


def test_a_shuffle_ends_where_its_channels_are_joined():
    calls = [
        call("aten::view", X4),
        call("aten::transpose", X5, outputs=[SWAPPED]),
        call("aten::reshape", SWAPPED),
        call("aten::permute", X4, outputs=[[1, 28, 28, 60]]),
        call("aten::contiguous", [1, 28, 28, 60]),
    ]
    assert categories(*calls) == ["Shuffle"] * 3 + ["Data"] * 2


@pytest.mark.parametrize(
    "calls",
    [
        [call("Reshape", X4, outputs=[X5]), call("Reshape", X5, outputs=[X4])],
        # The heads of an attention, a swap of other axes, and one of a video's axes.
        [
            call("Reshape", [2, 49, 64], outputs=[[2, 49, 4, 16]]),
            call("Transpose", [2, 49, 4, 16], outputs=[[2, 4, 49, 16]]),
            call("Reshape", [2, 4, 49, 16]),
        ],
        [
            call("Reshape", X4),
            call("Transpose", X5, outputs=[X5[::-1]]),
            call("Reshape", X5[::-1]),
        ],
        [call("aten::transpose", [1, 8, 4, 9, 9], outputs=[[1, 4, 8, 9, 9]])],
        # One channel a group: nothing moves.
        [
            call("aten::view", [1, 32, 7, 7]),
            call("aten::transpose", [1, 32, 1, 7, 7], outputs=[[1, 1, 32, 7, 7]]),
            call("aten::reshape", [1, 1, 32, 7, 7]),
        ],
        [call("Transpose"), call("Reshape")],
    ],
)
def test_other_movements_are_data(calls):
    assert set(categories(*calls)) == {Category.DATA.value}


@pytest.mark.parametrize("operator", ["If", "Loop", "Scan"])
def test_control_flow_cannot_be_taken_apart(operator):
    with pytest.raises(BadInputError, match=rf"has control flow \({operator}\), which"):
        parts([call("Conv", X4), call(operator, X4), call("Nobody", X4)])
