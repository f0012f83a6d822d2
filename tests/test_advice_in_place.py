"""Alternatives put into a whole network: it runs, and what is not touched stays."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from guideline_benchmarks.guidelines.advice.applying import chosen_options
from guideline_benchmarks.guidelines.advice.collected import changed, unseen
from guideline_benchmarks.guidelines.advice.drafts import Option
from guideline_benchmarks.guidelines.advice.widening import widths_of
from tests import small_graphs
from tests.changed_graphs import C, one_convolution, residual, run
from tests.small_graphs import computed, found, names
from tests.synthetic_advice import finding_of


@pytest.fixture
def net():
    return one_convolution()


def put_in(graph, drafts, place=0):
    """The network with options of some findings in all places."""
    return changed(graph.model, [draft.options[place].change for draft in drafts], {})


def shapes(values):
    return {name: x.shape for name, x in values.items()}


def split_unit(net, value, number):
    sides = [f"by{number}", f"in{number}"]
    net.node("Split", [value], f"split{number}", sides, axis=1)
    right = net.conv(sides[1], f"half{number}", C // 2, C // 2, 3)
    joined = net.node("Concat", [sides[0], right], f"concat{number}", axis=1)
    return net.shuffle(joined, f"shuffle{number}", 2, (1, C, 8, 8))


def removable(graph, executed=None):
    """The findings about G4 that can be left out."""
    return [draft for draft in found(graph, "G4", executed) if draft.options[0].change]


def test_sums_and_gates_are_left_out_and_all_shapes_stay(net):
    value = residual(net, residual(net, "first", "a"), "b")
    value = net.node("Mul", [net.node("Sigmoid", [value], "gate"), value], "swish")
    graph = net.graph(net.conv(value, "last", C, 5))
    drafts = removable(graph)
    model = put_in(graph, drafts)
    assert [node.op_type for node in model.graph.node] == ["Conv"] * 4
    assert shapes(run(model)) == shapes(run(graph.model))


def test_units_that_split_are_left_out_without_a_circle(net):
    value = "first"
    for number in range(3):
        value = split_unit(net, value, number)
    graph = net.graph(net.conv(value, "last", C, 5))
    drafts = removable(graph)
    assert [len(draft.places) for draft in drafts] == [2]
    model = put_in(graph, drafts)
    assert [n.op_type for n in model.graph.node].count("Concat") == 1
    assert shapes(run(model)) == shapes(run(graph.model))


def test_what_would_be_left_working_for_nothing_is_not_left_out(net):
    graph = net.graph(net.conv(residual(net, "first", "a", project=True), "last", C, 5))
    (draft,) = found(graph, "G4")
    assert names(draft) == [["a.sum"]]
    assert (draft.options[0].change, draft.options[0].cut) == (None, None)
    assert draft.options[0].text == "nothing in its place"
    assert draft.cut is not None


def test_a_result_of_the_network_is_not_left_out(net):
    graph = net.graph(net.relu("first", "y"))
    (draft,) = found(graph, "G4")
    assert draft.options[0].change is None


@pytest.mark.parametrize("order", [1, -1])
def test_neighbours_are_left_out_together_in_any_order(net, order):
    """What stands for the one's result may be made by the other."""
    summed = residual(net, "first", "a")
    value = net.node("Mul", [net.node("Sigmoid", [summed], "gate"), summed], "swish")
    value = net.node("Add", [net.conv(value, "inner", C, C), value], "sum")
    value = net.node("Mul", [net.node("Tanh", [value], "tanh"), value], "twisted")
    graph = net.graph(net.conv(value, "last", C, 5))
    drafts = removable(graph)
    assert [len(draft.places) for draft in drafts] == [2, 1, 1]
    model = put_in(graph, drafts[::order])
    assert [node.op_type for node in model.graph.node] == ["Conv"] * 4
    assert shapes(run(model)) == shapes(run(graph.model))


