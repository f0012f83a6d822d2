"""Which category of Fig. 2 an operator's time belongs to: the one table that decides it.

Names are those that ONNX Runtime's profiler, torch.profiler and OpenVINO report. An operator that
stands in no row is an error, never a guess.
`python -m guideline_benchmarks.results.decomposition.operators` prints the table for the docs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Literal

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.parts import OperatorCall

# Whether depthwise convolutions count as convolutions or as element-wise operations.
Depthwise = Literal["conv", "elemwise"]


class Category(StrEnum):
    """The paper's five categories, in the order of Fig. 2's data."""

    DATA = "Data"
    CONV = "Conv"
    SHUFFLE = "Shuffle"
    ELEMWISE = "Elemwise"
    OTHER = "Other"


# ONNX operators (with ONNX Runtime's own), then torch's (without "aten::" and a final "_"), then
# the layers of OpenVINO's CPU plugin.
TABLE: tuple[tuple[Category, str, str, str], ...] = (
    (
        Category.CONV,
        "Conv ConvInteger ConvTranspose ConvTransposeWithDynamicPads FusedConv NhwcConv "
        "NhwcFusedConv QLinearConv",
        "_convolution conv1d conv2d conv3d conv_depthwise3d conv_transpose1d conv_transpose2d "
        "conv_transpose3d convolution cudnn_convolution mkldnn_convolution",
        "Convolution Deconvolution",
    ),
    (
        Category.ELEMWISE,
        "Abs Acos Add And Asin Atan BatchNormalization BiasGelu BitShift BitwiseAnd BitwiseNot "
        "BitwiseOr Cast Ceil Celu Clip Cos Cosh DequantizeLinear Div DynamicQuantizeLinear Elu "
        "Equal Erf Exp FastGelu Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf "
        "IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow "
        "QLinearAdd QLinearLeakyRelu QLinearMul QLinearSigmoid QuantizeLinear QuickGelu "
        "Reciprocal Relu Round Selu Shrink SiLU Sigmoid Sign Silu Sin Sinh Softplus Softsign "
        "Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Trilu Where Xor",
        "__and_ __or_ _native_batch_norm_legit_no_training abs absolute acos add addcdiv "
        "addcmul alpha_dropout asin atan atan2 batch_norm bitwise_and bitwise_not bitwise_or "
        "bitwise_xor ceil celu clamp clamp_max clamp_min clip cos cosh cudnn_batch_norm "
        "dequantize div divide elu eq erf erfc exp expm1 floor floor_divide fmod frac ge gelu "
        "glu gt hardshrink hardsigmoid hardswish hardtanh heaviside isfinite isnan le "
        "leaky_relu lerp log log10 log1p log2 log_sigmoid logical_and logical_not logical_or "
        "logical_xor logit lt masked_fill maximum minimum mish mul multiply nan_to_num "
        "native_batch_norm ne neg normal pow prelu quantize_per_tensor reciprocal relu relu6 "
        "remainder round rrelu rsqrt rsub selu sgn sigmoid sign silu sin sinh softplus "
        "softshrink softsign sqrt square sub subtract tan tanh threshold tril triu true_divide "
        "trunc where xlogy",
        "Convert Eltwise FakeQuantize Math Subgraph",
    ),
    (
        Category.SHUFFLE,
        "",
        "channel_shuffle native_channel_shuffle",
        "ShuffleChannels",
    ),
    (
        Category.DATA,
        "CenterCropPad Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape "
        "DepthToSpace Dropout Expand EyeLike Flatten Gather GatherElements GatherND Identity "
        "MemcpyFromHost MemcpyToHost NonZero OneHot Pad QLinearConcat Range ReorderInput "
        "ReorderOutput Reshape ReverseSequence ScatterElements ScatterND SequenceAt "
        "SequenceConstruct Shape Size Slice SpaceToDepth Split SplitToSequence Squeeze Tile "
        "Transpose Unique Unsqueeze",
        "_local_scalar_dense _to_copy _unsafe_view adjoint alias arange as_strided "
        "as_strided_copy atleast_1d broadcast_tensors broadcast_to cat chunk clone col2im "
        "column_stack concat concatenate constant_pad_nd contiguous copy detach diagonal "
        "dropout dsplit dstack embedding empty empty_like expand expand_as eye feature_dropout "
        "fill flatten flip full full_like gather hsplit hstack im2col index index_put "
        "index_select is_nonzero item lift_fresh linspace mH mT masked_select meshgrid moveaxis "
        "movedim narrow new_empty new_full new_ones new_zeros nonzero numpy_T one_hot ones "
        "ones_like pad pad_sequence permute pixel_shuffle pixel_unshuffle rand randn ravel "
        "reflection_pad1d reflection_pad2d repeat repeat_interleave replication_pad1d "
        "replication_pad2d reshape reshape_as resize roll rot90 scalar_tensor scatter select "
        "select_scatter slice slice_scatter split split_with_sizes squeeze squeeze_copy stack "
        "swapaxes swapdims t take_along_dim tensor_split tile to transpose type_as unbind "
        "unflatten unfold unravel_index unsafe_chunk unsafe_split unsqueeze view view_as vsplit "
        "vstack zero zeros zeros_like",
        "BatchToSpace Broadcast Concatenation Const DepthToSpace Eye Gather GatherElements "
        "GatherND Input NonZero OneHot Output Pad Range Reorder Reshape ReverseSequence Roll "
        "ScatterUpdate ShapeOf SpaceToBatch SpaceToDepth Split StridedSlice Tile Transpose Unique",
    ),
    (
        Category.OTHER,
        "ArgMax ArgMin Attention AveragePool BiasSoftmax CumProd CumSum DynamicQuantizeLSTM "
        "DynamicQuantizeMatMul Einsum EmbedLayerNormalization FusedGemm FusedMatMul GRU Gemm "
        "GlobalAveragePool GlobalMaxPool GridSample GroupNorm GroupNormalization "
        "GroupQueryAttention Hardmax InstanceNormalization LRN LSTM LayerNormalization "
        "LogSoftmax LpNormalization LpPool MatMul MatMulInteger MatMulIntegerToFloat "
        "MatMulNBits MaxPool MaxRoiPool MaxUnpool MeanVarianceNormalization MultiHeadAttention "
        "NhwcMaxPool NonMaxSuppression QAttention QEmbedLayerNormalization QGemm "
        "QLinearAveragePool QLinearGlobalAveragePool QLinearMatMul QLinearSoftmax "
        "RMSNormalization RNN ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax "
        "ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Resize RoiAlign "
        "RotaryEmbedding SimplifiedLayerNormalization SkipLayerNormalization "
        "SkipSimplifiedLayerNormalization Softmax TopK TransposeMatMul Upsample",
        "_fused_rms_norm _native_multi_head_attention _scaled_dot_product_attention_math "
        "_scaled_dot_product_efficient_attention _scaled_dot_product_flash_attention "
        "_scaled_dot_product_flash_attention_for_cpu _softmax _transformer_encoder_layer_fwd "
        "_upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact2d "
        "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d "
        "adaptive_max_pool2d adaptive_max_pool3d addbmm addmm addmv affine_grid_generator all "
        "amax amin aminmax any argmax argmin argsort avg_pool1d avg_pool2d avg_pool3d baddbmm "
        "bilinear bmm cdist chain_matmul cosine_similarity count_nonzero cummax cumprod cumsum "
        "dot einsum fractional_max_pool2d frobenius_norm ger grid_sampler grid_sampler_2d "
        "group_norm gru inner instance_norm kthvalue layer_norm linalg_matmul linalg_multi_dot "
        "linalg_norm linalg_vecdot linalg_vector_norm linear local_response_norm log_softmax "
        "logcumsumexp logsumexp lp_pool2d lstm matmul max max_pool1d max_pool2d "
        "max_pool2d_with_indices max_pool3d max_unpool2d mean median min mm "
        "multi_head_attention_forward mv nanmean nansum native_group_norm native_layer_norm "
        "norm norm_except_dim normalize outer pairwise_distance prod renorm rms_norm rnn_relu "
        "rnn_tanh scaled_dot_product_attention softmax softmin sort std std_mean sum tensordot "
        "topk upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d "
        "upsample_nearest2d upsample_nearest3d upsample_trilinear3d var var_mean vdot",
        "AdaptivePooling FullyConnected Interpolate LogSoftmax Lrn MHA MVN MatMul NormalizeL2 "
        "Pooling RMS RNNCell RNNSeq ROIAlign ROIPooling Reduce RoPE "
        "ScaledDotProductAttention Softmax TopK",
    ),
)

_CATEGORIES = {
    name: category
    for category, onnx_names, torch_names, openvino_names in TABLE
    for name in (
        *onnx_names.split(),
        *(f"aten::{name}" for name in torch_names.split()),
        *openvino_names.split(),
    )
}
# What a channel shuffle written out consists of: a reshape that splits the channels into groups, a
# transposition, copies perhaps, and a reshape back.
_TRANSPOSITIONS = {"Transpose", "aten::transpose", "aten::permute", "aten::swapaxes",
                   "aten::swapdims", "aten::movedim", "aten::moveaxis"}  # fmt: skip
_RESHAPES = {"Reshape", "aten::reshape", "aten::view", "aten::unflatten", "aten::flatten"}
_COPIES = {"aten::contiguous", "aten::clone"}
_CONTROL_FLOW = {"If", "Loop", "Scan"}
# What ONNX Runtime calls a batch norm that it runs as a convolution.
_BATCH_NORM_SUFFIX = "_bn_nchwc"


@dataclass(frozen=True)
class Part:
    """What the time of an operator counts as: a category, and a finer label inside it."""

    category: Category
    label: str
    depthwise: bool = False


def category_of(operator: str) -> Category | None:
    """Return the category of an operator by its name in a runtime, None of one in no row."""
    return _CATEGORIES.get(operator)


def parts(calls: Sequence[OperatorCall], depthwise: Depthwise = "conv") -> list[Part]:
    """Return what each of the operators of one execution, in order, counts as.

    `depthwise` says whether depthwise convolutions count as Conv or as Elemwise. Raises
    BadInputError, naming all of them, for operators that the table does not know.
    """
    flow = sorted({_named(call) for call in calls if call.operator in _CONTROL_FLOW})
    if flow:
        raise BadInputError(
            f"The network has control flow ({', '.join(flow)}), which cannot be taken apart: its "
            "time holds that of the operators in its body, which differ from one execution to the "
            "next."
        )
    unknown = sorted({_named(call) for call in calls if _base(call) not in _CATEGORIES})
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        stand = "stand" if plural else "stands"
        raise BadInputError(
            f"The operator{plural} {', '.join(unknown)} {stand} in no category of Fig. 2: add "
            f"{'them' if plural else 'it'} to the table in results/decomposition/operators.py."
        )
    shuffling = {i for first, last in _shuffles(calls) for i in range(first, last + 1)}
    return [
        Part(Category.SHUFFLE, f"{_shown(call)} of a shuffle")
        if index in shuffling
        else _part(call, depthwise)
        for index, call in enumerate(calls)
    ]


def _named(call: OperatorCall) -> str:
    return f"{call.operator} ({call.name})" if call.name else call.operator


def _shuffles(calls: Sequence[OperatorCall]) -> Iterator[tuple[int, int]]:
    """Yield the first and last index of each channel shuffle that is written out.

    A reshape splits axis 1 of (batch, channels, ...) in two, a transposition swaps these, and the
    next reshape joins them again; heights and widths may be flattened, and the batch may be joined
    with the first of the two.
    """
    for index in range(1, len(calls)):
        split, swap = calls[index - 1], calls[index]
        if _base(split) not in _RESHAPES or not _swaps_groups(swap, split):
            continue
        last = index + 1
        while last < len(calls) and _base(calls[last]) in _COPIES:
            last += 1
        if last < len(calls) and _base(calls[last]) in _RESHAPES:
            yield index - 1, last


def _swaps_groups(swap: OperatorCall, split: OperatorCall) -> bool:
    """Whether `swap` exchanges two neighbouring axes into which `split` divided the channels."""
    if _base(swap) not in _TRANSPOSITIONS or not (swap.inputs and swap.outputs and split.inputs):
        return False
    before, after, whole = swap.inputs[0], swap.outputs[0], split.inputs[0]
    for axis in (0, 1):
        one, other, rest = before[axis : axis + 1], before[axis + 1 : axis + 2], before[axis + 2 :]
        swapped = before[:axis] + other + one + rest
        divided = prod(before[: axis + 2]) == prod(whole[:2]) and prod(rest) == prod(whole[2:])
        keeps_batch = axis == 0 or before[0] == whole[0]
        if after == swapped and min(one + other, default=1) > 1 and divided and keeps_batch:
            return bool(rest) and len(whole) > 2
    return False


def _base(call: OperatorCall) -> str:
    """Return an operator's name without the "_" of torch's in-place forms."""
    return call.operator.removesuffix("_")


def _shown(call: OperatorCall) -> str:
    return _base(call).removeprefix("aten::")


def _part(call: OperatorCall, depthwise: Depthwise) -> Part:
    category = _CATEGORIES[_base(call)]
    if category is not Category.CONV:
        return Part(category, _shown(call))
    if call.name.endswith(_BATCH_NORM_SUFFIX):
        return Part(Category.ELEMWISE, "BatchNormalization")
    label, is_depthwise = _convolution(call)
    as_elementwise = is_depthwise and depthwise == "elemwise"
    return Part(Category.ELEMWISE if as_elementwise else category, label, is_depthwise)


def _convolution(call: OperatorCall) -> tuple[str, bool]:
    """Return a convolution's kind by the shapes of its input and weights, and if it is depthwise.

    Weights are (c2, c1/groups, kernel...). Transposed and quantised convolutions, whose shapes say
    less, are not told apart further.
    """
    name = _shown(call)
    if "ranspose" in name:
        return "transposed convolution", False
    if name.startswith("QLinear") or name.endswith("Integer"):
        return "quantised convolution", False
    shapes = call.inputs[:2]
    if len(shapes) < 2 or len(shapes[1]) < 3 or len(shapes[0]) + 1 < len(shapes[1]):
        return "convolution", False
    x, weights = shapes
    # An input without a batch has one axis less.
    c1 = x[-1] if name.startswith("Nhwc") else x[len(x) + 1 - len(weights)]
    groups = c1 // max(1, weights[1])
    kernel = "×".join(str(size) for size in weights[2:])
    if groups > 1 and weights[1] == 1:
        return f"{kernel} depthwise convolution", True
    return f"{kernel} {'group ' if groups > 1 else ''}convolution", False


def markdown_table() -> str:
    """Return the table in Markdown, for docs/decomposition.md."""
    lines = ["| category | ONNX Runtime | torch (`aten::`) | OpenVINO |"]
    lines.append("| --- | --- | --- | --- |")
    for category, *names in TABLE:
        cells = (" ".join(f"`{name}`" for name in listed.split()) for listed in names)
        lines.append("| " + " | ".join([category.value, *(cell or "–" for cell in cells)]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown_table())
