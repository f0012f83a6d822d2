"""The building blocks of the paper's four experiments, and the stack that repeats them.

No block has batch norm or biases: the paper mentions neither for its synthetic networks
(docs/protocol.md, decision 5). All convolutions keep the spatial size.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


class ChannelRatioBlock(nn.Module):
    """A 1×1 convolution c1→c2 followed by a 1×1 convolution c2→c1 (G1, Table 1).

    Input and output: (batch, c1, height, width).
    """

    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(c1, c2, kernel_size=1, bias=False)
        self.reduce = nn.Conv2d(c2, c1, kernel_size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, h, w) to (batch, c1, h, w)."""
        result: Tensor = self.reduce(self.expand(x))
        return result


class GroupConvolution(nn.Conv2d):
    """One 1×1 convolution c→c in `groups` groups (G2, Table 2).

    Input and output: (batch, c, height, width). Raises ValueError when `groups` does not divide c.
    """

    def __init__(self, c: int, groups: int) -> None:
        super().__init__(c, c, kernel_size=1, groups=groups, bias=False)


class FragmentedBlock(nn.Module):
    """`fragments` 1×1 convolutions width→width, in series or in parallel (G3, Table 3).

    Parallel fragments read the same input and their outputs are added (Appendix Fig. 1).
    Input and output: (batch, width, height, width).
    """

    def __init__(self, width: int, fragments: int, arrangement: str) -> None:
        super().__init__()
        if arrangement not in ("single", "series", "parallel"):
            raise ValueError(f"arrangement is single, series or parallel, not {arrangement!r}")
        self.parallel = arrangement == "parallel"
        self.fragments = nn.ModuleList(
            nn.Conv2d(width, width, kernel_size=1, bias=False) for _ in range(fragments)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, width, h, w) to the same shape."""
        if not self.parallel:
            for fragment in self.fragments:
                x = fragment(x)
            return x
        first, *others = self.fragments
        total: Tensor = first(x)
        for fragment in others:
            total = total + fragment(x)
        return total


class BottleneckUnit(nn.Module):
    """ResNet's bottleneck: 1×1 c→inner, 3×3 inner→inner, 1×1 inner→c (G4, Table 4).

    With `relu`, a ReLU follows each of the first two convolutions and the unit's output; with
    `shortcut`, the input is added before that last ReLU.
    Input and output: (batch, c, height, width).
    """

    def __init__(self, c: int, inner: int, relu: bool, shortcut: bool) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(c, inner, kernel_size=1, bias=False)
        self.spatial = nn.Conv2d(inner, inner, kernel_size=3, padding=1, bias=False)
        self.expand = nn.Conv2d(inner, c, kernel_size=1, bias=False)
        self.activation = nn.ReLU() if relu else nn.Identity()
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c, h, w) to the same shape."""
        y = self.activation(self.reduce(x))
        y = self.activation(self.spatial(y))
        y = self.expand(y)
        if self.shortcut:
            y = y + x
        result: Tensor = self.activation(y)
        return result


class DepthwiseConvolution(nn.Conv2d):
    """A 3×3 convolution of c channels, each by itself (`guidelines widths`, not from the paper).

    Input and output: (batch, c, height, width).
    """

    def __init__(self, c: int) -> None:
        super().__init__(c, c, kernel_size=3, padding=1, groups=c, bias=False)


class ComputeBoundBlock(nn.Conv2d):
    """A 3×3 convolution c→c: many multiply-adds per byte moved (a control, not from the paper).

    `guidelines widths` has it in many widths.

    Input and output: (batch, c, height, width).
    """

    def __init__(self, c: int) -> None:
        super().__init__(c, c, kernel_size=3, padding=1, bias=False)


class MemoryHeavyBlock(nn.Module):
    """relu(relu(x) + x), with no convolution: memory traffic alone (a control, not of the paper).

    Input and output: any shape.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map a tensor of any shape to the same shape."""
        return torch.relu(torch.relu(x) + x)


class TrivialBlock(nn.Tanh):
    """A tanh, whose time on a single element is what calling any operator takes (a control).

    Input and output: any shape.
    """


class CompositeBlock(nn.Module):
    """16 copies of the input side by side, and a 1×1 group convolution to its width (a control).

    Two operators about which a profiler writes down much: many inputs, and other operators called.
    Input and output: (batch, 4, height, width).
    """

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(64, 4, kernel_size=1, groups=4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 4, h, w) to the same shape."""
        result: Tensor = self.reduce(torch.cat([x] * 16, dim=1))
        return result


def stack(block: Callable[[], nn.Module], times: int = 10) -> nn.Sequential:
    """Return `times` fresh blocks one after the other: the paper's synthetic network."""
    return nn.Sequential(*(block() for _ in range(times)))


def initialise(module: nn.Module, seed: int) -> nn.Module:
    """Draw every weight from N(0, 1/fan_in) with `seed`; return the module in evaluation mode.

    This variance carries the signal's size through forty layers, so that comparing outputs tests
    something; torch's default would shrink it by 3 a layer.
    """
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        fan_in = parameter[0].numel()
        with torch.no_grad():
            parameter.normal_(0.0, 1.0 / math.sqrt(fan_in), generator=generator)
    return module.eval()
