"""Networks that take and return all kinds of things."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm


@dataclass
class Boxes:
    boxes: torch.Tensor
    scores: torch.Tensor | None = None


class Pair(NamedTuple):
    a: torch.Tensor
    b: torch.Tensor


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, image, mask=None, scale: torch.Tensor | None = None):
        y = self.layer(image)
        if mask is not None:
            y = y * mask
        if scale is not None:
            y = y * scale
        return {"features": y, "pooled": [y.mean((2, 3)), (y.amax((2, 3)), None)], "n": 3}


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, padding=1)
        self.grid = None

    def forward(self, x):
        y = self.layer(x)
        if self.grid is None:
            self.grid = torch.arange(y.numel(), dtype=y.dtype).reshape(y.shape)
        return Boxes(y + self.grid, y.mean())


class Structured(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images, pair: Pair, extras):
        return sum(self.layer(i) for i in images) + pair.a * pair.b + extras["bias"]


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    def forward(self, ids):
        return self.layer(self.embedding(ids))


class Same(nn.Module):
    def forward(self, y):
        return y + 1


class Best(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        return self.layer(x).argmax(1)


class Logarithm(nn.Module):
    def forward(self, x):
        return x.log()


class Sum(nn.Module):
    def forward(self, a, b):
        return a + b


def small():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())


def half():
    return small().half()


def bfloat():
    return small().bfloat16()


def double():
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU()).double()


def lazy():
    return nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(4))


def scripted():
    return torch.jit.script(small())


def traced():
    return torch.jit.trace(small().eval(), torch.zeros(1, 3, 8, 8))


def scripted_in_part():
    return nn.Sequential(torch.jit.script(nn.Conv2d(3, 8, 3)), nn.ReLU())


def weight_normed():
    return nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 8, 3)), nn.ReLU())


def spectral_normed():
    return nn.Sequential(parametrizations.spectral_norm(nn.Conv2d(3, 8, 3)), nn.ReLU())


def normed_as_before():
    return nn.Sequential(weight_norm(nn.Conv2d(3, 8, 3)), spectral_norm(nn.Conv2d(8, 8, 3)))


def recurrent():
    return nn.LSTM(8, 16, batch_first=True)


def local():
    class Local(nn.Module):
        def forward(self, x):
            return x + 1

    return Local()
