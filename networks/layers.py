"""What the whole networks share: convolution with batch norm, channel shuffle, SE, classifier."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

CLASSES = 1000


def conv_bn(
    c1: int,
    c2: int,
    kernel_size: int = 1,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: Callable[[], nn.Module] | None = nn.ReLU,
) -> nn.Sequential:
    """Return a convolution c1→c2 without bias, batch norm, and the activation unless it is None.

    Padded by half the kernel: (batch, c1, h, w) becomes (batch, c2, ⌈h/stride⌉, ⌈w/stride⌉).
    """
    conv = nn.Conv2d(c1, c2, kernel_size, stride, kernel_size // 2, groups=groups, bias=False)
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(c2)]
    return nn.Sequential(*layers, *([activation()] if activation else []))


def depthwise_bn(c: int, stride: int = 1) -> nn.Sequential:
    """Return a 3×3 depthwise convolution of c channels with batch norm and no activation."""
    return conv_bn(c, c, 3, stride=stride, groups=c, activation=None)


def separable(
    c1: int,
    c2: int,
    kernel_size: int = 3,
    *,
    stride: int = 1,
    activation: Callable[[], nn.Module] | None = nn.ReLU,
) -> nn.Sequential:
    """Return a depthwise convolution, a 1×1 convolution c1→c2, batch norm, and the activation.

    There is nothing between the two. (batch, c1, h, w) → (batch, c2, ⌈h/stride⌉, ⌈w/stride⌉).
    """
    depthwise = nn.Conv2d(c1, c1, kernel_size, stride, kernel_size // 2, groups=c1, bias=False)
    return nn.Sequential(depthwise, conv_bn(c1, c2, activation=activation))


class ChannelShuffle(nn.Module):
    """Deals the channels of `groups` groups out, one of each in turn (ShuffleNet v1, Fig. 1).

    Input and output: (batch, c, height, width), c a multiple of `groups`.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c, h, w) to the same shape."""
        batch, c, height, width = x.shape
        grouped = x.reshape(batch, self.groups, c // self.groups, height, width)
        return grouped.transpose(1, 2).reshape(batch, c, height, width)


class SqueezeExcitation(nn.Module):
    """Scales each channel by what two fully connected layers make of all channels' means.

    They have 1/`narrowing` of the channels between them. By default they do not narrow, as in the
    code that the ShuffleNet V2 authors published; the paper itself says nothing of it.
    Input and output: (batch, c, height, width).
    """

    def __init__(self, c: int, narrowing: int = 1) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.excite = nn.Sequential(
            nn.Conv2d(c, c // narrowing, kernel_size=1),
            nn.ReLU(),
            nn.Conv2d(c // narrowing, c, kernel_size=1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c, h, w) to the same shape."""
        result: Tensor = x * self.excite(self.squeeze(x))
        return result


class DenseUnit(nn.Module):
    """Puts what its layers make beside its input, as dense networks do.

    (batch, c, height, width) → (batch, c + made, height, width).
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.branch = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c, h, w) to (batch, c + made, h, w)."""
        return torch.cat((x, self.branch(x)), dim=1)


def classifier(c: int) -> nn.Sequential:
    """Return global average pooling and the fully connected layer: (batch, c, h, w) → classes."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, CLASSES))
