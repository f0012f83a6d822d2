"""Fig. 4 (b): channels followed through the real units are the paper's closed form, rounded up."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from guideline_benchmarks.networks.paper.feature_reuse import shared_channels
from guideline_benchmarks.networks.whole.shufflenet_v2 import ShuffleNetV2Unit
from guideline_benchmarks.reports.paper.feature_reuse import (
    closed_form,
    reuse_figure,
    reuse_section,
)


def units(c, number, **variant):
    return [ShuffleNetV2Unit(c, c, 1, **variant).eval() for _ in range(number)]


@pytest.fixture(scope="module")
def two_stages():
    """What the blocks of two stages share: two of 8 channels, and three of 12."""
    second = [ShuffleNetV2Unit(8, 12, 2).eval(), *units(12, 2)]
    return shared_channels([*units(8, 2), *second], 8)


@settings(max_examples=25)
@given(half=st.integers(1, 40), blocks=st.integers(1, 6))
def test_blocks_of_equal_width_share_what_the_closed_form_says(half, blocks):
    c = 2 * half
    shared = shared_channels(units(c, blocks), c)
    for source in range(blocks):
        for target in range(source, blocks):
            closed = closed_form(c, target - source)
            assert closed <= shared[source][target] < closed + 1
            assert shared[source][target] == math.ceil(closed)
        assert not any(shared[source][:source])


@pytest.mark.parametrize("variant", [{"se": True}, {"residual": True}, {"extra": True}])
def test_variants_of_the_unit_pass_on_as_many(variant):
    assert shared_channels(units(16, 4, **variant), 16) == shared_channels(units(16, 4), 16)


def test_followed_channels_are_those_whose_data_stay_the_same():
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(0)
        first, *others = blocks = units(20, 4)
        source = first(torch.randn(1, 20, 6, 6))
        target = nn.Sequential(*others)(source)
    same = sum(any(torch.equal(a, b) for b in source[0]) for a in target[0])
    assert same == shared_channels(blocks, 20)[0][3] == 3


def test_nothing_passes_from_one_stage_to_the_next(two_stages):
    assert two_stages == (
        (8, 4, 0, 0, 0),
        (0, 8, 0, 0, 0),
        (0, 0, 12, 6, 3),
        (0, 0, 0, 12, 6),
        (0, 0, 0, 0, 12),
    )


def test_following_leaves_units_as_they_were():
    unit, x = units(8, 1)[0], torch.ones(1, 8, 2, 2)
    with torch.inference_mode():
        before = unit(x)
        shared_channels([unit], 8)
        assert torch.equal(unit(x), before)


def test_the_figure_shows_the_longest_stage_its_closed_form_and_all_blocks(two_stages):
    figure = reuse_figure("a network", two_stages)
    followed, closed, everything = (panel.images[0].get_array() for panel in figure.axes[:3])
    # Pixels without a pair of a block and a later one are masked.
    assert followed.filled(-1).tolist() == [[-1, 50, 25], [-1, -1, 50], [-1, -1, -1]]
    assert np.array_equal(followed.filled(-1), closed.filled(-1))
    assert everything.shape == (5, 5)
    assert everything[0, 1] == 50
    assert everything[1, 2] == 0


def test_the_section_says_what_was_found(two_stages):
    section = reuse_section({"a network": two_stages})
    (table,) = section.tables
    assert table.rows == [["1", "50.0", "6"], ["2", "25.0", "3"]]
    assert [said.tone for said in section.verdicts] == ["good", "plain"]
    assert "no channel passes" in section.verdicts[1].text
    assert "trained DenseNet" in section.notes[0]


def test_the_section_hides_no_difference():
    section = reuse_section({"odd": ((8, 5, 2), (0, 8, 4), (0, 0, 8))})
    assert section.tables[0].rows[0][-1] == "5 (4)"
    assert section.verdicts[0].tone == "bad"
    section = reuse_section({"leaking": ((8, 4, 2), (0, 8, 1), (0, 0, 6))})
    assert "Some channels pass" in section.verdicts[1].text
