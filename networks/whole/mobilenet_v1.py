"""MobileNet v1 (Howard et al., 2017): depthwise and pointwise convolutions in turn."""

from __future__ import annotations

from torch import nn

from guideline_benchmarks.networks.layers import classifier, conv_bn

# Output channels at width 1, and stride, of the 13 depthwise separable convolutions.
LAYERS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


def mobilenet_v1(width: float = 1.0) -> nn.Sequential:
    """Return MobileNet v1 with every number of channels multiplied by `width` (rounded down).

    Input (batch, 3, 224, 224), output (batch, 1000). Raises ValueError for a width at which a layer
    would have no channel.
    """
    c = int(32 * width)
    if c < 1:
        raise ValueError(f"MobileNet v1 has no channels left at width {width}")
    layers: list[nn.Module] = [conv_bn(3, c, 3, stride=2)]
    for channels, stride in LAYERS:
        c2 = int(channels * width)
        layers += [conv_bn(c, c, 3, stride=stride, groups=c), conv_bn(c, c2)]
        c = c2
    return nn.Sequential(*layers, classifier(c))
