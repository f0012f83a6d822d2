"""Which category of Fig. 2 an operator's time belongs to: the one table that decides it.

Names are those that ONNX Runtime's profiler and torch.profiler report. An operator that stands in
no row is an error, never a guess. `python -m results.operators` prints the table for the docs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Literal

from results.errors import BadInputError
from results.schema import OperatorCall

# Whether depthwise convolutions count as convolutions or as element-wise operations.
Depthwise = Literal["conv", "elemwise"]


class Category(StrEnum):
    """The paper's five categories, in the order of Fig. 2's data."""

    DATA = "Data"
    CONV = "Conv"
    SHUFFLE = "Shuffle"
    ELEMWISE = "Elemwise"
    OTHER = "Other"


# ONNX operators (with ONNX Runtime's own), then torch's (without "aten::" and a final "_").
TABLE: tuple[tuple[Category, str, str], ...] = (
    (
        Category.CONV,
        "Conv FusedConv NhwcConv NhwcFusedConv ConvTranspose ConvInteger QLinearConv",
        "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution",
    ),
    (
        Category.ELEMWISE,
        "Abs Add And BatchNormalization BiasGelu Cast Ceil Celu Clip Cos Div Elu Equal Erf Exp "
        "FastGelu Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish LeakyRelu Less "
        "LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow QuickGelu Reciprocal Relu "
        "Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Sub Sum Tanh ThresholdedRelu Where Xor",
        "abs add addcmul batch_norm bitwise_and celu clamp clamp_max clamp_min cos div elu eq erf "
        "exp floor ge gelu gt hardsigmoid hardswish hardtanh le leaky_relu log log_sigmoid lt "
        "masked_fill maximum minimum mish mul neg pow prelu reciprocal relu relu6 rsqrt rsub selu "
        "sigmoid sign silu sin softplus softsign sqrt square sub tanh threshold true_divide where",
    ),
    (
        Category.SHUFFLE,
        "",
        "channel_shuffle native_channel_shuffle",
    ),
    (
        Category.DATA,
        "Concat Constant ConstantOfShape DepthToSpace Dropout Expand Flatten Gather GatherElements "
        "GatherND Identity MemcpyFromHost MemcpyToHost Pad Range ReorderInput ReorderOutput "
        "Reshape ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile "
        "Transpose Unsqueeze",
        "_to_copy _unsafe_view alias arange as_strided cat chunk clone concat constant_pad_nd "
        "contiguous copy detach dropout empty empty_like expand expand_as feature_dropout flatten "
        "full full_like gather index index_select movedim narrow numpy_T ones pad permute "
        "pixel_shuffle pixel_unshuffle reflection_pad2d repeat replication_pad2d reshape roll "
        "select slice split split_with_sizes squeeze stack swapaxes t tensor_split tile to "
        "transpose unbind unflatten unfold unsqueeze view zero zeros zeros_like",
    ),
    (
        Category.OTHER,
        "ArgMax ArgMin Attention AveragePool CumSum Einsum FusedGemm FusedMatMul Gemm "
        "GlobalAveragePool GlobalMaxPool GroupNorm GroupNormalization InstanceNormalization "
        "LRN LayerNormalization LogSoftmax LpNormalization MatMul MatMulInteger MaxPool "
        "MultiHeadAttention QGemm QLinearMatMul RMSNormalization ReduceL1 ReduceL2 ReduceMax "
        "ReduceMean ReduceMin ReduceSum ReduceSumSquare Resize SimplifiedLayerNormalization "
        "SkipLayerNormalization Softmax TopK Upsample",
        "_scaled_dot_product_flash_attention_for_cpu adaptive_avg_pool1d adaptive_avg_pool2d "
        "adaptive_max_pool2d addbmm addmm amax amin argmax argmin avg_pool1d avg_pool2d baddbmm "
        "bmm cumsum einsum grid_sampler group_norm instance_norm layer_norm linalg_vector_norm "
        "linear local_response_norm log_softmax matmul max max_pool1d max_pool2d "
        "max_pool2d_with_indices mean min mm norm rms_norm scaled_dot_product_attention softmax "
        "std sum topk upsample_bicubic2d upsample_bilinear2d upsample_nearest2d var",
    ),
)

_CATEGORIES = {
    name: category
    for category, onnx_names, torch_names in TABLE
    for name in (*onnx_names.split(), *(f"aten::{name}" for name in torch_names.split()))
}
# What a channel shuffle written out consists of; only the transposition moves anything.
_TRANSPOSITIONS = {"Transpose", "aten::transpose", "aten::permute", "aten::swapaxes"}
_SHUFFLE_PARTS = _TRANSPOSITIONS | {
    "Reshape", "aten::reshape", "aten::view", "aten::contiguous", "aten::clone", "aten::flatten",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """What the time of an operator counts as: a category, and a finer label inside it."""

    category: Category
    label: str
    depthwise: bool = False


def parts(calls: Sequence[OperatorCall], depthwise: Depthwise = "conv") -> list[Part]:
    """Return what each of the operators of one execution, in order, counts as.

    `depthwise` says whether depthwise convolutions count as Conv or as Elemwise. A run of reshapes
    and transpositions that swaps channels between groups is a channel shuffle. Raises BadInputError
    for an operator that the table does not know.
    """
    result: list[Part] = []
    for movable, group in groupby(calls, key=lambda call: _base(call) in _SHUFFLE_PARTS):
        run = list(group)
        shuffled = movable and any(_swaps_groups(call) for call in run)
        result += [
            Part(Category.SHUFFLE, f"{_shown(call)} of a shuffle")
            if shuffled
            else _part(call, depthwise)
            for call in run
        ]
    return result


def _base(call: OperatorCall) -> str:
    """Return an operator's name without the "_" of torch's in-place forms."""
    return call.operator.removesuffix("_")


def _shown(call: OperatorCall) -> str:
    return _base(call).removeprefix("aten::")


def _part(call: OperatorCall, depthwise: Depthwise) -> Part:
    category = _CATEGORIES.get(_base(call))
    if category is None:
        where = f" ({call.name})" if call.name else ""
        raise BadInputError(
            f"The operator {call.operator}{where} stands in no category of Fig. 2: add it to the "
            "table in results/operators.py."
        )
    if category is not Category.CONV:
        return Part(category, _shown(call))
    label, is_depthwise = _convolution(call)
    as_elementwise = is_depthwise and depthwise == "elemwise"
    return Part(Category.ELEMWISE if as_elementwise else category, label, is_depthwise)


def _convolution(call: OperatorCall) -> tuple[str, bool]:
    """Return a convolution's kind by the shapes of its input and weights, and if it is depthwise.

    Weights are (c2, c1/groups, kernel...), of a transposed convolution (c1, c2/groups, kernel...).
    """
    name = _base(call)
    x = call.inputs[0] if call.inputs else []
    weights = next((shape for shape in call.inputs[1:] if len(shape) == len(x) > 2), None)
    if weights is None or "ranspose" in name:
        return ("transposed convolution" if "ranspose" in name else "convolution"), False
    c1 = x[-1] if name.startswith("Nhwc") else x[1]
    groups = c1 // max(1, weights[1])
    kernel = "×".join(str(size) for size in weights[2:])
    if groups > 1 and weights[1] == 1:
        return f"{kernel} depthwise convolution", True
    return f"{kernel} {'group ' if groups > 1 else ''}convolution", False


def _swaps_groups(call: OperatorCall) -> bool:
    """Whether a call swaps axes 1 and 2 of (batch, groups, channels/groups, height, width)."""
    if _base(call) not in _TRANSPOSITIONS or len(call.inputs[0]) != 5 or not call.outputs:
        return False
    batch, groups, channels, *size = call.inputs[0]
    return call.outputs[0] == [batch, channels, groups, *size]


def markdown_table() -> str:
    """Return the table in Markdown, for docs/decomposition.md."""
    lines = ["| category | ONNX Runtime | torch (`aten::`) |", "| --- | --- | --- |"]
    for category, onnx_names, torch_names in TABLE:
        cells = (" ".join(f"`{name}`" for name in n.split()) for n in (onnx_names, torch_names))
        lines.append("| " + " | ".join([category.value, *(cell or "–" for cell in cells)]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown_table())