def test_groups_become_one_and_the_rest_stays(net):
    value = net.conv("first", "a", C, C, groups=4)
    value = net.conv(value, "b", C, C, groups=4)
    graph = net.graph(net.conv(value, "last", C, 5))
    drafts = found(graph, "G2")
    assert [names(draft) for draft in drafts] == [[["a"]], [["b"]]]
    before, model = graph.model, put_in(graph, drafts, -1)
    assert [[a.i for a in n.attribute if a.name == "group"] for n in before.graph.node[1:3]] == [
        [4], [4],
    ]  # fmt: skip
    weights = {t.name: tuple(t.dims) for t in model.graph.initializer}
    assert [weights[node.input[1]] for node in model.graph.node[1:3]] == [(C, C, 1, 1)] * 2
    assert [[a.i for a in n.attribute if a.name == "group"] for n in model.graph.node[1:3]] == [
        [1], [1],
    ]  # fmt: skip
    found_ = run(model)
    assert shapes(found_) == shapes(run(before))
    # Weights at random keep the size of what they are applied to.
    assert 0.1 < np.abs(found_["last"]).mean() / np.abs(run(before)["last"]).mean() < 10
    # The weights that it had are gone.
    assert "a.w" not in weights


def branching(net, value):
    """A graph that takes a value and weights of the network's within the branches of an If."""
    net.drawn("inner.w", 5, C, 1, 1)
    net.inputs["go"] = ()
    branches = {
        f"{name}_branch": helper.make_graph(
            [
                helper.make_node("Conv", [value, "inner.w"], [f"{name}.conv"]),
                helper.make_node(kind, [f"{name}.conv"], [f"{name}.y"]),
            ],
            name, [], [helper.make_tensor_value_info(f"{name}.y", TensorProto.FLOAT, None)],
        )
        for name, kind in (("then", "Relu"), ("else", "Tanh"))
    }  # fmt: skip
    net.kinds["go"] = TensorProto.BOOL
    return net.node("If", ["go"], "chosen", **branches)


def test_what_the_body_of_an_if_takes_stays(net):
    net.conv("first", "a", C, C, groups=2)
    value = residual(net, "a", "b")
    graph = net.graph(branching(net, value))
    assert list(unseen(graph)) == [
        "The bodies of chosen: what runs in them is known only when it runs.",
    ]
    widths = widths_of(graph)
    assert widths.group["b.sum"] in widths.fixed
    assert removable(graph) == []
    (draft,) = found(graph, "G2")
    model = put_in(graph, [draft], -1)
    values = small_graphs.given(model)
    for go in (True, False):
        computed(model, values | {"go": np.array(go)})


OPTIONS = {
    "alone": Option("", None, 0, 0, len, frozenset("a")),
    "linked": Option("", None, 0, 0, len, frozenset("ab")),
    "apart": Option("", None, 0, 0, len, frozenset("c")),
    "free": Option("", None, 0, 0, len),
}


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ([("free", 3.0)], [0]),
        ([("free", -3.0)], []),
        # Its interval holds 0.
        ([("free", 0.2)], []),
        ([("alone", 3.0), ("linked", -1.0)], [0, 1]),
        ([("alone", 3.0), ("linked", -7.0)], []),
        ([("alone", 0.1), ("linked", 0.2)], []),
        ([("alone", 3.0), ("apart", -1.0)], [0]),
        ([("free", 3.0), ("free", -1.0)], [0]),
    ],
)
def test_what_touches_the_same_goes_in_together_or_not_at_all(asked, chosen):
    findings = [finding_of(number, gain) for number, (_, gain) in enumerate(asked)]
    options = [[OPTIONS[kind]] * 2 for kind, _ in asked]
    taken = chosen_options(findings, options)
    assert [number for number, _ in taken] == chosen
    for number, place in taken:
        # The first of them gains twice as much as the second, or loses twice as much.
        assert place == (0 if asked[number][1] > 0 else 1)
