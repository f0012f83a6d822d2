"""Cells as architecture search designs them: what NASNet and PNASNet are stacked from.

A cell reads the outputs of the two cells before it and brings both to its own width. Each of its
blocks adds the outputs of two operations; what the design names of all this, put side by side, is
the cell's output (Zoph et al., CVPR 2018, Fig. 4; Liu et al., ECCV 2018, Fig. 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from guideline_benchmarks.networks.layers import classifier, conv_bn, separable

# Makes a module of input channels, output channels and stride.
Operation = Callable[[int, int, int], nn.Module]
# Channels of the first convolution.
FIRST = 32


def relu_conv_bn(c1: int, c2: int, stride: int = 1) -> nn.Sequential:
    """Return ReLU, 1×1 convolution and batch norm: (batch, c1, h, w) → (batch, c2, h/stride, …)."""
    return nn.Sequential(nn.ReLU(), conv_bn(c1, c2, stride=stride, activation=None))


def separable_twice(kernel_size: int, c1: int, c2: int, stride: int) -> nn.Sequential:
    """Return ReLU, depthwise and pointwise convolution and batch norm, all of it twice.

    The first takes the stride and widens; there is nothing between depthwise and pointwise.
    (batch, c1, h, w) → (batch, c2, ⌈h/stride⌉, ⌈w/stride⌉).
    """
    layers: list[nn.Module] = []
    for c, step in ((c1, stride), (c2, 1)):
        layers += [nn.ReLU(), *separable(c, c2, kernel_size, stride=step, activation=None)]
    return nn.Sequential(*layers)


def _pooling(pool: nn.Module, c1: int, c2: int) -> nn.Module:
    return pool if c1 == c2 else nn.Sequential(pool, conv_bn(c1, c2, activation=None))


def average_pooling(c1: int, c2: int, stride: int) -> nn.Module:
    """Return 3×3 average pooling, which leaves padding out, and a 1×1 convolution if c1 ≠ c2."""
    return _pooling(nn.AvgPool2d(3, stride, padding=1, count_include_pad=False), c1, c2)


def max_pooling(c1: int, c2: int, stride: int) -> nn.Module:
    """Return 3×3 max pooling, and a 1×1 convolution if c1 ≠ c2."""
    return _pooling(nn.MaxPool2d(3, stride, padding=1), c1, c2)


def identity(c1: int, c2: int, stride: int) -> nn.Module:
    """Return what passes its input on, by a 1×1 convolution where the shape changes."""
    return nn.Identity() if c1 == c2 and stride == 1 else relu_conv_bn(c1, c2, stride)


separable_3, separable_5, separable_7 = (partial(separable_twice, size) for size in (3, 5, 7))


@dataclass(frozen=True)
class CellDesign:
    """What architecture search finds: blocks of (operation, its input, operation, its input).

    Inputs and `outputs` are numbers: 0 is what the cell before made, 1 what the one before that
    made, 2 the sum of the first block, and so on. All blocks of a cell are equally wide.
    """

    blocks: tuple[tuple[Operation, int, Operation, int], ...]
    outputs: tuple[int, ...]


class FactorisedReduction(nn.Module):
    """ReLU, and two 1×1 convolutions: one of the even positions, one of the odd, half of c2 each.

    (batch, c1, h, w) → (batch, c2, ⌈h/2⌉, ⌈w/2⌉). If c2 is odd, the second one has one more.
    """

    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.even = conv_bn(c1, c2 // 2, stride=2, activation=None)
        self.odd = conv_bn(c1, c2 - c2 // 2, stride=2, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, h, w) to (batch, c2, ⌈h/2⌉, ⌈w/2⌉)."""
        x = self.relu(x)
        # An odd size has one odd position less than even ones; zeros stand in for it.
        shifted = functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return torch.cat((self.even(x), self.odd(shifted)), dim=1)


class Cell(nn.Module):
    """A cell of some design, c channels wide inside, which makes c for each of the outputs.

    `c1` are the channels of the cell before, `c0` those of the one before that, whose output is
    twice as large if `larger`. Where c0 is None, there was none, and what the one before made is
    taken for it as it is. (batch, c1, h, w) → (batch, outputs·c, ⌈h/stride⌉, ⌈w/stride⌉).
    """

    def __init__(
        self, design: CellDesign, c0: int | None, c1: int, c: int, *, stride: int, larger: bool
    ) -> None:
        super().__init__()
        self.last = relu_conv_bn(c1, c)
        self.earlier: nn.Module
        if c0 is None:
            self.earlier = nn.Identity()
        else:
            self.earlier = FactorisedReduction(c0, c) if larger else relu_conv_bn(c0, c)
        widths = (c, c1 if c0 is None else c)

        def made(operation: Operation, source: int) -> nn.Module:
            # What a block has made has the cell's own width and size already.
            own = source >= len(widths)
            return operation(c if own else widths[source], c, 1 if own else stride)

        self.left = nn.ModuleList(made(left, i) for left, i, _, _ in design.blocks)
        self.right = nn.ModuleList(made(right, j) for _, _, right, j in design.blocks)
        self.sources = [(i, j) for _, i, _, j in design.blocks]
        self.outputs = design.outputs

    def forward(self, earlier: Tensor, last: Tensor) -> Tensor:
        """Map the outputs of the last two cells to that of this one."""
        states = [self.last(last), self.earlier(earlier)]
        for left, right, (i, j) in zip(self.left, self.right, self.sources, strict=True):
            states.append(left(states[i]) + right(states[j]))
        return torch.cat([states[index] for index in self.outputs], dim=1)


class CellNetwork(nn.Module):
    """A 3×3 convolution that halves the size, then cells of (design, width, stride), a classifier.

    The convolution has no padding, no ReLU, and 32 channels. Input (batch, 3, h, w), output
    (batch, 1000); neither the auxiliary classifier nor the dropping of paths, which are there for
    training alone.
    """

    def __init__(self, cells: Iterable[tuple[CellDesign, int, int]]) -> None:
        super().__init__()
        first = nn.Conv2d(3, FIRST, kernel_size=3, stride=2, bias=False)
        self.first = nn.Sequential(first, nn.BatchNorm2d(FIRST))
        self.cells = nn.ModuleList()
        c0, c1, larger = None, FIRST, False
        for design, c, stride in cells:
            self.cells.append(Cell(design, c0, c1, c, stride=stride, larger=larger))
            c0, c1, larger = c1, c * len(design.outputs), stride > 1
        self.classifier = nn.Sequential(nn.ReLU(), classifier(c1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 3, h, w) to (batch, 1000)."""
        earlier = last = self.first(x)
        for cell in self.cells:
            earlier, last = last, cell(earlier, last)
        result: Tensor = self.classifier(last)
        return result
