"""ONNX operators that are layers in torch: with weights, or with a window that moves over images.

Functions of a Call, as those of networks.from_onnx.operators are. Padding that differs at the two
ends of an axis is done before the layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from guideline_benchmarks.networks.from_onnx.call import Call, filled, is_constant

Layer = Callable[..., nn.Module]
CONVOLUTIONS: Mapping[int, Layer] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORMS: Mapping[int, Layer] = {
    2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d,
}  # fmt: skip
MAX_POOLS = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE_POOLS = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


@dataclass(frozen=True)
class Window:
    """Sizes of a window by axis, and how many elements are added before and after each axis."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def is_symmetric(self) -> bool:
        """Whether as much is added before each axis as after it."""
        return self.before == self.after

    @property
    def pools_by_itself(self) -> bool:
        """Whether torch's pooling pads so: the same at both ends, at most by half a window."""
        halves = zip(self.before, self.kernel, strict=True)
        return self.is_symmetric and all(2 * size <= width for size, width in halves)

    def padded(self, x: Tensor, value: float = 0.0) -> Tensor:
        """Return (batch, c, …) with elements of `value` added to its axes."""
        ends = zip(self.before, self.after, strict=True)
        # Torch counts axes from the last one.
        return F.pad(x, [size for pair in reversed([*ends]) for size in pair], value=value)


