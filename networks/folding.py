"""Batch norm merged into the convolution before it, as any runtime that optimises does."""

from __future__ import annotations

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """Return a copy of `module`, in evaluation mode, without the batch norms that can be folded.

    These are the ones that follow a convolution in an nn.Sequential. The paper measured with full
    optimisation ("tensor fusion"); torch's eager mode does none of it by itself.
    """
    folded = copy.deepcopy(module).eval()
    for part in folded.modules():
        if isinstance(part, nn.Sequential):
            _fold_neighbours(part)
    return folded


def _fold_neighbours(layers: nn.Sequential) -> None:
    for index in range(len(layers) - 2, -1, -1):
        conv, norm = layers[index], layers[index + 1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layers[index] = fuse_conv_bn_eval(conv, norm)
            del layers[index + 1]
