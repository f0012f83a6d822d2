"""Which channels of a block later blocks pass on untouched (Fig. 4b), by following them.

Channels are marked, not counted by formula: they go through split, concatenation and shuffle of the
real blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import count

import torch
from torch import Tensor, nn


def shared_channels(blocks: Sequence[nn.Module], c: int) -> tuple[tuple[int, ...], ...]:
    """Return, for block s and block l, how many channels both of their outputs have in common.

    The first index is s. A block shares all its channels with itself, and none with an earlier one.
    `blocks` follow one another, are in evaluation mode, and the first takes c channels. Raises
    whatever torch raises for blocks that do not fit.
    """
    hooks = [
        layer.register_forward_hook(_make_new)
        for block in blocks
        for layer in block.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    try:
        outputs = _followed(blocks, c)
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(
        (*[0] * place, *(len(source & target) for target in outputs[place:]))
        for place, source in enumerate(outputs)
    )


def _followed(blocks: Sequence[nn.Module], c: int) -> list[set[float]]:
    """Return the marks of each block's output channels.

    Marks are whole numbers, carried as the data themselves; new channels get new ones.
    """
    marks = map(float, count())
    channels = [next(marks) for _ in range(c)]
    outputs = []
    with torch.inference_mode():
        for block in blocks:
            y = block(torch.tensor(channels).reshape(1, -1, 1, 1))
            channels = [next(marks) if math.isnan(one) else one for one in y.flatten().tolist()]
            outputs.append(set(channels))
    return outputs


def _make_new(_: nn.Module, __: object, y: Tensor) -> Tensor:
    """Return what stands for newly made channels: no later operator makes a mark of NaN."""
    return torch.full_like(y, math.nan)
