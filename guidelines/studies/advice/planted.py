"""A network with one fault against each guideline, planted on purpose; not from the paper.

Its sections stand side by side, each with an input and an output of its own, so that one can be
replaced with nothing else changed. With equal multiply-adds, each is there as a fault and as what
obeys; all else is ordinary convolutions that break no guideline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from guideline_benchmarks.results.advice.record import Guideline


@dataclass(frozen=True)
class Section:
    """A stack of layers for an input of so many channels, height and width."""

    channels: int
    size: int
    build: Callable[[], nn.Module]


@dataclass(frozen=True)
class Fault:
    """A section that breaks a guideline, and one of the same work that obeys it."""

    faulty: Section
    obeying: Section


class Shuffle(nn.Module):
    """A channel shuffle of two groups, written out."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x of (batch, channels, height, width) with its channels interleaved."""
        n, c, h, w = x.shape
        return x.reshape(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class Fragments(nn.Module):
    """Four 3×3 convolutions side by side, of a quarter of the channels each."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        parts = [nn.Conv2d(channels, channels // 4, 3, padding=1) for _ in range(4)]
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        """Return the parts' outputs one after the other, as many channels as x has."""
        return torch.cat([part(x) for part in self.parts], dim=1)


def convolutions(
    *widths: int, kernel: int = 1, groups: int = 1, after: Callable[[], nn.Module] | None = None
) -> nn.Module:
    """Return convolutions with ReLU from width to width; `after` each stands what that makes."""
    layers: list[nn.Module] = []
    for c1, c2 in pairwise(widths):
        layers += [nn.Conv2d(c1, c2, kernel, padding=kernel // 2, groups=groups), nn.ReLU()]
        layers += [after()] if after else []
    return nn.Sequential(*layers)


# A width that blocks of up to 32 suit, and one that none does.
SUITING, ODD = 64, 61
FAULTS: Mapping[Guideline, Fault] = {
    "G0": Fault(
        Section(SUITING, 28, lambda: convolutions(SUITING, ODD, SUITING, ODD, SUITING, kernel=3)),
        Section(SUITING, 28, lambda: convolutions(*[SUITING] * 5, kernel=3)),
    ),
    "G1": Fault(
        Section(16, 56, lambda: convolutions(*[16, 256] * 4, 16)),
        Section(64, 56, lambda: convolutions(*[64] * 9)),
    ),
    "G2": Fault(
        Section(128, 28, lambda: convolutions(*[128] * 5, kernel=3, groups=4)),
        Section(64, 28, lambda: convolutions(*[64] * 5, kernel=3)),
    ),
    "G3": Fault(
        Section(64, 14, lambda: nn.Sequential(Fragments(64), Fragments(64))),
        Section(64, 14, lambda: nn.Sequential(*[nn.Conv2d(64, 64, 3, padding=1) for _ in "12"])),
    ),
    "G4": Fault(
        Section(64, 56, lambda: convolutions(*[64] * 7, after=Shuffle)),
        Section(64, 56, lambda: convolutions(*[64] * 7)),
    ),
}
REST = Section(64, 28, lambda: convolutions(*[64] * 7, kernel=3))


class Planted(nn.Module):
    """The rest, and a section for each guideline: faulty where its name is among `faults`."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__()
        sections = sections_of(faults)
        self.sections = nn.ModuleDict({name: one.build() for name, one in sections.items()})

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return each section's output for its input."""
        return tuple(own(x) for own, x in zip(self.sections.values(), inputs, strict=True))


def sections_of(faults: tuple[str, ...]) -> dict[str, Section]:
    """Return the sections of a network by name."""
    sections: dict[str, Section] = {"rest": REST}
    for name, one in FAULTS.items():
        sections[name] = one.faulty if name in faults else one.obeying
    return sections


def shapes_of(faults: tuple[str, ...]) -> list[tuple[int, int, int, int]]:
    """Return the shapes of a network's inputs, in order."""
    return [(1, one.channels, one.size, one.size) for one in sections_of(faults).values()]
