"""ResNet-50 (He et al., CVPR 2016), which Table 6 compares the large forms with."""

from __future__ import annotations

from torch import Tensor, nn

from guideline_benchmarks.networks.layers import classifier, conv_bn

EXPANSION = 4


class Bottleneck(nn.Module):
    """1×1 to `inner`, 3×3, 1×1 to 4·inner, and the shortcut (projected where the shape changes).

    The first 1×1 convolution takes the stride, as first published; the 3×3 would cost 4.1 G
    multiply-adds in all instead of 3.8 G. (batch, c1, h, w) → (batch, 4·inner, h/stride, ...).
    """

    def __init__(self, c1: int, inner: int, stride: int) -> None:
        super().__init__()
        c2 = EXPANSION * inner
        self.branch = nn.Sequential(
            conv_bn(c1, inner, stride=stride),
            conv_bn(inner, inner, 3),
            conv_bn(inner, c2, activation=None),
        )
        projection = conv_bn(c1, c2, stride=stride, activation=None)
        self.shortcut = nn.Identity() if c1 == c2 else projection
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, h, w) to (batch, 4·inner, h/stride, w/stride)."""
        result: Tensor = self.relu(self.branch(x) + self.shortcut(x))
        return result


def resnet_50() -> nn.Sequential:
    """Return ResNet-50. Input (batch, 3, 224, 224), output (batch, 1000)."""
    layers: list[nn.Module] = [conv_bn(3, 64, 7, stride=2), nn.MaxPool2d(3, 2, padding=1)]
    c = 64
    for index, units in enumerate((3, 4, 6, 3)):
        inner = 64 << index
        for unit in range(units):
            layers.append(Bottleneck(c, inner, stride=2 if index and not unit else 1))
            c = EXPANSION * inner
    return nn.Sequential(*layers, classifier(c))
