"""The networks are the paper's: 51 a channel set, with the operators that each cell claims."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.export.model_files import build, example_input
from guideline_benchmarks.guidelines.g2_group_count import divisible_width
from guideline_benchmarks.networks.blocks import (
    FragmentedBlock,
    GroupConvolution,
    initialise,
    stack,
)
from guideline_benchmarks.results.paper import read_csv
from guideline_benchmarks.results.record.cells import NetworkChoice

SETS = ("gpu", "arm")


def all_cells(channels, **choice):
    chosen = NetworkChoice(channels=channels, **choice)
    return [cell for guideline in GUIDELINES.values() for cell in guideline.cells(chosen)]


@pytest.mark.parametrize("channels", SETS)
def test_a_set_has_51_networks(channels):
    cells = all_cells(channels)
    assert Counter(cell.experiment for cell in cells) == {"g1": 12, "g2": 12, "g3": 15, "g4": 12}
    assert len({cell.name for cell in cells}) == 51


@pytest.mark.parametrize("channels", SETS)
def test_channels_are_the_published_ones_but_for_the_impossible_one(channels):
    for name, table in (("g1", "table1_g1_channel_ratio"), ("g2", "table2_g2_group_count")):
        published = [row for row in read_csv(table) if row["platform"] == channels]
        for cell, entry in zip(
            GUIDELINES[name].cells(NetworkChoice(channels=channels)), published, strict=True
        ):
            for axis in set(entry) & {"c1", "c2", "c", "groups"}:
                if (channels, name, cell.row, cell.scale, axis) == ("arm", "g2", "g=8", 1, "c"):
                    assert (entry["c"], cell.axes["c"]) == ("180", 184)
                    assert "the paper prints c = 180" in cell.note
                else:
                    assert str(cell.axes[axis]) == entry[axis]
            assert cell.published.speed == float(entry["speed"])


@pytest.mark.parametrize("channels", SETS)
def test_built_networks_execute_what_their_cells_claim(channels):
    for cell in all_cells(channels):
        with torch.device("meta"):
            module = build_on_meta(cell.network)
        convolutions = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
        assert len(convolutions) == cell.operators.convolutions, cell.name
        assert all(conv.bias is None for conv in convolutions)
        assert module(torch.empty(cell.network.input_shape, device="meta")).shape == (
            cell.network.input_shape
        )


def build_on_meta(network):
    from guideline_benchmarks.networks import blocks

    return stack(lambda: getattr(blocks, network.block)(**network.arguments), network.times)


def test_every_input_is_one_image_of_56():
    assert {cell.network.input_shape[2:] for cell in all_cells("arm")} == {(56, 56)}


def test_both_readings_of_table_4_can_be_had():
    (wide,) = {
        (cell.network.arguments["inner"], cell.network.size)
        for cell in all_cells("arm", g4_unit="equal-width")
        if cell.experiment == "g4" and cell.axes["c"] == 64
    }
    (narrow,) = {
        (cell.network.arguments["inner"], cell.network.size)
        for cell in all_cells("arm")
        if cell.experiment == "g4" and cell.axes["c"] == 64
    }
    assert wide == (64, 28)
    assert narrow == (16, 56)


def test_parallel_fragments_read_the_same_input_and_are_added():
    block = FragmentedBlock(8, 4, "parallel")
    x = torch.randn(1, 8, 5, 5)
    torch.testing.assert_close(block(x), sum(fragment(x) for fragment in block.fragments))


def test_serial_fragments_follow_one_another():
    block = FragmentedBlock(8, 2, "series")
    x = torch.randn(1, 8, 5, 5)
    torch.testing.assert_close(block(x), block.fragments[1](block.fragments[0](x)))


def test_an_unknown_arrangement_is_refused():
    with pytest.raises(ValueError, match="single, series or parallel"):
        FragmentedBlock(8, 2, "sideways")


def test_width_for_groups_that_do_not_divide():
    assert divisible_width(180, 8) == 184
    assert divisible_width(360, 8) == 360
    assert divisible_width(90, 2) == 90
    with pytest.raises(ValueError, match="divisible"):
        GroupConvolution(180, 8)


def test_weights_depend_on_the_seed_alone():
    network = all_cells("arm")[0].network
    one, same, other = (build(network, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one)


def test_initialisation_carries_the_signal_through_forty_layers():
    module = initialise(stack(lambda: FragmentedBlock(64, 4, "series")), seed=0)
    with torch.inference_mode():
        y = module(torch.randn(1, 64, 14, 14))
    assert 0.1 < y.std() < 10


def test_every_input_is_the_beginning_of_one_stream():
    short, long = example_input((1, 2, 3, 3), seed=4), example_input((1, 5, 3, 3), seed=4)
    assert torch.equal(short.flatten(), long.flatten()[: short.numel()])
