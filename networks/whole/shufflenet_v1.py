"""ShuffleNet v1 (Zhang et al., CVPR 2018), and its large form of Appendix Table 2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from guideline_benchmarks.networks.layers import ChannelShuffle, classifier, conv_bn, depthwise_bn

# Channels of stage 2 at width 1, by groups: chosen by its authors to keep the multiply-adds.
STAGE_2 = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
# Channels of the first convolution, by width. The paper scales "the number of filters"; its
# authors' code keeps 24 at 1.5×, and the published multiply-adds agree.
FIRST = {0.5: 12, 1.0: 24, 1.5: 24, 2.0: 48}


class ShuffleNetV1Unit(nn.Module):
    """Grouped 1×1, shuffle, 3×3 depthwise, grouped 1×1; its input is added, or put beside it.

    Where the shape changes, the branch makes c2 - c1 channels and the (average-pooled) input is put
    beside them. If `groups` do not divide c2 - c1, the branch makes all c2 and there is no shortcut
    (the first unit of ShuffleNet v1-50). (batch, c1, h, w) → (batch, c2, h/stride, w/stride).
    """

    def __init__(
        self, c1: int, c2: int, inner: int, *, groups: int, first_groups: int, stride: int
    ) -> None:
        super().__init__()
        self.adds = stride == 1 and c1 == c2
        self.joins = not self.adds and (c2 - c1) % groups == 0
        made = c2 - c1 if self.joins else c2
        shuffle = [ChannelShuffle(groups)] if groups > 1 else []
        self.branch = nn.Sequential(
            conv_bn(c1, inner, groups=first_groups),
            *shuffle,
            depthwise_bn(inner, stride),
            conv_bn(inner, made, groups=groups, activation=None),
        )
        self.shortcut = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, h, w) to (batch, c2, h/stride, w/stride)."""
        y: Tensor = self.branch(x)
        if self.adds:
            y = y + x
        y = self.relu(y)
        # The pooled input is not negative, so it needs no ReLU.
        return torch.cat((self.shortcut(x), y), dim=1) if self.joins else y


def _divisible(channels: int, groups: int) -> int:
    """Return the least multiple of `groups` that is not below `channels`."""
    return -(-channels // groups) * groups


def _network(
    first: int, channels: int, repeats: Sequence[int], *, groups: int, narrowing: int, stride: int
) -> nn.Sequential:
    """Return first convolution, pooling, stages of doubling `channels`, and classifier.

    `stride` is the first stage's, the others have 2; units are 1/`narrowing` as wide inside. The
    very first 1×1 convolution is not grouped, having few input channels.
    """
    layers: list[nn.Module] = [conv_bn(3, first, 3, stride=2), nn.MaxPool2d(3, 2, padding=1)]
    c1 = first
    for stage, units in enumerate(repeats):
        c2 = channels << stage
        inner = _divisible(c2 // narrowing, groups)
        for unit in range(units):
            layers.append(
                ShuffleNetV1Unit(
                    c1,
                    c2,
                    inner,
                    groups=groups,
                    first_groups=groups if stage or unit else 1,
                    stride=1 if unit else (2 if stage else stride),
                )
            )
            c1 = c2
    return nn.Sequential(*layers, classifier(c1))


def shufflenet_v1(groups: int = 3, width: float = 1.0) -> nn.Sequential:
    """Return ShuffleNet v1 with 1, 2, 3, 4 or 8 groups, 0.5, 1, 1.5 or 2 times as wide.

    Input (batch, 3, 224, 224), output (batch, 1000). Raises KeyError for other groups or widths.
    """
    first, channels = _divisible(FIRST[width], groups), round(STAGE_2[groups] * width)
    return _network(first, channels, (4, 8, 4), groups=groups, narrowing=4, stride=2)


def shufflenet_v1_50() -> nn.Sequential:
    """Return ShuffleNet v1-50 (g = 3): Appendix Table 2. Input and output as `shufflenet_v1`.

    Its units are half as wide inside: only so do the published multiply-adds come out
    (docs/networks.md). Its first stage keeps the 56×56 of the pooling.
    """
    return _network(64, 360, (3, 4, 6, 3), groups=3, narrowing=2, stride=1)
