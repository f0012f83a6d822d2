"""What a module costs, analytically: multiply-adds, memory access cost and weights.

Convolutions and fully connected layers count; element-wise operations, pooling and batch norm do
not, as in the paper. Equations are those of the paper, section 2.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True)
class LayerCost:
    """One convolution, or one fully connected layer seen as a 1×1 convolution of a 1×1 image.

    c1 and c2 are its input and output channels, `groups` its groups, `kernel_area` its kernel's
    height × width, `input_positions` and `output_positions` height × width before and after it.
    Everything is for the whole batch.
    """

    c1: int
    c2: int
    groups: int
    kernel_area: int
    input_positions: int
    output_positions: int
    batch: int = 1

    @property
    def weights(self) -> int:
        """Weights in elements: k·c1·c2/g, k the kernel's area."""
        return self.kernel_area * self.c1 * self.c2 // self.groups

    @property
    def multiply_adds(self) -> int:
        """B = h·w·c1·c2/g, times the kernel's area (Eq. 2; Eq. 1 for g = 1)."""
        return self.batch * self.output_positions * self.weights

    @property
    def memory_access_cost(self) -> int:
        """MAC in elements: h·w·(c1 + c2) + c1·c2/g (Eq. 1 and 2, with the kernel's area)."""
        feature_maps = self.input_positions * self.c1 + self.output_positions * self.c2
        return self.batch * feature_maps + self.weights

    @property
    def memory_access_bound(self) -> float:
        """The least MAC in elements that this many multiply-adds allow ungrouped (Eq. 1).

        2·sqrt(h·w·B) + B/(h·w) for a 1×1 convolution of one image; reached when c1 = c2, g = 1.
        """
        per_image = self.multiply_adds / self.batch
        area = self.kernel_area
        maps = 2 * math.sqrt(self.input_positions * per_image / area)
        return self.batch * maps + per_image / self.output_positions


@dataclass(frozen=True)
class Cost:
    """The sum over a module's layers; memory in elements of `element_bytes` bytes each."""

    layers: tuple[LayerCost, ...]
    weights: int
    element_bytes: int

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all layers."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def memory_access_cost(self) -> int:
        """Memory access cost of all layers, in elements (Eq. 1 and 2)."""
        return sum(layer.memory_access_cost for layer in self.layers)

    @property
    def memory_access_bytes(self) -> int:
        """Memory access cost of all layers, in bytes."""
        return self.memory_access_cost * self.element_bytes

    @property
    def memory_access_bound(self) -> float:
        """Sum of the layers' lower bounds of Eq. (1), in elements."""
        return math.fsum(layer.memory_access_bound for layer in self.layers)


class _LayerRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every convolution and matrix product that runs, functional calls included."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers: list[LayerCost] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        packet = func.overloadpacket
        if packet is torch.ops.aten.convolution:
            if args[6]:
                raise ValueError("the cost of a transposed convolution is not defined here")
            self.layers.append(_convolution(args[0], args[1], result, groups=args[8]))
        elif packet is torch.ops.aten.addmm:
            self.layers.append(_product(args[1], args[2]))
        elif packet is torch.ops.aten.mm:
            self.layers.append(_product(args[0], args[1]))
        return result


def _convolution(x: torch.Tensor, weight: torch.Tensor, y: torch.Tensor, groups: int) -> LayerCost:
    return LayerCost(
        c1=x.shape[1],
        c2=y.shape[1],
        groups=groups,
        kernel_area=math.prod(weight.shape[2:]),
        input_positions=math.prod(x.shape[2:]),
        output_positions=math.prod(y.shape[2:]),
        batch=x.shape[0],
    )


def _product(x: torch.Tensor, weight: torch.Tensor) -> LayerCost:
    rows, c1 = x.shape
    return LayerCost(c1, weight.shape[1], 1, 1, 1, 1, batch=rows)


def cost(module: nn.Module, input_shape: tuple[int, ...]) -> Cost:
    """Return the cost of `module` for one input of `input_shape` (batch, channels, height, width).

    Nothing is computed: the module is copied to torch's meta device, which knows shapes only.
    Raises ValueError for a transposed convolution, and whatever torch raises for a wrong shape.
    """
    shadow = copy.deepcopy(module).to("meta").eval()
    recorder = _LayerRecorder()
    # In inference mode, convolutions are not taken apart far enough to be seen.
    with torch.inference_mode(False), torch.no_grad(), recorder:
        shadow(torch.empty(input_shape, device="meta"))
    parameters = list(module.parameters())
    return Cost(
        layers=tuple(recorder.layers),
        weights=sum(p.numel() for p in parameters),
        element_bytes=parameters[0].element_size() if parameters else 4,
    )
