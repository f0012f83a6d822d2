"""The units that further whole networks are made of do what their papers say of them."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from guideline_benchmarks.guidelines.export.exporter.formats import export_onnx
from guideline_benchmarks.guidelines.export.formats import example_input
from guideline_benchmarks.networks.blocks import initialise
from guideline_benchmarks.networks.folding import fold_batch_norm
from guideline_benchmarks.networks.whole.condensenet import Selection, condensenet_unit
from guideline_benchmarks.networks.whole.densenet import densenet_unit
from guideline_benchmarks.networks.whole.igcv2 import igcv2_unit
from guideline_benchmarks.networks.whole.igcv3 import IGCV3Unit, scaled
from guideline_benchmarks.networks.whole.xception import XceptionUnit

C = 16
UNITS = {
    "DenseNet": lambda: densenet_unit(C, 8),
    "Xception": lambda: XceptionUnit(C, C, 1),
    "Xception, halving": lambda: XceptionUnit(C, 2 * C, 2),
    "IGCV2": lambda: igcv2_unit(C, 2 * C, 2),
    "IGCV3-D": lambda: IGCV3Unit(C, C, 1, 6),
    "CondenseNet": lambda: condensenet_unit(C, 8, 4),
}


@pytest.mark.parametrize("name", UNITS)
def test_onnx_runtime_computes_a_unit_as_torch_does(name):
    unit = initialise(UNITS[name](), seed=3)
    x = example_input((1, C, 9, 9), 3)
    with torch.inference_mode():
        expected = unit(x).numpy()
    session = onnxruntime.InferenceSession(export_onnx(fold_batch_norm(unit), (x,)))
    (found,) = session.run(None, {"x": x.numpy()})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_dense_units_keep_their_input_before_what_they_make():
    for name in ("DenseNet", "CondenseNet"):
        unit = initialise(UNITS[name](), seed=3)
        x = torch.randn(2, C, 5, 5)
        with torch.inference_mode():
            y = unit(x)
        assert y.shape == (2, C + 8, 5, 5)
        assert torch.equal(y[:, :C], x)


def with_weights_of_one(module):
    """A module whose convolutions sum all that they read, without activations."""
    for parent in list(module.modules()):
        for name, part in parent.named_children():
            if isinstance(part, nn.ReLU | nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
            elif isinstance(part, nn.Conv2d):
                nn.init.ones_(part.weight)
    return module


def test_a_unit_of_xception_looks_at_seven_by_seven_positions():
    unit = with_weights_of_one(XceptionUnit(4, 4, 1))
    x = torch.zeros(1, 4, 15, 15, requires_grad=True)
    unit(x)[0, 0, 7, 7].backward()
    seen = x.grad[0].sum(0).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [7, 7]


@pytest.mark.parametrize(("c1", "c2"), [(16, 16), (16, 32), (64, 128)])
def test_equally_many_paths_lead_from_each_channel_to_each_in_igcv2(c1, c2):
    unit = with_weights_of_one(igcv2_unit(c1, c2, 1))
    for channel in range(c1):
        x = torch.zeros(1, c1, 1, 1)
        x[0, channel] = 1
        assert unit(x).flatten().tolist() == [c1 / 16] * c2


def test_every_channel_of_igcv3_reads_every_one():
    unit = with_weights_of_one(IGCV3Unit(8, 12, 1, 6))
    for channel in range(8):
        x = torch.zeros(1, 8, 1, 1)
        x[0, channel] = 1
        assert (unit.branch(x) > 0).all()


def test_widths_of_igcv3_are_even():
    assert [scaled(c, 0.7) for c in (32, 64, 96, 160)] == [22, 46, 68, 112]


def test_an_index_layer_takes_no_channel_twice_and_always_the_same():
    x = torch.arange(24.0).reshape(1, 24, 1, 1)
    one, two = (Selection(24, 12)(x).flatten() for _ in range(2))
    assert torch.equal(one, two)
    assert len(set(one.tolist())) == 12
    everything = Selection(24, 24)(x).flatten()
    assert everything.tolist() != x.flatten().tolist()
    assert everything.sort().values.tolist() == x.flatten().tolist()
