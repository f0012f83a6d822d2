"""What is found in a network: where it breaks a guideline, and what could stand there."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from guideline_benchmarks.guidelines.advice import collected
from guideline_benchmarks.guidelines.advice.block_widths import block_widths
from guideline_benchmarks.guidelines.advice.channel_ratio import channel_ratio
from guideline_benchmarks.guidelines.advice.collected import drafts
from guideline_benchmarks.guidelines.advice.elementwise import elementwise, fused
from guideline_benchmarks.guidelines.advice.executed import (
    executed_nodes,
    likely_executed,
    node_names,
)
from guideline_benchmarks.guidelines.advice.fragmentation import fragmentation
from guideline_benchmarks.guidelines.advice.group_count import group_count
from guideline_benchmarks.guidelines.advice.layers import SAME_WORK, near_pair
from tests.graphs import Concat, Gate, Residual, Split, convolution, graph_from
from tests.synthetic import call

IMAGE = (1, 32, 14, 14)
BLOCKS = {"1×1": 16, "3×3": 16, "depthwise": 16}


def stack(*layers):
    return nn.Sequential(*layers)


def all_nodes(graph):
    return {node.name for node in graph.nodes}


def test_equal_widths_obey_and_others_have_an_alternative_of_the_same_work():
    layers = [convolution(32, 32), convolution(32, 128), convolution(128, 32), convolution(32, 128)]
    found = list(channel_ratio(graph_from(stack(*layers), IMAGE)))
    assert [(draft.title, len(draft.places)) for draft in found] == [
        ("1×1 convolution 32→128 at 14×14", 2),
        ("1×1 convolution 128→32 at 14×14", 1),
    ]
    first = found[0]
    assert first.memory_access_cost == 14 * 14 * 160 + 32 * 128
    assert first.memory_access_bound == pytest.approx(2 * 14 * 14 * 64 + 32 * 128)
    assert first.options[0].text == "64→64 channels, as many multiply-adds"
    assert first.options[0].multiply_adds == first.multiply_adds == 14 * 14 * 32 * 128
    # The activation behind a layer belongs to it.
    assert [node.op_type for node in first.places[0]] == ["Conv", "Relu"]


def test_other_kernels_and_layers_near_their_bound_are_no_finding_of_g1():
    layers = [convolution(32, 128, 3), convolution(128, 136), convolution(136, 136, 1, 8)]
    assert not list(channel_ratio(graph_from(stack(*layers), IMAGE)))


def test_a_fully_connected_layer_over_many_rows_counts_as_a_1x1_convolution():
    found = list(channel_ratio(graph_from(nn.Linear(64, 256), (1, 100, 64))))
    assert [draft.title for draft in found] == ["fully connected layer 64→256"]
    # One row moves little besides its weights.
    assert not list(channel_ratio(graph_from(nn.Linear(64, 256), (1, 64))))


@given(st.integers(8, 1024), st.integers(8, 1024), st.sampled_from([1, 2, 3, 4, 8]))
def test_two_widths_of_a_product_are_as_near_it_as_their_multiples_allow(c1, c2, multiple):
    first, second = near_pair(c1 * c2, c1 / c2, multiple)
    assert first % multiple == second % multiple == 0
    assert first > 0 < second
    coarse = multiple / math.sqrt(c1 * c2)
    assert abs(first * second / (c1 * c2) - 1) <= max(SAME_WORK, 2 * coarse * max(c1 / c2, c2 / c1))


@pytest.mark.parametrize("groups", [2, 4, 8])
def test_group_convolutions_have_alternatives_of_fewer_groups(groups):
    (draft,) = group_count(graph_from(convolution(32, 32, 3, groups), IMAGE))
    assert f"in {groups} groups" in draft.title
    for option in draft.options[:-1]:
        assert option.multiply_adds == pytest.approx(draft.multiply_adds, rel=0.15)
        assert option.change is None
    assert len(draft.options) == (2 if groups == 2 else 3)
    # In place stands the same layer undivided, which has more work.
    assert draft.options[-1].multiply_adds == groups * draft.multiply_adds
    assert draft.options[-1].change is not None


def test_depthwise_convolutions_are_told_apart():
    (draft,) = group_count(graph_from(convolution(64, 64, 3, 64), (1, 64, 14, 14)))
    assert draft.title == "3×3 depthwise convolution of 64 channels at 14×14"
    assert [option.text for option in draft.options] == [
        "undivided, 8→8 channels, as many multiply-adds"
    ]
    assert draft.options[0].multiply_adds == draft.multiply_adds


def test_equal_layers_among_other_neighbours_are_findings_of_their_own():
    alone = stack(convolution(32, 64), convolution(64, 64, 3, 4), convolution(64, 32))
    among = stack(convolution(32, 64, 1, 2), convolution(64, 64, 3, 4), convolution(64, 32, 1, 2))
    found = [
        draft
        for draft in group_count(graph_from(stack(alone, among), IMAGE))
        if "3×3" in draft.title
    ]
    assert [len(draft.places) for draft in found] == [1, 1]


PROJECTING = Residual(
    stack(convolution(32, 32, 3), convolution(32, 64, relu=False)), convolution(32, 64, relu=False)
)
INCEPTION = Concat(
    convolution(32, 16), stack(convolution(32, 16), convolution(16, 16, 3)), nn.MaxPool2d(3, 1, 1)
)


@pytest.mark.parametrize(
    "module, branches",
    [
        (Residual(convolution(32, 32, 3)), 0),
        (Gate(32), 0),
        (Split(convolution(16, 16)), 0),
        (stack(convolution(32, 32), convolution(32, 32)), 0),
        (PROJECTING, 2),
        (INCEPTION, 3),
        (Concat(nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1)), 0),
        (Residual(INCEPTION, convolution(32, 64)), 2),
    ],
)
def test_parallel_branches_are_found_where_two_of_them_compute(module, branches):
    found = list(fragmentation(graph_from(module, IMAGE)))
    assert [draft.title.split()[0] for draft in found] == ([str(branches)] if branches else [])
    for draft in found:
        assert draft.options[0].multiply_adds == pytest.approx(draft.multiply_adds, rel=0.05)


def test_elementwise_operators_are_findings_only_where_they_are_executed_themselves():
    graph = graph_from(Residual(convolution(32, 32, 3)), IMAGE)
    (add,) = [node for node in graph.nodes if node.op_type == "Add"]
    assert not list(elementwise(graph, all_nodes(graph) - {add.name} - relus(graph)))
    (draft,) = elementwise(graph, {add.name})
    assert draft.title == "Add at 32×14×14"
    assert draft.memory_access_cost == 3 * 32 * 14 * 14
    assert fused(graph, set()) == {"Add": 1, "Relu": 1}


def relus(graph):
    return {node.name for node in graph.nodes if node.op_type == "Relu"}


def test_what_moves_data_in_a_row_is_one_finding_and_can_be_left_out():
    unit = stack(Split(convolution(16, 16)), Split(convolution(16, 16)), convolution(32, 32))
    graph = graph_from(unit, IMAGE)
    found = list(elementwise(graph, all_nodes(graph) - relus(graph)))
    whole = [
        draft for draft in found if "channel shuffle" in draft.title and "Split" in draft.title
    ]
    assert [draft.title for draft in whole] == ["Concat, channel shuffle, Split at 16×14×14"]
    assert whole[0].options[0].change is not None


def test_shapes_alone_cost_nothing_and_are_no_finding():
    graph = graph_from(stack(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)), IMAGE)
    assert not list(elementwise(graph, all_nodes(graph)))


def test_widths_that_do_not_suit_a_block_are_rounded_up_and_down():
    module = stack(
        convolution(3, 24, 3),
        convolution(24, 32),
        convolution(32, 32, 3, 32),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )
    graph = graph_from(module, (1, 3, 14, 14))
    found = list(block_widths(graph, BLOCKS))
    assert [draft.title.split(" at")[0] for draft in found] == [
        "3×3 convolution 3→24",
        "1×1 convolution 24→32",
    ]
    # An image has the channels that it has.
    assert [option.text for option in found[0].options] == [
        "up to 3→32 channels",
        "down to 3→16 channels",
    ]
    assert all(draft.options[0].change is not None for draft in found)
    assert not list(block_widths(graph, dict.fromkeys(BLOCKS)))


def test_layers_of_equal_shapes_with_other_odd_sides_are_told_apart():
    """The first takes what the network is given, which stays as wide as it is."""
    module = stack(*[convolution(61, 61, 3) for _ in range(3)])
    found = list(block_widths(graph_from(module, (1, 61, 14, 14)), BLOCKS))
    assert sorted(draft.options[0].text for draft in found) == [
        "up to 61→64 channels",
        "up to 64→61 channels",
        "up to 64→64 channels",
    ]


def test_a_network_that_obeys_has_no_findings():
    graph = graph_from(stack(*[convolution(32, 32) for _ in range(4)]), IMAGE)
    assert drafts(graph, likely_executed(graph), BLOCKS) == []


def test_of_very_many_findings_those_that_move_least_are_named_and_not_timed(monkeypatch):
    monkeypatch.setattr(collected, "MOST_TIMED", 3)
    module = stack(*[convolution(c, c + 1, 3) for c in range(4, 10)])
    graph = graph_from(module, (1, 4, 5, 5))
    found = drafts(graph, set(), {**BLOCKS, "3×3": 1000})
    left = [draft for draft in found if draft.unmeasured]
    assert (len(found) - len(left), len(left)) == (3, 3)
    assert all("move most memory" in draft.unmeasured and draft.cut is None for draft in left)


def test_calls_are_told_to_be_of_nodes_as_runtimes_name_them():
    graph = graph_from(stack(Residual(convolution(32, 32, 3)), nn.ReLU()), IMAGE)
    conv, relu, add, last = graph.nodes
    named = [
        # Named after the value of what was fused into it, and after a node.
        ("Conv", f"{relu.output[0]}_nchwc"),
        ("FusedConv", conv.name),
        ("Conv", f"{last.output[0]}_nchwc"),
        ("Add", add.name),
        ("ReorderInput", "ReorderInput_token_1"),
        # The first of some slices gives its name to a split that does for all.
        ("Split", f"{add.name}/GatherSliceToSplitFusion"),
    ]
    calls = [call(operator).model_copy(update={"name": name}) for operator, name in named]
    assert node_names(graph, calls) == [
        *[conv.name] * 3,
        add.name,
        "",
        add.name,
    ]


def test_what_a_runtime_executes_as_one_operator_is_not_said_to_be_fused():
    """As OpenVINO names it: a shuffle after its last node, a split not at all."""
    graph = graph_from(stack(Split(convolution(16, 16)), convolution(32, 32)), IMAGE)
    (first, *_), (shuffled,) = [
        [node for node in graph.nodes if node.op_type == kind] for kind in ("Reshape", "Transpose")
    ]
    (last,) = [node for node in graph.nodes if shuffled.output[0] in node.input]
    (split,) = [node for node in graph.nodes if node.op_type == "Split"]
    named = [("ShuffleChannels", last.name), ("Split", "VariadicSplit_7")]
    named += [("Convolution", f"{node.name}/WithoutBiases") for node in graph.nodes if conv(node)]
    calls = [call(operator).model_copy(update={"name": name}) for operator, name in named]
    executed = executed_nodes(graph, calls)
    assert {first.name, shuffled.name, last.name, split.name} <= executed
    assert {node.name for node in graph.nodes if conv(node)} <= executed
    assert fused(graph, executed) == {"Relu": 2, "Concat": 1}


def test_all_slices_that_a_split_stands_for_are_executed():
    graph = graph_from(Sliced(), IMAGE)
    slices = [node.name for node in graph.nodes if node.op_type == "Slice"]
    name = f"{slices[0]}/GatherSliceToSplitFusion"
    executed = executed_nodes(graph, [call("Split").model_copy(update={"name": name})])
    assert len(slices) == 2
    assert executed == {*slices}


class Sliced(nn.Module):
    """What torch writes of halves of its channels."""

    def forward(self, x):
        left, right = x.chunk(2, dim=1)
        return left * right


def conv(node):
    return node.op_type == "Conv"


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3), st.sampled_from([8, 24, 40]), st.booleans())
def test_every_node_of_a_finding_is_one_of_the_network(times, width, split):
    block = Split(convolution(width // 2, width // 2)) if split else convolution(width, width, 1, 2)
    graph = graph_from(stack(*[block for _ in range(times)]), (1, width, 6, 6))
    for draft in drafts(graph, likely_executed(graph), BLOCKS):
        assert {node.name for place in draft.places for node in place} <= all_nodes(graph)
