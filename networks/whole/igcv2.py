"""IGCV2 (Xie et al., CVPR 2018): MobileNet v1 with its 1×1 convolutions split into grouped ones."""

from __future__ import annotations

from torch import nn

from guideline_benchmarks.networks.layers import ChannelShuffle, classifier, conv_bn

FIRST = 32
# Output channels at width 1, stride and units of the five stages: channels and strides are those of
# MobileNet v1, units and groups those of which the published multiply-adds come out
# (docs/networks.md).
STAGES = ((64, 1, 3), (128, 2, 4), (256, 2, 4), (512, 2, 8), (1024, 2, 4))
GROUPS = 4


def igcv2_unit(c1: int, c2: int, stride: int) -> nn.Sequential:
    """Return a 3×3 depthwise convolution, and two 1×1 group convolutions with a shuffle between.

    From 16 channels on, equally many paths lead from each input channel to each output channel.
    (batch, c1, h, w) → (batch, c2, h/stride, w/stride), c1 and c2 multiples of 4.
    """
    return nn.Sequential(
        conv_bn(c1, c1, 3, stride=stride, groups=c1),
        conv_bn(c1, c1, groups=GROUPS, activation=None),
        ChannelShuffle(GROUPS),
        conv_bn(c1, c2, groups=GROUPS),
    )


def igcv2(width: float = 1.0) -> nn.Sequential:
    """Return IGCV2 with every number of channels multiplied by `width`: 0.25, 0.5 or 1.

    Input (batch, 3, 224, 224), output (batch, 1000). Raises ValueError for a width at which groups
    do not divide the channels.
    """
    c = int(FIRST * width)
    layers: list[nn.Module] = [conv_bn(3, c, 3, stride=2)]
    for channels, stride, units in STAGES:
        c2 = int(channels * width)
        for unit in range(units):
            layers.append(igcv2_unit(c, c2, 1 if unit else stride))
            c = c2
    return nn.Sequential(*layers, classifier(c))
