"""Which nodes ONNX Runtime executes, told from what its own profiler names here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from guideline_benchmarks.guidelines.advice.elementwise import fused
from guideline_benchmarks.guidelines.advice.executed import (
    executed_nodes,
    likely_executed,
    node_names,
)
from guideline_benchmarks.results.record.parts import OperatorCall
from tests.small_graphs import Net, every, found, given, names, session_of


def calls_of(model, folder):
    """The operators of one execution, as ONNX Runtime's profiler names them."""
    session = session_of(model, enable_profiling=True, profile_file_prefix=str(folder / "profile"))
    session.run(None, given(model))
    events = json.loads(Path(session.end_profiling()).read_text())
    ending = "_kernel_time"
    return [
        OperatorCall(
            operator=event["args"]["op_name"],
            name=event["name"].removesuffix(ending),
            inputs=[],
            outputs=[],
        )
        for event in events
        if event["cat"] == "Node" and event["name"].endswith(ending)
    ]


def in_blocks(c=16):
    """Convolutions with activations and a shortcut, a shuffle, and one in groups."""
    net = Net(x=(1, c, 8, 8))
    first = net.relu(net.conv("x", "first", c, c), "first.relu")
    inner = net.relu(net.conv(first, "inner", c, c, 3), "inner.relu")
    value = net.node("Add", [net.conv(inner, "outer", c, c), first], "sum")
    value = net.conv(net.relu(value, "sum.relu"), "divided", c, c, groups=4)
    value = net.shuffle(value, "shuffle", 4, (1, c, 8, 8))
    return net.graph(net.node("LeakyRelu", [net.conv(value, "last", c, c)], "y"))


def of_few_channels(c=10):
    """Convolutions that are not computed in blocks of channels."""
    net = Net(x=(1, c, 8, 8))
    inner = net.node("Sigmoid", [net.conv("x", "first", c, c)], "first.sigmoid")
    value = net.node("Add", [net.conv(inner, "second", c, c, 3), inner], "sum")
    return net.graph(net.conv(net.node("Tanh", [value], "tanh"), "last", c, 3))


@pytest.mark.parametrize("graph", [in_blocks(), of_few_channels()], ids=["blocks", "few"])
def test_every_convolution_is_found_and_no_other_node_is_taken_for_one(graph, tmp_path):
    calls = calls_of(graph.model, tmp_path)
    found = node_names(graph, calls)
    own = [name for name in found if name]
    assert len(own) == len(set(own))
    kinds = {node.name: node.op_type for node in graph.nodes}
    convolutions = [name for name, kind in kinds.items() if kind == "Conv"]
    assert [name for name in own if kinds[name] == "Conv"] == convolutions
    for name, call in zip(found, calls, strict=True):
        # What the runtime added by itself is of no node.
        assert (name == "") == call.operator.startswith("Reorder")
        assert ("Conv" in call.operator) == (kinds.get(name) == "Conv")


def test_where_nothing_is_told_activations_behind_layers_are_taken_for_fused():
    graph = in_blocks()
    assert every(graph) - likely_executed(graph) == {"first.relu", "inner.relu", "y"}


def with_swish(net, x):
    """SiLU, as torch writes it, and its nodes."""
    return net.node("Mul", [x, net.node("Sigmoid", [x], "sigmoid")], "swish"), ["sigmoid", "swish"]


def with_gelu(net, x):
    """GELU, as torch writes it, and its nodes."""
    root, one, half = (
        net.constant(f"{value}", np.float32(value)) for value in (1.4142135381698608, 1.0, 0.5)
    )
    value = net.node("Erf", [net.node("Div", [x, root], "divided")], "erf")
    value = net.node("Mul", [x, net.node("Add", [value, one], "added")], "times")
    return net.node("Mul", [value, half], "gelu"), ["divided", "erf", "added", "times", "gelu"]


@pytest.mark.parametrize("activation", [with_swish, with_gelu])
@pytest.mark.parametrize("relu", [False, True])
def test_an_activation_of_several_nodes_is_executed_where_it_is_one_operator(
    activation, relu, tmp_path
):
    """ONNX Runtime makes one node of them, which it fuses into nothing."""
    net = Net(x=(1, 16, 8, 8))
    value = net.conv("x", "first", 16, 16)
    value, own = activation(net, net.relu(value, "relu") if relu else value)
    graph = net.graph(net.conv(net.relu(net.conv(value, "second", 16, 16), "end"), "last", 16, 3))
    calls = calls_of(graph.model, tmp_path)
    executed = executed_nodes(graph, calls)
    assert fused(graph, executed) == {"Relu": 1 + relu}
    (draft,) = found(graph, "G4", executed)
    assert names(draft) == [own]
    # In the bar of the network's time it has its place.
    assert len({*own} & {*node_names(graph, calls)}) == 1


@pytest.mark.parametrize("activation", [with_swish, with_gelu])
def test_what_is_fused_before_an_activation_of_several_nodes_stays_fused(activation, tmp_path):
    """A shortcut that a convolution adds, and the activation of the sum."""
    net = Net(x=(1, 16, 8, 8))
    first = net.relu(net.conv("x", "first", 16, 16), "relu")
    value = net.node("Add", [net.conv(first, "second", 16, 16, 3), first], "sum")
    value, own = activation(net, value)
    graph = net.graph(net.conv(value, "last", 16, 3))
    calls = calls_of(graph.model, tmp_path)
    assert "Add" not in {call.operator for call in calls}
    executed = executed_nodes(graph, calls)
    assert {*own} <= executed
    assert fused(graph, executed) == {"Relu": 1, "Add": 1}


def test_where_nothing_is_told_what_others_take_too_is_not_taken_for_fused():
    net = Net(x=(1, 16, 8, 8))
    value, own = with_swish(net, net.conv("x", "first", 16, 16))
    graph = net.graph(net.conv(value, "last", 16, 3))
    assert {*own} <= likely_executed(graph)


def test_a_batch_norm_that_no_convolution_takes_in_is_executed_with_its_activation(tmp_path):
    """As in DenseNet: ONNX Runtime runs it as a convolution of its own, and says so by its name."""
    net = Net(x=(1, 16, 8, 8))
    first = net.conv("x", "first", 16, 16, 3)
    value = net.node("Concat", [first, net.conv(first, "second", 16, 16, 3)], "joined", axis=1)
    figures = [net.constant(name, np.full(32, 0.5, "f")) for name in ("a", "b", "mean", "var")]
    value = net.relu(net.node("BatchNormalization", [value, *figures], "norm"), "relu")
    graph = net.graph(net.conv(value, "last", 32, 3))
    calls = calls_of(graph.model, tmp_path)
    assert "norm" in node_names(graph, calls)
    executed = executed_nodes(graph, calls)
    assert {"norm", "relu"} <= executed
    assert fused(graph, executed) == {}
    (draft,) = [one for one in found(graph, "G4", executed) if "Batch" in one.title]
    assert names(draft) == [["joined", "norm", "relu"]]
