"""The small DenseNet-BC that the paper compares with: DenseNet's units in Table 5's stages.

Units and transitions are those of DenseNet's own paper (Huang et al., CVPR 2017); what the paper
leaves open is read such that its multiply-adds come out (docs/networks.md).
"""

from __future__ import annotations

from torch import nn

from guideline_benchmarks.networks.layers import DenseUnit, classifier, conv_bn

# Channels that each unit adds at width 1.
GROWTH = 20
# Units of stages 2 to 4, and channels of the last convolution (Table 5).
REPEATS = (4, 8, 4)
LAST = 1024
# Channels inside a unit by those it adds, and what a transition divides the channels by.
BOTTLENECK = 4
COMPRESSION = 2


def densenet_unit(c: int, growth: int) -> DenseUnit:
    """Return batch norm, 1×1 and 3×3 convolution: (batch, c, …) → (batch, c + growth, …)."""
    inner = BOTTLENECK * growth
    spatial = nn.Conv2d(inner, growth, kernel_size=3, padding=1, bias=False)
    return DenseUnit(nn.BatchNorm2d(c), nn.ReLU(), conv_bn(c, inner), spatial)


def _transition(c1: int, c2: int) -> list[nn.Module]:
    """Return batch norm, ReLU and a 1×1 convolution: (batch, c1, h, w) → (batch, c2, h, w)."""
    return [nn.BatchNorm2d(c1), nn.ReLU(), nn.Conv2d(c1, c2, kernel_size=1, bias=False)]


def densenet(width: float = 1.0) -> nn.Sequential:
    """Return the small DenseNet, whose units add `width` times as many channels: 0.5, 1, 1.5 or 2.

    Each stage begins by pooling, after a transition but for the first one. Input
    (batch, 3, 224, 224), output (batch, 1000).
    """
    growth = round(GROWTH * width)
    c = 2 * growth
    layers: list[nn.Module] = [conv_bn(3, c, 3, stride=2), nn.MaxPool2d(3, 2, padding=1)]
    for stage, units in enumerate(REPEATS):
        if stage:
            layers += _transition(c, c // COMPRESSION)
            c //= COMPRESSION
        layers.append(nn.AvgPool2d(2))
        for _ in range(units):
            layers.append(densenet_unit(c, growth))
            c += growth
    return nn.Sequential(*layers, nn.BatchNorm2d(c), nn.ReLU(), conv_bn(c, LAST), classifier(LAST))
