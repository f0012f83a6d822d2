"""ONNX operators by name, a function of torch's each: what is elementwise, reduces or moves data.

A function takes a Call and returns the value of the node's output, or a list of those of several.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import Tensor

from guideline_benchmarks.networks.from_onnx import layers
from guideline_benchmarks.networks.from_onnx.call import Call, is_constant, like, torch_type

Operator = Callable[[Call], Tensor | list[Tensor]]

# From here on Softmax is along one axis; before, along all from that one on.
ALONG_ONE_AXIS = 13
PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def elementwise(function: Callable[..., Any], call: Call) -> Tensor:
    """Return a function of all inputs; constants without axes are numbers in it."""
    values = call.given()
    is_known = all(is_constant(value) for value in values)
    found: Tensor = function(*values) if is_known else call.written(function, *map(number, values))
    return found


def number(value: Tensor) -> Any:
    """Return a constant without axes as a number, and any other value as it is."""
    return value.item() if is_constant(value) and not value.dim() else value


def folded(function: Callable[[Tensor, Tensor], Tensor], call: Call) -> Tensor:
    """Return a function of the first two inputs, of that and the third, and so on."""
    return reduce(function, call.given())


def divide(call: Call) -> Tensor:
    """Return Div, which cuts off what whole numbers leave."""
    if not like(call.x).is_floating_point():
        return torch.div(call.x, call.value(1), rounding_mode="trunc")
    return elementwise(operator.truediv, call)


def remainder(call: Call) -> Tensor:
    """Return Mod, with the sign of the divisor, or with that of the dividend as `fmod` has it."""
    function = torch.fmod if call.attribute("fmod", 0) else torch.remainder
    return function(call.x, call.value(1))


def clip(call: Call) -> Tensor:
    """Return Clip between constants."""
    low, high = call.setting("min", 1), call.setting("max", 2)
    if low is None and high is None:
        return call.x
    return F.relu6(call.x) if (low, high) == (0, 6) else torch.clamp(call.x, low, high)


def hard_sigmoid(call: Call) -> Tensor:
    """Return HardSigmoid, max(0, min(1, alpha·x + beta)); torch has one of alpha ⅙."""
    alpha, beta = call.attribute("alpha", 0.2), call.attribute("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-5) and beta == 0.5:
        return F.hardsigmoid(call.x)
    return torch.clamp(call.x * alpha + beta, 0, 1)


def prelu(call: Call) -> Tensor:
    """Return PRelu: negative numbers times a slope, which broadcasts."""
    slope = call.constant(1)
    by_channel = slope.dim() == call.rank - 1 and slope.dim() and slope.numel() == len(slope)
    if by_channel or slope.numel() == 1:
        return F.prelu(call.x, slope.flatten())
    return torch.where(call.x < 0, call.x * slope, call.x)


def softmax(function: Callable[[Tensor, int], Tensor], call: Call) -> Tensor:
    """Return Softmax or LogSoftmax. Raises UnknownOperatorError for several axes at once."""
    late = call.opset >= ALONG_ONE_AXIS
    axis = call.axis(-1 if late else 1)
    if not late and axis != call.rank - 1:
        raise call.unknown("along several axes")
    return function(call.x, axis)


def reduction(function: Callable[..., Tensor], call: Call) -> Tensor:
    """Return a reduction of some axes, or of all where none are named."""
    axes = call.setting("axes", 1)
    if not axes and call.attribute("noop_with_empty_axes", 0):
        return call.x
    dims = tuple(axes or range(call.rank))
    return function(call.x, dim=dims, keepdim=bool(call.attribute("keepdims", 1)))


def arg_max(call: Call) -> Tensor:
    """Return ArgMax, the place of the first maximum along an axis."""
    if call.attribute("select_last_index", 0):
        raise call.unknown("for the last of equal maxima")
    keep = bool(call.attribute("keepdims", 1))
    return torch.argmax(call.x, dim=call.attribute("axis", 0), keepdim=keep)


def reshape(call: Call) -> Tensor:
    """Return Reshape; a size of 0 is that of the input's axis."""
    sizes = call.setting("shape", 1)
    if not call.attribute("allowzero", 0):
        sizes = [call.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    return call.x.reshape(sizes)


def flatten(call: Call) -> Tensor:
    """Return Flatten: (…, …) with all axes before one together, and all from there on."""
    axis = call.axis(1)
    if axis == 1 and call.rank > 1:
        return call.x.flatten(1)
    return call.x.reshape(math.prod(call.shape[:axis]), -1)


def transpose(call: Call) -> Tensor:
    """Return Transpose, by default with all axes the other way round."""
    return call.x.permute(call.attribute("perm", None) or list(range(call.rank))[::-1])


def squeeze(call: Call) -> Tensor:
    """Return Squeeze of some axes of size 1, or of all."""
    axes = call.setting("axes", 1)
    return call.x.squeeze() if axes is None else call.x.squeeze(tuple(axes))


def unsqueeze(call: Call) -> Tensor:
    """Return Unsqueeze: axes of size 1, at places in the result."""
    axes = call.setting("axes", 1)
    rank = call.rank + len(axes)
    return reduce(torch.unsqueeze, sorted(axis % rank for axis in axes), call.x)


def expand(call: Call) -> Tensor:
    """Return Expand: broadcast with a shape."""
    shape = call.setting("shape", 1)
    return call.x.expand(np.broadcast_shapes(call.shape, tuple(shape)))


def concat(call: Call) -> Tensor:
    """Return Concat along an axis."""
    return torch.cat(call.given(), call.attribute("axis", 1))


def split(call: Call) -> list[Tensor]:
    """Return Split into parts of given sizes, or as equal as can be."""
    axis, parts = call.axis(0), len(call.node.output)
    sizes = call.setting("split", 1)
    found = torch.chunk(call.x, parts, axis) if sizes is None else torch.split(call.x, sizes, axis)
    return [found[part] for part in range(parts)]


def slices(call: Call) -> Tensor:
    """Return Slice of several axes."""
    starts, ends = call.setting("starts", 1), call.setting("ends", 2)
    axes = call.setting("axes", 3, list(range(len(starts))))
    steps = call.setting("steps", 4, [1] * len(starts))
    x = call.x
    for axis, cut in zip(axes, map(slice, starts, ends, steps), strict=True):
        x = cut_out(call, x, axis if axis >= 0 else axis + call.rank, cut)
    return x


def cut_out(call: Call, x: Tensor, axis: int, cut: slice) -> Tensor:
    """Return a slice of one axis; torch itself knows none that goes backwards."""
    if cut.step > 0:
        return x[(slice(None),) * axis + (cut,)]
    places = range(*cut.indices(call.shape[axis]))
    return torch.index_select(x, axis, torch.tensor(places, dtype=torch.int64))


def gather(call: Call) -> Tensor:
    """Return Gather at constant places along an axis."""
    axis, places = call.axis(0), call.constant(1)
    if not places.dim():
        return call.x.select(axis, int(places))
    found = places.flatten()
    if (found < 0).any():
        found = found % call.shape[axis]
    chosen = torch.index_select(call.x, axis, found)
    return chosen if places.dim() == 1 else torch.unflatten(chosen, axis, places.shape)


def pad(call: Call) -> Tensor:
    """Return Pad."""
    pads, axes = call.setting("pads", 1), call.setting("axes", 3, list(range(call.rank)))
    ends = dict.fromkeys(range(call.rank), (0, 0))
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        ends[axis % call.rank] = (before, after)
    # Torch counts axes from the last one. It reflects images alone, on all of their axes.
    backwards = [size for axis in sorted(ends, reverse=True) for size in ends[axis]]
    images = 2 * (call.rank - 2)
    if not any(backwards[images:]):
        backwards = backwards[:images]
    mode = PAD_MODES[call.text("mode", "constant")]
    value = call.setting("value", 2) or 0.0
    return F.pad(call.x, backwards, mode, value if mode == "constant" else None)


def constant(call: Call) -> Tensor:
    """Return Constant."""
    attributes = call.attributes
    if "value" in attributes:
        return torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
    kinds = {"value_float": torch.float32, "value_floats": torch.float32}
    kinds |= {"value_int": torch.int64, "value_ints": torch.int64}
    ((name, value),) = attributes.items()
    if name not in kinds:
        raise call.unknown(f"with {name}")
    return torch.tensor(value, dtype=kinds[name])


def constant_of_shape(call: Call) -> Tensor:
    """Return ConstantOfShape, float zeros unless it says otherwise."""
    given = call.attribute("value", None)
    value = np.zeros(1, np.float32) if given is None else numpy_helper.to_array(given)
    return torch.from_numpy(np.full(call.constant(0).tolist(), value, value.dtype))


def shape(call: Call) -> Tensor:
    """Return Shape, or a part of it."""
    return torch.tensor(call.shape[call.attribute("start", 0) : call.attribute("end", None)])


ELEMENTWISE: Mapping[str, Callable[..., Tensor]] = {
    "Abs": torch.abs,
    "Add": operator.add,
    "Ceil": torch.ceil,
    "Equal": operator.eq,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "HardSwish": F.hardswish,
    "Log": torch.log,
    "Mish": F.mish,
    "Mul": operator.mul,
    "Neg": torch.neg,
    "Pow": operator.pow,
    "Reciprocal": torch.reciprocal,
    "Relu": F.relu,
    "Sigmoid": torch.sigmoid,
    "Softplus": F.softplus,
    "Sqrt": torch.sqrt,
    "Sub": operator.sub,
    "Tanh": torch.tanh,
    "Where": torch.where,
}
OPERATORS: Mapping[str, Operator] = {
    **{name: partial(elementwise, function) for name, function in ELEMENTWISE.items()},
    "ArgMax": arg_max,
    "AveragePool": layers.average_pool,
    "BatchNormalization": layers.batch_norm,
    "Cast": lambda call: call.x.to(torch_type(call.attribute("to", 1))),
    "Clip": clip,
    "Concat": concat,
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Conv": layers.convolution,
    "Div": divide,
    "Dropout": lambda call: call.x,
    "Elu": lambda call: F.elu(call.x, call.attribute("alpha", 1.0)),
    "Expand": expand,
    "Flatten": flatten,
    "Gather": gather,
    "Gelu": lambda call: F.gelu(call.x, approximate=call.text("approximate", "none")),
    "Gemm": layers.gemm,
    "GlobalAveragePool": layers.global_average_pool,
    "GlobalMaxPool": layers.global_max_pool,
    "HardSigmoid": hard_sigmoid,
    "Identity": lambda call: call.x,
    "LayerNormalization": layers.layer_norm,
    "LeakyRelu": lambda call: F.leaky_relu(call.x, call.attribute("alpha", 0.01)),
    "LogSoftmax": partial(softmax, torch.log_softmax),
    "MatMul": layers.matmul,
    "Max": partial(folded, torch.maximum),
    "MaxPool": layers.max_pool,
    "Min": partial(folded, torch.minimum),
    "Mod": remainder,
    "PRelu": prelu,
    "Pad": pad,
    "ReduceL2": partial(reduction, torch.linalg.vector_norm),
    "ReduceMax": partial(reduction, torch.amax),
    "ReduceMean": partial(reduction, torch.mean),
    "ReduceMin": partial(reduction, torch.amin),
    "ReduceSum": partial(reduction, torch.sum),
    "Reshape": reshape,
    "Shape": shape,
    "Slice": slices,
    "Softmax": partial(softmax, torch.softmax),
    "Split": split,
    "Squeeze": squeeze,
    "Sum": partial(folded, torch.add),
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
