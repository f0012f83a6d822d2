"""The proof that what a worker times is what its cell claims: outputs, operators, fused or not."""

from __future__ import annotations

import base64

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.export import formats, model_files
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.record.cells import NetworkChoice, Operators
from guideline_benchmarks.runners import proof
from guideline_benchmarks.runners.events import Executed
from guideline_benchmarks.runners.worker import arrays
from guideline_benchmarks.runners.worker.backends import onnxruntime_cpu
from guideline_benchmarks.runners.worker.backends.interface import Settings

TOLERANCE = 1e-4


class Doctored(nn.Module):
    """A bottleneck network with one of its parts left out."""

    def __init__(self, original, without):
        super().__init__()
        self.original, self.without = original, without

    def forward(self, x):
        for index, unit in enumerate(self.original):
            last = index == len(self.original) - 1
            y = unit.activation(unit.reduce(x))
            y = (
                unit.spatial(y)
                if last and self.without == "relu"
                else unit.activation(unit.spatial(y))
            )
            y = unit.expand(y)
            if not (last and self.without == "shortcut"):
                y = y + x
            x = y if last and self.without == "last relu" else unit.activation(y)
        return x


def load(module, network, tmp_path):
    """Load a module as ONNX Runtime would in a worker; return its output and operators."""
    x = formats.example_input(network.input_shape, 0)
    path = tmp_path / "model.onnx"
    path.write_bytes(formats.export_onnx(module, x))
    backend = onnxruntime_cpu.open_backend(Settings(1, "eager", "fp32"))
    y = arrays.aligned(x.shape)
    bound = arrays.aligned(x.shape)
    bound[...] = x.numpy()
    loaded = backend.load(str(path), {"x": bound}, {"y": y})
    loaded.run()
    return loaded.outputs()["y"], proof.executed_operators(Executed(**loaded.executed()))


@pytest.fixture(scope="module")
def claimed():
    guideline = GUIDELINES["g4"]
    return next(c for c in guideline.cells(NetworkChoice()) if c.name == "g4/relu+shortcut/x1")


@pytest.mark.parametrize("without", ["relu", "shortcut", "last relu"])
def test_a_network_with_a_part_left_out_fails_both_proofs(without, claimed, tmp_path):
    module = model_files.build(claimed.network, 0)
    with torch.inference_mode():
        expected = module(formats.example_input(claimed.network.input_shape, 0)).numpy()
    whole, operators = load(module, claimed.network, tmp_path)
    error = arrays.output_error(whole, expected)
    assert proof.failure(error, TOLERANCE, operators, claimed.operators) is None

    y, operators = load(Doctored(module, without).eval(), claimed.network, tmp_path)
    assert arrays.output_error(y, expected) > 100 * TOLERANCE
    assert "executes" in proof.failure(0.0, TOLERANCE, operators, claimed.operators)


def test_one_wrong_weight_in_a_thousand_is_seen(claimed, tmp_path):
    module = model_files.build(claimed.network, 0)
    with torch.inference_mode():
        expected = module(formats.example_input(claimed.network.input_shape, 0)).numpy()
        weights = module[5].spatial.weight
        weights.view(-1)[:1] += 0.1
    y, operators = load(module, claimed.network, tmp_path)
    assert operators == claimed.operators
    error = arrays.output_error(y, expected)
    assert "output differs" in proof.failure(error, TOLERANCE, operators, claimed.operators)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.ones((1, 2)), np.ones((2, 1))),
        (np.full((1, 2), np.nan), np.ones((1, 2))),
        (np.array([1.0, np.inf]), np.ones(2)),
    ],
)
def test_wrong_shapes_and_missing_outputs_are_wrong(y, expected):
    error = arrays.output_error(y, expected)
    assert error is None
    assert proof.failure(error, TOLERANCE, Operators(), Operators()) is not None


def test_fused_operators_are_counted():
    make = onnx.helper.make_node
    nodes = [
        make("Conv", ["x", "w"], ["a"]),
        make("Conv", ["a", "w", "", "x"], ["b"], domain="com.microsoft.nchwc", activation="Relu"),
        make("FusedConv", ["b", "w", "c", "a"], ["d"], activation="Relu"),
        make("Conv", ["d", "w", "c"], ["e"]),
        make("Sum", ["a", "b", "e"], ["f"]),
        make("Add", ["f", "a"], ["g"]),
        make("Relu", ["g"], ["h"]),
        make("ReorderOutput", ["h"], ["y"]),
    ]
    graph = onnx.helper.make_graph(nodes, "g", [], [])
    found = proof.count_operators(onnx.helper.make_model(graph))
    assert found == Operators(convolutions=4, adds=5, relus=3)
    graph = base64.b64encode(onnx.helper.make_model(graph).SerializeToString()).decode()
    assert proof.executed_operators(Executed(graph=graph)) == found
    for broken in ("???", base64.b64encode(b"\xff" * 9).decode()):
        with pytest.raises(PlatformError, match="cannot be read"):
            proof.executed_operators(Executed(graph=broken))
