"""ShuffleNet v2 (Table 5), its variants and its large forms.

Variants: Appendix Fig. 2 (SE, residual) and Table 7 (v2*); large forms: Appendix Table 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from guideline_benchmarks.networks.layers import (
    ChannelShuffle,
    SqueezeExcitation,
    classifier,
    conv_bn,
    depthwise_bn,
)

# Channels of stage 2 and of the last convolution, by width (Table 5).
WIDTHS = {0.5: (48, 1024), 1.0: (116, 1024), 1.5: (176, 1024), 2.0: (244, 2048)}


class ShuffleNetV2Unit(nn.Module):
    """One unit of ShuffleNet v2 (Fig. 3c and 3d): c1 channels become c2, at 1/stride the size.

    With stride 1 and c1 = c2 half of the channels pass untouched. Otherwise the shortcut makes c1
    channels of the whole input and the branch makes the other c2 - c1, as in the code its authors
    published; only so do the published multiply-adds come out.

    `extra` puts a 3×3 depthwise convolution before the first 1×1 one (ShuffleNet v2*); `se` scales
    the channels that the branch makes; `residual` adds the branch's input to its output where
    nothing changes, before the last ReLU (Appendix Fig. 2).
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        stride: int,
        *,
        se: bool = False,
        residual: bool = False,
        extra: bool = False,
    ) -> None:
        super().__init__()
        self.splits = stride == 1 and c1 == c2
        self.residual = residual and self.splits
        c_in = c1 // 2 if self.splits else c1
        inner, made = c2 // 2, c2 - c_in
        before = [depthwise_bn(c_in)] if extra else []
        after = [SqueezeExcitation(made)] if se else []
        self.branch = nn.Sequential(
            *before,
            conv_bn(c_in, inner),
            depthwise_bn(inner, stride),
            conv_bn(inner, made, activation=None),
            *after,
        )
        self.relu = nn.ReLU()
        passing = nn.Sequential(depthwise_bn(c1, stride), conv_bn(c1, c1))
        self.shortcut = nn.Identity() if self.splits else passing
        self.shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, h, w) to (batch, c2, h/stride, w/stride)."""
        kept, changed = x.chunk(2, dim=1) if self.splits else (x, x)
        y = self.branch(changed)
        if self.residual:
            y = y + changed
        joined = torch.cat((self.shortcut(kept), self.relu(y)), dim=1)
        result: Tensor = self.shuffle(joined)
        return result


def _network(
    first: nn.Module,
    c1: int,
    channels: int,
    repeats: Sequence[int],
    last: int,
    *,
    stride: int,
    se: bool = False,
    residual: bool = False,
    extra: bool = False,
) -> nn.Sequential:
    """Return `first` (of c1 channels), pooling, stages of doubling `channels`, and classifier.

    `stride` is the first stage's, the others have 2; `last` is the width of the last convolution.
    """
    layers: list[nn.Module] = [first, nn.MaxPool2d(3, 2, padding=1)]
    for stage, units in enumerate(repeats):
        c2 = channels << stage
        for unit in range(units):
            step = 1 if unit else (2 if stage else stride)
            layers.append(ShuffleNetV2Unit(c1, c2, step, se=se, residual=residual, extra=extra))
            c1 = c2
    return nn.Sequential(*layers, conv_bn(c1, last), classifier(last))


def shufflenet_v2(
    width: float = 1.0, *, se: bool = False, residual: bool = False, extra: bool = False
) -> nn.Sequential:
    """Return ShuffleNet v2 0.5, 1, 1.5 or 2 times as wide, or one of its variants.

    Input (batch, 3, 224, 224), output (batch, 1000). See ShuffleNetV2Unit for the variants. Raises
    KeyError for other widths.
    """
    channels, last = WIDTHS[width]
    first = conv_bn(3, 24, 3, stride=2)
    variant = {"se": se, "residual": residual, "extra": extra}
    return _network(first, 24, channels, (4, 8, 4), last, stride=2, **variant)


def shufflenet_v2_50() -> nn.Sequential:
    """Return ShuffleNet v2-50: Appendix Table 2. Input and output as `shufflenet_v2`.

    Like the other large form, its first stage keeps the 56×56 of the pooling.
    """
    return _network(conv_bn(3, 64, 3, stride=2), 64, 244, (3, 4, 6, 3), 2048, stride=1)


def se_shufflenet_v2_164() -> nn.Sequential:
    """Return SE-ShuffleNet v2-164 (with residual): Appendix Table 2. Shapes as `shufflenet_v2`."""
    first = nn.Sequential(conv_bn(3, 64, 3, stride=2), conv_bn(64, 64, 3), conv_bn(64, 128, 3))
    repeats = (10, 10, 23, 10)
    return _network(first, 128, 340, repeats, 2048, stride=1, se=True, residual=True)
