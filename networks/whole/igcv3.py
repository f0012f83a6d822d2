"""IGCV3-D (Sun et al., BMVC 2018): MobileNet v2, grouped in halves and twice as deep."""

from __future__ import annotations

from torch import Tensor, nn

from guideline_benchmarks.networks.layers import ChannelShuffle, classifier, conv_bn
from guideline_benchmarks.networks.whole import mobilenet_v2

FIRST, LAST = 32, 1280
GROUPS = 2
# As MobileNet v2's, but stages of more than one unit have twice as many (the D of the name).
STAGES = tuple(
    (expansion, channels, 2 * units if units > 1 else units, stride)
    for expansion, channels, units, stride in mobilenet_v2.STAGES
)
# Layers at 56×56 and larger never narrow: the first convolution and two stages (docs/networks.md).
KEPT_STAGES = 2


def scaled(channels: int, width: float) -> int:
    """Return channels · width to the nearest whole number, made even, as its authors' code does."""
    rounded = round(channels * width)
    return rounded + rounded % 2


class IGCV3Unit(nn.Module):
    """1×1 expansion in halves, shuffle, 3×3 depthwise, 1×1 in halves; added where the shape stays.

    There is one activation, after the depthwise convolution.
    (batch, c1, h, w) → (batch, c2, h/stride, w/stride).
    """

    def __init__(self, c1: int, c2: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = c1 * expansion
        self.branch = nn.Sequential(
            conv_bn(c1, inner, groups=GROUPS, activation=None),
            ChannelShuffle(GROUPS),
            conv_bn(inner, inner, 3, stride=stride, groups=inner, activation=nn.ReLU6),
            conv_bn(inner, c2, groups=GROUPS, activation=None),
        )
        self.adds = stride == 1 and c1 == c2

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, h, w) to (batch, c2, h/stride, w/stride)."""
        y: Tensor = self.branch(x)
        return x + y if self.adds else y


def igcv3_d(width: float = 1.0) -> nn.Sequential:
    """Return IGCV3-D, `width` times as wide (see `scaled`); its last layer never narrows.

    Input (batch, 3, 224, 224), output (batch, 1000).
    """
    widened = max(1.0, width)
    c = scaled(FIRST, widened)
    layers: list[nn.Module] = [conv_bn(3, c, 3, stride=2, activation=nn.ReLU6)]
    for stage, (expansion, channels, units, stride) in enumerate(STAGES):
        c2 = scaled(channels, widened if stage < KEPT_STAGES else width)
        for unit in range(units):
            layers.append(IGCV3Unit(c, c2, 1 if unit else stride, expansion))
            c = c2
    last = scaled(LAST, widened)
    return nn.Sequential(*layers, conv_bn(c, last, activation=nn.ReLU6), classifier(last))
