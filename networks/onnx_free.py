"""The ONNX operators that compute by elements only, or move data: no multiply-adds in them.

All else that nobody counts is named, so that an operator that is newer than this list is.
"""

from __future__ import annotations

from onnx import NodeProto

# Of ONNX itself, and of ONNX Runtime.
_STANDARD = (
    "Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool "
    "BatchNormalization Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor "
    "BlackmanWindow Cast CastLike Ceil Celu CenterCropPad Clip Col2Im Compress Concat "
    "ConcatFromSequence Constant ConstantOfShape Cos Cosh CumProd CumSum DepthToSpace "
    "DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike "
    "Flatten Floor Gather GatherElements GatherND Gelu GlobalAveragePool GlobalLpPool "
    "GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HammingWindow "
    "HannWindow HardSigmoid HardSwish Hardmax Identity ImageDecoder InstanceNormalization IsInf "
    "IsNaN LRN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization "
    "LpPool Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul "
    "Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional "
    "OptionalGetElement OptionalHasElement Or PRelu Pad Pow QuantizeLinear RMSNormalization "
    "RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 "
    "ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "ReduceSumSquare RegexFullMatch Relu Reshape Resize ReverseSequence RoiAlign "
    "RotaryEmbedding Round Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct "
    "SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Shrink Sigmoid Sign Sin "
    "Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split "
    "SplitToSequence Sqrt Squeeze StringConcat StringNormalizer StringSplit Sub Sum SwiGLU "
    "Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Trilu "
    "Unique Unsqueeze Upsample Where Xor"
)
_RUNTIME = (
    "BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu BifurcationDetector "
    "DequantizeLinear EmbedLayerNormalization FastGelu Gelu GroupNorm QLinearAdd "
    "QLinearAveragePool QLinearConcat QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul "
    "QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere QuantizeLinear QuickGelu "
    "RotaryEmbedding SimplifiedLayerNormalization SkipGroupNorm SkipLayerNormalization "
    "SkipSimplifiedLayerNormalization"
)
FREE = {*_STANDARD.split(), *(f"com.microsoft::{name}" for name in _RUNTIME.split())}


def operator(node: NodeProto) -> str:
    """Return a node's operator, with its domain unless that is ONNX's own."""
    standard = node.domain in ("", "ai.onnx")
    return str(node.op_type if standard else f"{node.domain}::{node.op_type}")
