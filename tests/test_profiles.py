"""Profiles of real executions, and how their operators are matched and proved."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from guideline_benchmarks.guidelines.export import formats
from guideline_benchmarks.networks.blocks import initialise
from guideline_benchmarks.networks.layers import ChannelShuffle, conv_bn, depthwise_bn
from guideline_benchmarks.results.decomposition.operators import parts
from guideline_benchmarks.results.record.backends import BACKENDS
from guideline_benchmarks.results.record.cells import Operators
from guideline_benchmarks.results.record.parts import OperatorCall
from guideline_benchmarks.runners import proof
from guideline_benchmarks.runners.worker import main as worker_main
from guideline_benchmarks.runners.worker.backends import interface
from tests import runtimes

TOLERANCE = 1e-4


@pytest.fixture
def opened():
    """Open a backend in this process; torch's inference mode ends with the test."""
    kept = []

    def open_backend(name):
        settings = interface.Settings(1, "eager", "fp32")
        kept.append(interface.open_backend(BACKENDS[name].module, [], settings))
        return kept[-1]

    yield open_backend
    for backend in kept:
        if hasattr(backend, "inference"):
            backend.inference.__exit__(None, None, None)


class Shuffling(nn.Module):
    """Two branches, a depthwise convolution, a shuffle, an addition: something of each category."""

    def __init__(self):
        super().__init__()
        self.one = conv_bn(8, 8, 3)
        self.other = conv_bn(8, 8, 1)
        self.deep = depthwise_bn(16)
        self.shuffle = ChannelShuffle(4)

    def forward(self, x):
        y = self.shuffle(torch.cat((self.one(x), self.other(x)), dim=1))
        return torch.relu(self.deep(y) + y).mean((2, 3))


@pytest.mark.parametrize("backend", runtimes.on_the_cpu(profiled=True))
def test_a_profile_shows_each_operator_in_its_category(backend, opened, tmp_path):
    module = initialise(Shuffling(), 0)
    x = formats.example_input((1, 8, 32, 32), 0)
    path = tmp_path / "model"
    path.write_bytes(formats.EXPORTERS[BACKENDS[backend].model_format](module, x))
    loaded = opened(backend).load(
        str(path), {"x": x.numpy().copy()}, {"y": np.zeros((1, 16), np.float32)}
    )
    loaded.run()
    expected = loaded.outputs()["y"].copy()
    profiles = [loaded.profile() for _ in range(4)]
    assert np.array_equal(loaded.outputs()["y"], expected)
    calls = profiles[0].calls
    kinds = parts([OperatorCall(**call) for call in calls])
    assert {kind.category.value for kind in kinds} >= {"Conv", "Shuffle", "Data", "Other"}
    labels = [kind.label for kind in kinds]
    assert labels.count("3×3 depthwise convolution") == 1
    assert labels.count("3×3 convolution") == labels.count("1×1 convolution") == 1
    for profile in profiles:
        times = worker_main.in_order(calls, profile)
        assert len(times) == len(calls)
        assert 0 < sum(times) <= profile.ns


def test_parallel_branches_may_be_visited_in_another_order():
    one, other = ({"operator": name, "name": "", "inputs": []} for name in ("Conv", "Relu"))
    found = interface.Profile(ns=9, calls=[other, one, one], operators_ns=[3, 1, 2])
    assert worker_main.in_order([one, one, other], found) == [1, 2, 3]
    for calls in ([one, other], [one, other, other], [one, one, other, other]):
        with pytest.raises(RuntimeError, match="other operators"):
            worker_main.in_order(calls, found)


def test_an_unknown_operator_fails_the_proof():
    known = OperatorCall(operator="Relu", name="", inputs=[], outputs=[])
    unknown = OperatorCall(operator="Det", name="the_det", inputs=[], outputs=[])
    assert proof.uncategorised([known]) is None
    assert "Det (the_det)" in proof.uncategorised([known, unknown])
    assert "no operator" in proof.uncategorised([])


def test_without_a_claim_the_output_alone_is_proved():
    assert proof.failure(1e-6, TOLERANCE, Operators(convolutions=3), None) is None
    assert "differs" in proof.failure(1e-3, TOLERANCE, Operators(), None)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
def test_kernels_count_as_the_operators_that_launched_them(opened, tmp_path):
    path = tmp_path / "model"
    x = formats.example_input((1, 8, 32, 32), 0)
    path.write_bytes(formats.export_torch(initialise(Shuffling(), 0), x))
    y = np.zeros((1, 16), np.float32)
    loaded = opened("torch-cuda").load(str(path), {"x": x.numpy()}, {"y": y})
    profile = loaded.profile()
    kernels = dict(
        zip((call["operator"] for call in profile.calls), profile.operators_ns, strict=True)
    )
    assert kernels["aten::conv2d"] > 0
    assert kernels["aten::transpose"] == 0
    assert sum(profile.operators_ns) < profile.ns
