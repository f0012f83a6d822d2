"""CondenseNet (Huang et al., CVPR 2018) as it is deployed: index layers and group convolutions."""

from __future__ import annotations

import random

import torch
from torch import Tensor, nn

from guideline_benchmarks.networks.layers import CLASSES, ChannelShuffle, DenseUnit, conv_bn

# Units of the five blocks, and the channels that each of them adds.
BLOCKS = ((4, 8), (6, 16), (8, 32), (10, 64), (8, 128))
FIRST = 16
BOTTLENECK = 4


class Selection(nn.Module):
    """The index layer: `kept` of the c channels of its input, in another order.

    Training learns which channels each group reads. Here a fixed draw stands for that: no channel
    twice, and always the same for the same c. (batch, c, …) → (batch, kept, …).
    """

    index: Tensor

    def __init__(self, c: int, kept: int) -> None:
        super().__init__()
        drawn = random.Random(c).sample(range(c), kept)
        self.register_buffer("index", torch.tensor(drawn))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c, …) to (batch, kept, …)."""
        return x.index_select(1, self.index)


def condensenet_unit(c: int, growth: int, groups: int) -> DenseUnit:
    """Return index layer, 1×1 and 3×3 group convolution: (batch, c, …) → (batch, c + growth, …).

    Its authors shuffle before the second batch norm instead of after it, which computes the same.
    """
    inner = BOTTLENECK * growth
    return DenseUnit(
        Selection(c, c),
        nn.BatchNorm2d(c),
        nn.ReLU(),
        conv_bn(c, inner, groups=groups),
        ChannelShuffle(groups),
        nn.Conv2d(inner, growth, kernel_size=3, padding=1, groups=groups, bias=False),
    )


def condensenet(groups: int = 8) -> nn.Sequential:
    """Return CondenseNet with G = C = `groups`, 4 or 8: a group reads 1/C of a layer's channels.

    The fully connected layer reads half of its own. Input (batch, 3, 224, 224), output
    (batch, 1000). Raises ValueError for groups that do not divide the channels.
    """
    c = FIRST
    layers: list[nn.Module] = [nn.Conv2d(3, c, 3, stride=2, padding=1, bias=False)]
    for block, (units, growth) in enumerate(BLOCKS):
        if block:
            layers.append(nn.AvgPool2d(2))
        for _ in range(units):
            layers.append(condensenet_unit(c, growth, groups))
            c += growth
    layers += [nn.BatchNorm2d(c), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, Selection(c, c // 2), nn.Linear(c // 2, CLASSES))
