"""Blocks of Appendix Fig. 1 and 2 are drawn as the modules are, and so that one can read them."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
import torch
from torch import nn

from guideline_benchmarks.guidelines.g3_fragmentation import ROWS
from guideline_benchmarks.networks.blocks import BottleneckUnit, FragmentedBlock
from guideline_benchmarks.networks.layers import conv_bn
from guideline_benchmarks.networks.paper.diagram import operators
from guideline_benchmarks.networks.whole.shufflenet_v2 import ShuffleNetV2Unit
from guideline_benchmarks.reports.paper.block_layout import BOX, block_layout
from guideline_benchmarks.reports.paper.blocks import block_diagrams

BLOCKS = {
    **{name: FragmentedBlock(4, *row) for name, row in ROWS.items()},
    "plain": ShuffleNetV2Unit(8, 8, 1),
    "residual": ShuffleNetV2Unit(8, 8, 1, residual=True),
    "SE": ShuffleNetV2Unit(8, 8, 1, se=True),
    "SE and residual": ShuffleNetV2Unit(8, 8, 1, se=True, residual=True),
    "v2*": ShuffleNetV2Unit(8, 8, 1, extra=True),
    "stride 2": ShuffleNetV2Unit(8, 16, 2),
    "bottleneck": BottleneckUnit(8, 4, relu=True, shortcut=True),
}
TRACED = {name: operators(block) for name, block in BLOCKS.items()}


def words(name):
    return [f"{one.label}, {one.then}".removesuffix(", ") for one in TRACED[name][1:]]


@pytest.mark.parametrize("name", ROWS)
def test_fragments_are_drawn_as_they_run(name):
    number, arrangement = ROWS[name]
    _, *drawn = TRACED[name]
    convolutions = [one for one in drawn if one.label == "1×1 Conv"]
    assert len(convolutions) == number
    if arrangement == "parallel":
        assert all(one.inputs == ((0, 0),) for one in convolutions)
        assert drawn[-1].label == "Add"
        assert drawn[-1].inputs == tuple((place, 0) for place in range(1, number + 1))
    else:
        assert [one.inputs for one in drawn] == [((place, 0),) for place in range(number)]


BRANCH = ["1×1 Conv, BN ReLU", "3×3 DWConv, BN"]
AFTER = ["Concat", "Channel Shuffle"]


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("plain", ["1×1 Conv, BN ReLU"]),
        ("residual", ["1×1 Conv, BN", "Add, ReLU"]),
        ("SE", ["1×1 Conv, BN", "SE, ReLU"]),
        ("SE and residual", ["1×1 Conv, BN", "SE", "Add, ReLU"]),
    ],
)
def test_variants_of_shufflenet_v2_differ_in_what_they_add(name, inside):
    assert words(name) == ["Channel Split", *BRANCH, *inside, *AFTER]
    split, concat = TRACED[name][1], TRACED[name][-2]
    assert split.inputs == ((0, 0),)
    # One half of the channels passes, the other one goes into the branch and is added to it.
    assert concat.inputs == ((1, 0), (len(TRACED[name]) - 3, 0))
    assert TRACED[name][2].inputs == ((1, 1),)
    assert all(one.inputs[1] == (1, 1) for one in TRACED[name] if one.label == "Add")


def test_strides_and_groups_are_told():
    assert words("stride 2").count("3×3 DWConv (stride 2), BN") == 2
    assert operators(conv_bn(4, 8, 1, groups=2))[1].label == "1×1 GConv"


def test_an_activation_is_beside_an_arrow_only_if_all_that_follows_sees_it():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(4, 4, 1), nn.ReLU()

        def forward(self, x):
            y = self.conv(x)
            return torch.cat((self.relu(y), y), dim=1)

    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            one, other = x.chunk(2, dim=1)
            return torch.cat((self.relu(one), other), dim=1)

    assert [one.label for one in operators(Twice())] == ["Input", "1×1 Conv", "ReLU", "Concat"]
    assert [one.label for one in operators(Half())] == ["Input", "Channel Split", "ReLU", "Concat"]
    assert [one.label for one in operators(nn.Sequential(nn.ReLU()))] == ["Input", "ReLU"]


def test_what_the_papers_blocks_do_not_have_is_not_drawn_as_something_else():
    class Other(nn.Module):
        def forward(self, x):
            return torch.matmul(x, x)

    with pytest.raises(KeyError):
        operators(Other())


def overlap(one, other):
    """Whether two areas (left, right, low, high) have more than a border in common."""
    small = 1e-9
    return all(
        max(one[end], other[end]) + small < min(one[end + 1], other[end + 1]) for end in (0, 2)
    )


def areas(layout):
    half = layout.width / 2
    return {
        place: (x - half, x + half, y - BOX / 2, y + BOX / 2)
        for place, (x, y) in layout.boxes.items()
    }


def segments(points):
    for (x1, y1), (x2, y2) in pairwise(points):
        assert x1 == x2 or y1 == y2
        yield min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)


def crossing(one, other):
    """Whether a level segment and an upright one cross, and not only meet."""
    level, upright = sorted((one, other), key=lambda segment: segment[1] - segment[0])[::-1]
    return level[0] < upright[0] < level[1] and upright[2] < level[2] < upright[3]


@pytest.mark.parametrize("name", BLOCKS)
def test_boxes_and_arrows_do_not_stand_in_each_others_way(name):
    layout = block_layout(TRACED[name])
    boxes = areas(layout)
    assert not any(overlap(a, b) for a, b in combinations(boxes.values(), 2))
    lines = [line for points in layout.arrows for line in segments(points)]
    for left, right, low, high in lines:
        thick = (left - 0.01, right + 0.01, low + 0.01, high - 0.01)
        flat = (left + 0.01, right - 0.01, low - 0.01, high + 0.01)
        assert not any(overlap(thick, box) and overlap(flat, box) for box in boxes.values())
    assert not any(crossing(a, b) for a, b in combinations(lines, 2))


@pytest.mark.parametrize("name", BLOCKS)
def test_every_input_has_an_arrow_that_leads_to_its_box(name):
    drawn = TRACED[name]
    layout = block_layout(drawn)
    targets = [place for place, one in enumerate(drawn) for _ in one.inputs]
    *arrows, leaving = layout.arrows
    assert len(arrows) == len(targets)
    boxes = areas(layout)
    for place, points in zip(targets, arrows, strict=True):
        (left, right, _, high), (x, y) = boxes[place], points[-1]
        from_above = left < x < right and y == pytest.approx(high)
        at_a_side = y == layout.boxes[place][1] and x in (left, right)
        assert from_above or at_a_side
    assert leaving[-1][1] == layout.bottom


def test_blocks_stand_side_by_side_with_their_titles():
    figure = block_diagrams({name: TRACED[name] for name in ("plain", "SE")})
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert {"(a) plain", "(b) SE", "Channel Split", "BN ReLU"} <= {*texts}
    assert texts.count("Channel Shuffle") == 2
