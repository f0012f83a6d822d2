"""A network of one's own: any callable without arguments that returns a torch module."""

from __future__ import annotations

from torch import nn


def small() -> nn.Module:
    """Return a network of three convolutions; input: (batch, 3, height, width)."""
    return nn.Sequential(
        nn.Conv2d(3, 16, kernel_size=3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, kernel_size=3, padding=1, groups=16),
        nn.Conv2d(16, 32, kernel_size=1),
        nn.ReLU(),
    )
