"""Cells of NASNet and PNASNet: how they are wired, and that a runtime computes what torch does."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from guideline_benchmarks.guidelines.export.formats import example_input, export_onnx
from guideline_benchmarks.networks.blocks import initialise
from guideline_benchmarks.networks.folding import fold_batch_norm
from guideline_benchmarks.networks.whole.cells import (
    Cell,
    CellDesign,
    CellNetwork,
    FactorisedReduction,
    average_pooling,
    identity,
    max_pooling,
)
from guideline_benchmarks.networks.whole.nasnet import NORMAL, REDUCTION, nasnet_a
from guideline_benchmarks.networks.whole.pnasnet import CELL, pnasnet_5
from guideline_benchmarks.networks.whole.senet import SENetUnit


@pytest.mark.parametrize("size", [4, 5])
def test_a_factorised_reduction_reads_even_and_odd_positions(size):
    reduction = FactorisedReduction(1, 3).eval()
    for convolution in (reduction.even[0], reduction.odd[0]):
        nn.init.ones_(convolution.weight)
    x = torch.arange(1.0, size * size + 1).reshape(1, 1, size, size)
    even, *odd = reduction(x)[0]
    # Batch norm divides by a little more than one.
    torch.testing.assert_close(even, x[0, 0, ::2, ::2], rtol=1e-4, atol=0)
    expected = torch.zeros(even.shape)
    expected[: size // 2, : size // 2] = x[0, 0, 1::2, 1::2]
    assert len(odd) == 2
    for found in odd:
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)


def test_pooling_leaves_its_padding_out():
    x = -torch.ones(1, 1, 5, 5)
    for operation in (average_pooling, max_pooling):
        for stride in (1, 2):
            assert (operation(1, 1, stride)(x) == -1).all()


def test_a_cell_adds_and_joins_what_its_design_says():
    blocks = ((identity, 0, identity, 1), (identity, 2, identity, 0), (identity, 3, identity, 3))
    cell = Cell(CellDesign(blocks, outputs=(1, 3, 4)), 1, 1, 1, stride=1, larger=False)
    cell.last = cell.earlier = nn.Identity()
    last, earlier = torch.ones(1, 1, 1, 1), torch.full((1, 1, 1, 1), 10.0)
    assert cell(earlier, last).flatten().tolist() == [10, 12, 24]


@pytest.mark.parametrize(
    ("build", "widths"),
    [
        (nasnet_a, [44, 88, *[264] * 4, 352, *[528] * 4, 704, *[1056] * 4]),
        (pnasnet_5, [65, 135, *[270] * 3, *[540] * 3, *[1080] * 3]),
    ],
)
def test_the_cells_are_as_wide_as_in_their_papers(build, widths):
    with torch.device("meta"):
        network = build()
    # What each cell makes is what the next one, and at last the classifier, takes.
    read = [cell.last[1][0].in_channels for cell in network.cells]
    assert [*read[1:], network.classifier[1][-1].in_features] == widths


@pytest.mark.parametrize(
    "build",
    [
        lambda: CellNetwork([(REDUCTION, 4, 2), (REDUCTION, 8, 2), (NORMAL, 8, 1)]),
        lambda: CellNetwork([(CELL, 3, 2), (CELL, 7, 2), (CELL, 8, 1)]),
        lambda: nn.Sequential(nn.Conv2d(3, 64, 1), SENetUnit(64, 128, 2)),
    ],
    ids=["NASNet", "PNASNet", "SENet"],
)
def test_a_runtime_computes_what_torch_does(build):
    """At an odd size, where the positions of a factorised reduction are not evenly divided."""
    module, x = initialise(build(), seed=3), example_input((1, 3, 47, 47), seed=3)
    folded = fold_batch_norm(module)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    (found,) = onnxruntime.InferenceSession(export_onnx(folded, x)).run(None, {"x": x.numpy()})
    with torch.inference_mode():
        expected = module(x).numpy()
    assert expected.std() > 0
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
