"""MobileNet v2 (Sandler et al., CVPR 2018): inverted residuals."""

from __future__ import annotations

from torch import Tensor, nn

from guideline_benchmarks.networks.layers import classifier, conv_bn

# Expansion, output channels at width 1, repeats and stride of the seven stages (its Table 2).
STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
LAST = 1280
DIVISOR = 8


def scaled(channels: int, width: float) -> int:
    """Return channels · width to the nearest multiple of 8, at least 8, never below 90 % of it.

    As MobileNet's authors round; the paper on ShuffleNet v2 does not say how its own did.
    """
    exact = channels * width
    rounded = max(DIVISOR, int(exact + DIVISOR / 2) // DIVISOR * DIVISOR)
    return rounded if rounded >= 0.9 * exact else rounded + DIVISOR


class InvertedResidual(nn.Module):
    """1×1 expansion, 3×3 depthwise, linear 1×1; the input is added where the shape stays.

    (batch, c1, h, w) → (batch, c2, h/stride, w/stride).
    """

    def __init__(self, c1: int, c2: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = c1 * expansion
        expand = [conv_bn(c1, inner, activation=nn.ReLU6)] if expansion > 1 else []
        self.branch = nn.Sequential(
            *expand,
            conv_bn(inner, inner, 3, stride=stride, groups=inner, activation=nn.ReLU6),
            conv_bn(inner, c2, activation=None),
        )
        self.adds = stride == 1 and c1 == c2

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, h, w) to (batch, c2, h/stride, w/stride)."""
        y: Tensor = self.branch(x)
        return x + y if self.adds else y


def mobilenet_v2(width: float = 1.0) -> nn.Sequential:
    """Return MobileNet v2, `width` times as wide (see `scaled`); its last layer never narrows.

    Input (batch, 3, h, w), h and w multiples of 32, output (batch, 1000).
    """
    c = scaled(32, width)
    layers: list[nn.Module] = [conv_bn(3, c, 3, stride=2, activation=nn.ReLU6)]
    for expansion, channels, repeats, stride in STAGES:
        c2 = scaled(channels, width)
        for index in range(repeats):
            layers.append(InvertedResidual(c, c2, 1 if index else stride, expansion))
            c = c2
    last = scaled(LAST, max(1.0, width))
    return nn.Sequential(*layers, conv_bn(c, last, activation=nn.ReLU6), classifier(last))
