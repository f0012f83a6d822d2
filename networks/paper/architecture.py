"""The architecture of a ShuffleNet v2 as Table 5 lists it, counted while the network runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch
from torch import Tensor, nn

from guideline_benchmarks.networks.cost import counted
from guideline_benchmarks.networks.layer_cost import Cost
from guideline_benchmarks.networks.whole.shufflenet_v2 import ShuffleNetV2Unit

_LISTED = (ShuffleNetV2Unit, nn.Conv2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.Linear)
# They have no stride to speak of.
_OF_ALL_POSITIONS = (nn.AdaptiveAvgPool2d, nn.Linear)
_Executed = tuple[nn.Module, tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Stage:
    """A line of Table 5: a layer, or units alike that follow one another.

    `size` is the height and width of the output, `channels` its channels; `repeat` is how many
    layers or units these are. `kernel` (height and width) and `stride` are None where there is no
    such thing. Multiply-adds are for one image.
    """

    layer: str
    size: int
    kernel: int | None
    stride: int | None
    repeat: int
    channels: int
    multiply_adds: int


@dataclass(frozen=True)
class Architecture:
    """The stages of a network, from its image on; multiply-adds of one image, and weights, of all.

    Weights include those of batch norms.
    """

    stages: tuple[Stage, ...]
    multiply_adds: int
    weights: int


def architecture(network: nn.Module, size: int = 224) -> Architecture:
    """Return that of a ShuffleNet v2 for an RGB image of size × size. Nothing is computed.

    Convolutions and stages are numbered together, as in Table 5; a unit that makes the image
    smaller begins a stage.
    """
    shadow = copy.deepcopy(network).to("meta").eval()
    executed: list[_Executed] = []

    def note(layer: nn.Module, args: tuple[Tensor, ...], y: Tensor) -> None:
        executed.append((layer, tuple(args[0].shape), tuple(y.shape)))

    for layer in _listed(shadow):
        layer.register_forward_hook(note)
    total = counted(shadow, lambda: shadow(torch.empty(1, 3, size, size, device="meta")))
    names = {part: name for name, part in shadow.named_modules()}
    layers = [
        replace(stage, multiply_adds=_inside(names[layer], total))
        for stage, (layer, _, _) in zip(_stages(executed), executed, strict=True)
    ]
    image = Stage("Image", size, None, None, 1, 3, 0)
    alike = groupby([image, *layers], key=lambda one: (one.layer, one.stride))
    joined = tuple(_joined(list(members)) for _, members in alike)
    return Architecture(joined, total.multiply_adds, total.weights)


def _listed(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the outermost submodules that the table lists."""
    for part in module.children():
        if isinstance(part, _LISTED):
            yield part
        else:
            yield from _listed(part)


def _inside(name: str, total: Cost) -> int:
    """Return the multiply-adds of a submodule."""
    return sum(one.multiply_adds for one in total.layers if f"{one.name}.".startswith(f"{name}."))


def _joined(alike: Sequence[Stage]) -> Stage:
    """Return stages of one layer each as one."""
    total = sum(one.multiply_adds for one in alike)
    return replace(alike[-1], repeat=len(alike), multiply_adds=total)


def _stages(executed: Sequence[_Executed]) -> Iterator[Stage]:
    """Yield a stage for each layer or unit, without its multiply-adds."""
    number = 0
    for layer, taken, given in executed:
        stride = None if isinstance(layer, _OF_ALL_POSITIONS) else taken[-1] // given[-1]
        begins = isinstance(layer, ShuffleNetV2Unit) and stride != 1
        number += begins or isinstance(layer, nn.Conv2d)
        name, kernel = _named(layer, taken[-1], number)
        size = given[-1] if len(given) == 4 else 1
        yield Stage(name, size, kernel, stride, 1, given[1], 0)


def _named(layer: nn.Module, size: int, number: int) -> tuple[str, int | None]:
    """Return the table's name of a layer that takes size × size, and its kernel."""
    match layer:
        case nn.Conv2d():
            return f"Conv{number}", layer.kernel_size[0]
        case ShuffleNetV2Unit():
            return f"Stage{number}", None
        case nn.MaxPool2d(kernel_size=int(kernel)):
            return "MaxPool", kernel
        case nn.AdaptiveAvgPool2d():
            return "GlobalPool", size
        case _:
            return "FC", None
