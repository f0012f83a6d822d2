"""Costs obey Eq. (1) and (2), and agree exactly with fvcore on all 102 networks."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from guideline_benchmarks.guidelines.export.model_files import build, example_input
from guideline_benchmarks.networks.cost import LayerCost, cost
from tests.program import slow_but_first
from tests.test_networks import all_cells

channels = st.integers(1, 512)
sizes = st.integers(1, 64)


def pointwise(c1, c2, groups, h, w, batch=1):
    return LayerCost(c1, c2, groups, 1, h * w, h * w, batch)


@given(channels, channels, sizes, sizes)
def test_equation_1(c1, c2, h, w):
    layer = pointwise(c1, c2, 1, h, w)
    multiply_adds = h * w * c1 * c2
    assert layer.multiply_adds == multiply_adds
    assert layer.memory_access_cost == h * w * (c1 + c2) + c1 * c2
    bound = 2 * math.sqrt(h * w * multiply_adds) + multiply_adds / (h * w)
    assert layer.memory_access_bound == pytest.approx(bound)
    assert layer.memory_access_cost >= layer.memory_access_bound * (1 - 1e-12)


@given(channels, sizes, sizes)
def test_equal_widths_reach_the_bound(c, h, w):
    layer = pointwise(c, c, 1, h, w)
    assert layer.memory_access_cost == pytest.approx(layer.memory_access_bound)


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 8), sizes, sizes)
def test_equation_2(k1, k2, groups, h, w):
    c1, c2 = k1 * groups, k2 * groups
    layer = pointwise(c1, c2, groups, h, w)
    multiply_adds = h * w * c1 * c2 // groups
    assert layer.multiply_adds == multiply_adds
    assert layer.memory_access_cost == h * w * (c1 + c2) + c1 * c2 // groups
    by_the_other_form = h * w * c1 + multiply_adds * groups / c1 + multiply_adds / (h * w)
    assert layer.memory_access_cost == pytest.approx(by_the_other_form)


@given(st.integers(1, 32), st.integers(1, 6), sizes)
def test_more_groups_at_fixed_multiply_adds_cost_more_memory(c, doubling, h):
    ungrouped = pointwise(c * 2**doubling, c * 2**doubling, 1, h, h)
    grouped = pointwise(c * 4**doubling, c * 4**doubling, 4**doubling, h, h)
    assert grouped.multiply_adds == ungrouped.multiply_adds
    assert grouped.memory_access_cost > ungrouped.memory_access_cost


@given(st.integers(1, 32), st.integers(1, 32), st.integers(1, 8), sizes)
def test_a_batch_shares_its_weights(c1, c2, batch, h):
    one, many = pointwise(c1, c2, 1, h, h), pointwise(c1, c2, 1, h, h, batch)
    assert many.multiply_adds == batch * one.multiply_adds
    assert many.memory_access_cost == batch * (one.memory_access_cost - c1 * c2) + c1 * c2
    assert many.memory_access_cost >= many.memory_access_bound * (1 - 1e-12)


@pytest.mark.parametrize(
    ("channels", "scales"), slow_but_first(("arm", (1,)), ("arm", (2, 4)), ("gpu", (1, 2, 4)))
)
def test_fvcore_counts_the_same(channels, scales):
    from fvcore.nn import FlopCountAnalysis, parameter_count

    for cell in (cell for cell in all_cells(channels) if cell.scale in scales):
        module = build(cell.network, seed=0)
        ours = cost(module, cell.network.input_shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            analysis = FlopCountAnalysis(module, example_input(cell.network.input_shape, 0))
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            assert ours.multiply_adds == analysis.total(), cell.name
        assert ours.weights == parameter_count(module)[""], cell.name


def test_strides_kernels_groups_and_linear_layers():
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )
    found = cost(module, (2, 3, 32, 32))
    first, depthwise, linear = found.layers
    assert first.multiply_adds == 2 * 16 * 16 * 9 * 3 * 8
    assert first.memory_access_cost == 2 * (32 * 32 * 3 + 16 * 16 * 8) + 9 * 3 * 8
    assert depthwise.multiply_adds == 2 * 16 * 16 * 9 * 8
    assert linear.multiply_adds == 2 * 8 * 10
    assert found.weights == sum(p.numel() for p in module.parameters())
    assert found.memory_access_bytes == 4 * found.memory_access_cost


def test_functional_convolutions_are_counted_too():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4, 2, 1, 1))

        def forward(self, x):
            return torch.nn.functional.conv2d(x, self.weight)

    assert cost(Functional(), (1, 2, 3, 3)).multiply_adds == 9 * 2 * 4


def test_counting_changes_nothing_in_the_module():
    module = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)).train()
    cost(module, (1, 2, 4, 4))
    assert module.training
    assert next(module.parameters()).device.type == "cpu"


def test_a_cost_is_the_same_in_inference_mode():
    module = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(4, 5))
    with torch.inference_mode():
        found = cost(module, (1, 2, 3, 3))
    assert found == cost(module, (1, 2, 3, 3))
    assert len(found.layers) == 2
