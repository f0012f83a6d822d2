"""SENet-154 (Hu et al., CVPR 2018), the SENet that Table 6 compares the large forms with."""

from __future__ import annotations

from torch import Tensor, nn

from guideline_benchmarks.networks.layers import SqueezeExcitation, classifier, conv_bn

GROUPS = 64
NARROWING = 16


class SENetUnit(nn.Module):
    """1×1 to c2/2, 3×3 to c2 in 64 groups, 1×1, SE, and the shortcut (3×3 where the size changes).

    As wide as in ResNeXt-152 64×4d, but for the first 1×1 convolution, which has half of its
    channels. The 3×3 convolution takes the stride. (batch, c1, h, w) → (batch, c2, h/stride, ...).
    """

    def __init__(self, c1: int, c2: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            conv_bn(c1, c2 // 2),
            conv_bn(c2 // 2, c2, 3, stride=stride, groups=GROUPS),
            conv_bn(c2, c2, activation=None),
            SqueezeExcitation(c2, NARROWING),
        )
        projection = conv_bn(c1, c2, 3 if stride > 1 else 1, stride=stride, activation=None)
        self.shortcut = nn.Identity() if c1 == c2 else projection
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, h, w) to (batch, c2, h/stride, w/stride)."""
        result: Tensor = self.relu(self.branch(x) + self.shortcut(x))
        return result


def senet_154() -> nn.Sequential:
    """Return SENet-154. Input (batch, 3, 224, 224), output (batch, 1000)."""
    first = (conv_bn(3, 64, 3, stride=2), conv_bn(64, 64, 3), conv_bn(64, 128, 3))
    layers: list[nn.Module] = [*first, nn.MaxPool2d(3, 2, padding=1)]
    c1 = 128
    for index, units in enumerate((3, 8, 36, 3)):
        c2 = 256 << index
        for unit in range(units):
            layers.append(SENetUnit(c1, c2, stride=2 if index and not unit else 1))
            c1 = c2
    return nn.Sequential(*layers, classifier(c1))
