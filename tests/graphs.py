"""Small networks as simplified graphs, for tests of what is found in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
import torch
from torch import nn

from guideline_benchmarks.guidelines.advice.graph import Graph, graph_of, simplified
from guideline_benchmarks.guidelines.export.exporter.formats import export_onnx


def graph_from(module: nn.Module, *shapes: Sequence[int], outputs: int = 1) -> Graph:
    """The graph of a module for inputs x0, x1, …; its outputs are y0, y1, …"""
    torch.manual_seed(0)
    inputs = {f"x{number}": tuple(shape) for number, shape in enumerate(shapes)}
    made = tuple(f"y{number}" for number in range(outputs))
    given = tuple(torch.zeros(shape) for shape in inputs.values())
    content = export_onnx(module.eval(), given, tuple(inputs), made)
    return graph_of(simplified(content, inputs, "a network"))


def outputs_of(model, seed=0, level="ORT_DISABLE_ALL"):
    """What a model computes of the same random numbers, output by output."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    random = np.random.RandomState(seed)
    given = {
        node.name: random.standard_normal(node.shape).astype(np.float32)
        for node in session.get_inputs()
    }
    return session.run(None, given)


def convolution(c1, c2, kernel=1, groups=1, stride=1, relu=True):
    """A convolution that keeps the size, with ReLU."""
    layers = [nn.Conv2d(c1, c2, kernel, stride, kernel // 2, groups=groups)]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


class Residual(nn.Module):
    """x + branch(x), or shortcut(x) + branch(x)."""

    def __init__(self, branch, shortcut=None):
        super().__init__()
        self.branch, self.shortcut = branch, shortcut or nn.Identity()

    def forward(self, x):
        return self.shortcut(x) + self.branch(x)


class Concat(nn.Module):
    """Branches side by side."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Gate(nn.Module):
    """Squeeze and excite."""

    def __init__(self, channels):
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, channels, 1)
        )

    def forward(self, x):
        return x * torch.sigmoid(self.weigh(x))


class Split(nn.Module):
    """ShuffleNet v2's: half of the channels through a branch, then a shuffle."""

    def __init__(self, branch):
        super().__init__()
        self.branch = branch

    def forward(self, x):
        left, right = x.split(x.shape[1] // 2, dim=1)
        joined = torch.cat([left, self.branch(right)], dim=1)
        n, c, h, w = joined.shape
        return joined.reshape(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