def window(call: Call, kernel: tuple[int, ...]) -> Window:
    """Return how a convolution or a pooling moves its window of the size `kernel`."""
    axes = len(kernel)
    ones, zeros = (1,) * axes, (0,) * axes
    strides = tuple(call.attribute("strides", ones))
    dilations = tuple(call.attribute("dilations", ones))
    rule = call.text("auto_pad", "NOTSET")
    if rule in ("NOTSET", "VALID"):
        pads = tuple(call.attribute("pads", zeros + zeros)) if rule == "NOTSET" else zeros + zeros
        return Window(kernel, strides, dilations, pads[:axes], pads[axes:])
    missing = [
        max(0, (math.ceil(size / stride) - 1) * stride + (width - 1) * dilation + 1 - size)
        for size, width, stride, dilation in zip(
            call.shape[2:], kernel, strides, dilations, strict=True
        )
    ]
    less, more = tuple(n // 2 for n in missing), tuple(n - n // 2 for n in missing)
    ends = (less, more) if rule == "SAME_UPPER" else (more, less)
    return Window(kernel, strides, dilations, *ends)


def convolution(call: Call) -> Tensor:
    """Return Conv of (batch, c1, …), of one to three axes."""
    weight, bias = call.constant(1), call.optional_constant(2)
    area = window(call, tuple(weight.shape[2:]))
    groups = call.attribute("group", 1)
    layer = CONVOLUTIONS[len(area.kernel)](
        weight.shape[1] * groups, weight.shape[0], area.kernel, area.strides,
        padding=area.before if area.is_symmetric else 0, dilation=area.dilations, groups=groups,
        bias=bias is not None, device="meta",
    )  # fmt: skip
    x = call.x if area.is_symmetric else area.padded(call.x)
    return call.layer(filled(layer, weight=weight, bias=bias), x)


def batch_norm(call: Call) -> Tensor:
    """Return BatchNormalization by its stored mean and variance. Raises UnknownOperatorError."""
    if call.attribute("training_mode", 0):
        raise call.unknown("in training")
    weight, bias, mean, variance = (call.constant(place) for place in (1, 2, 3, 4))
    layer = NORMS[call.rank](len(weight), call.attribute("epsilon", 1e-5), device="meta")
    layer = filled(
        layer, weight=weight, bias=bias, running_mean=mean, running_var=variance,
        num_batches_tracked=torch.tensor(0),
    )  # fmt: skip
    return call.layer(layer, call.x)


def layer_norm(call: Call) -> Tensor:
    """Return LayerNormalization from an axis on. Raises UnknownOperatorError."""
    weight, bias = call.constant(1), call.optional_constant(2)
    if weight.dim() != call.rank - call.axis(-1):
        raise call.unknown("with a scale that broadcasts")
    epsilon = call.attribute("epsilon", 1e-5)
    layer = nn.LayerNorm(list(weight.shape), epsilon, bias=bias is not None, device="meta")
    return call.layer(filled(layer, weight=weight, bias=bias), call.x)


def linear(call: Call, weight: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x·weightᵀ + bias of (…, c1), with a constant weight (c2, c1) and bias (c2)."""
    c2, c1 = weight.shape
    layer = nn.Linear(c1, c2, bias=bias is not None, device="meta")
    return call.layer(filled(layer, weight=weight.contiguous(), bias=bias), x)


def gemm(call: Call) -> Tensor:
    """Return alpha·A·B + beta·C, either matrix transposed if so asked."""
    a, b, c = call.x, call.value(1), call.optional(2)
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    a = a.t() if call.attribute("transA", 0) else a
    b = b.t() if call.attribute("transB", 0) else b
    if not is_constant(b) or (c is not None and not is_constant(c)):
        product = scaled(torch.matmul(a, b), alpha)
        return product if c is None else torch.add(product, scaled(c, beta))
    weight = scaled(b.t(), alpha)
    if c is None:
        return linear(call, weight, a)
    if c.dim() < 2 or c.shape[0] == 1:
        return linear(call, weight, a, scaled(c, beta).reshape(-1).expand(len(weight)))
    return torch.add(linear(call, weight, a), scaled(c, beta))


def scaled(x: Tensor, factor: float) -> Tensor:
    """Return a tensor times a number."""
    return x if factor == 1 else x * factor


def matmul(call: Call) -> Tensor:
    """Return a product of matrices, by a linear layer where the second is constant."""
    b = call.value(1)
    if is_constant(b) and b.dim() == 2:
        return linear(call, b.t(), call.x)
    return torch.matmul(call.x, b)


def max_pool(call: Call) -> Tensor:
    """Return MaxPool over one to three axes. Raises UnknownOperatorError."""
    area = window(call, tuple(call.attribute("kernel_shape", ())))
    ceiling = bool(call.attribute("ceil_mode", 0))
    own = area.pools_by_itself
    if ceiling and not own:
        raise call.unknown("with ceil_mode and such pads")
    x = call.x if own else area.padded(call.x, -math.inf)
    padding = area.before if own else 0
    pool = MAX_POOLS[len(area.kernel)]
    return pool(x, area.kernel, area.strides, padding, area.dilations, ceil_mode=ceiling)


def average_pool(call: Call) -> Tensor:
    """Return AveragePool over one to three axes. Raises UnknownOperatorError."""
    area = window(call, tuple(call.attribute("kernel_shape", ())))
    ceiling = bool(call.attribute("ceil_mode", 0))
    counted = bool(call.attribute("count_include_pad", 0))
    own = area.pools_by_itself
    if set(area.dilations) != {1} or (ceiling and not own):
        raise call.unknown("with dilations, or with ceil_mode and such pads")
    pool = AVERAGE_POOLS[len(area.kernel)]
    if own:
        return pool(call.x, area.kernel, area.strides, area.before, ceiling, counted)
    means = pool(area.padded(call.x), area.kernel, area.strides)
    if counted:
        return means
    ones = torch.ones(1, 1, *call.shape[2:])
    return means / pool(area.padded(ones), area.kernel, area.strides)


def global_average_pool(call: Call) -> Tensor:
    """Return the mean of each channel: (batch, c, …) → (batch, c, 1, …)."""
    pools = {3: F.adaptive_avg_pool1d, 4: F.adaptive_avg_pool2d, 5: F.adaptive_avg_pool3d}
    return pools[call.rank](call.x, 1)


def global_max_pool(call: Call) -> Tensor:
    """Return the maximum of each channel: (batch, c, …) → (batch, c, 1, …)."""
    return call.x.amax(tuple(range(2, call.rank)), keepdim=True)
