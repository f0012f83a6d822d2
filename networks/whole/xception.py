"""The small Xception that the paper compares with: separable convolutions in ResNet's bottlenecks.

Xception itself (Chollet, CVPR 2017) is far larger. Light-Head R-CNN (Li et al., 2017), by authors
of the paper, describes the small one, and the paper says that its unit looks at 7×7 positions: that
is three 3×3 convolutions. Widths are those of which the published multiply-adds come out
(docs/networks.md).
"""

from __future__ import annotations

from torch import Tensor, nn

from guideline_benchmarks.networks.layers import classifier, conv_bn, separable

# Channels of the first convolution and of stage 2, by width.
WIDTHS = {0.5: (8, 64), 1.0: (24, 128), 1.5: (24, 192), 2.0: (24, 256)}
NARROWING = 4
REPEATS = (4, 8, 4)


class XceptionUnit(nn.Module):
    """Three separable convolutions, c1 → c2/4 → c2/4 → c2, added to the input.

    The first takes the stride; where the shape changes, a 1×1 convolution brings the input to it.
    (batch, c1, h, w) → (batch, c2, h/stride, w/stride).
    """

    def __init__(self, c1: int, c2: int, stride: int) -> None:
        super().__init__()
        inner = c2 // NARROWING
        self.branch = nn.Sequential(
            separable(c1, inner, stride=stride),
            separable(inner, inner),
            separable(inner, c2, activation=None),
        )
        projection = conv_bn(c1, c2, stride=stride, activation=None)
        self.shortcut = nn.Identity() if stride == 1 and c1 == c2 else projection
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, h, w) to (batch, c2, h/stride, w/stride)."""
        result: Tensor = self.relu(self.branch(x) + self.shortcut(x))
        return result


def xception(width: float = 1.0) -> nn.Sequential:
    """Return the small Xception 0.5, 1, 1.5 or 2 times as wide.

    Input (batch, 3, 224, 224), output (batch, 1000). Raises KeyError for other widths.
    """
    c, channels = WIDTHS[width]
    layers: list[nn.Module] = [conv_bn(3, c, 3, stride=2), nn.MaxPool2d(3, 2, padding=1)]
    for stage, units in enumerate(REPEATS):
        c2 = channels << stage
        for unit in range(units):
            layers.append(XceptionUnit(c, c2, stride=1 if unit else 2))
            c = c2
    return nn.Sequential(*layers, classifier(c))
