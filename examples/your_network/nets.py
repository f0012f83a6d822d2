"""Five kinds of networks, small and with random weights, of which times do not depend."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def conv(c1: int, c2: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Return a convolution, a batch norm and a SiLU."""
    layer = nn.Conv2d(c1, c2, size, stride, size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(c2), nn.SiLU())


class Detector(nn.Module):
    """A one-stage detector: boxes and classes at strides 8, 16 and 32, from a feature pyramid."""

    def __init__(self, width: int = 32, classes: int = 80) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(conv(3, w, 3, 2), conv(w, 2 * w, 3, 2), conv(2 * w, 2 * w))
        self.stages = nn.ModuleList(
            [conv(2 * w, 4 * w, 3, 2), conv(4 * w, 8 * w, 3, 2), conv(8 * w, 16 * w, 3, 2)]
        )
        self.lateral = nn.ModuleList(
            [conv(4 * w, 4 * w, 1), conv(8 * w, 4 * w, 1), conv(16 * w, 4 * w, 1)]
        )
        self.smooth = nn.ModuleList([conv(4 * w, 4 * w) for _ in range(3)])
        self.head = nn.Conv2d(4 * w, 4 + 1 + classes, 1)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return maps of (batch, 4 + 1 + classes, height, width), by their strides."""
        x, features = self.stem(image), []
        for stage, lateral in zip(self.stages, self.lateral, strict=True):
            x = stage(x)
            features.append(lateral(x))
        for finer, coarser in ((1, 2), (0, 1)):
            features[finer] = features[finer] + F.interpolate(features[coarser], scale_factor=2)
        maps = [self.head(smooth(x)) for smooth, x in zip(self.smooth, features, strict=True)]
        return {f"stride_{8 << place}": found for place, found in enumerate(maps)}


def detector() -> nn.Module:
    """Return a detector for images whose sides are multiples of 32."""
    return Detector()


class Segmentation(nn.Module):
    """A U-Net of three levels for images of any size, odd ones too; returns a class a pixel."""

    def __init__(self, width: int = 16, classes: int = 19) -> None:
        super().__init__()
        w = width
        self.down = nn.ModuleList([conv(3, w), conv(w, 2 * w, 3, 2), conv(2 * w, 4 * w, 3, 2)])
        self.up = nn.ModuleList([conv(6 * w, 2 * w), conv(3 * w, w)])
        self.classes = nn.Conv2d(w, classes, 1)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scores of (batch, classes, height, width), and the best class of each pixel."""
        skipped = []
        x = image
        for down in self.down:
            x = down(x)
            skipped.append(x)
        for up, skip in zip(self.up, skipped[-2::-1], strict=True):
            x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = up(torch.cat([x, skip], 1))
        scores = self.classes(x)
        return scores, scores.argmax(1)


def segmentation() -> nn.Module:
    """Return a segmentation network."""
    return Segmentation()


class TextEncoder(nn.Module):
    """A BERT of four layers: tokens and their mask to one vector a sentence."""

    def __init__(self, tokens: int = 30522, width: int = 256, longest: int = 512) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(tokens, width), nn.Embedding(longest, width)
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, activation="gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return (batch, width) of ids and mask (batch, tokens), whole numbers and truth values."""
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        x = self.layers(x, src_key_padding_mask=~mask)
        kept = mask[..., None].to(x.dtype)
        return (x * kept).sum(1) / kept.sum(1).clamp(min=1)


def text_encoder() -> nn.Module:
    """Return a text encoder."""
    return TextEncoder()


class Residual(nn.Module):
    """A network whose number of steps is decided in Python, which scripting writes down."""

    def __init__(self, width: int = 32, steps: int = 4) -> None:
        super().__init__()
        self.stem = conv(3, width, 3, 2)
        self.steps = nn.ModuleList([conv(width, width) for _ in range(steps)])
        self.classes = nn.Linear(width, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (batch, 10)."""
        x = self.stem(image)
        for step in self.steps:
            x = x + step(x)
        return self.classes(x.mean((2, 3)))


def scripted() -> nn.Module:
    """Return a network as TorchScript."""
    return torch.jit.script(Residual().eval())
