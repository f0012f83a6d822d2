"""Networks that are made wider: they compute what they did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guideline_benchmarks.guidelines.advice.collected import changed
from guideline_benchmarks.guidelines.advice.graph import graph_of
from guideline_benchmarks.guidelines.advice.widening import widen, widths_of
from tests import small_graphs
from tests.changed_graphs import C, one_convolution, residual, run
from tests.small_graphs import Net, same


@pytest.fixture
def net():
    return one_convolution()


def wider(graph, to):
    """The network with groups made wider by the names of values in them; all must be free."""
    widths = widths_of(graph)
    groups = {widths.group[value]: width for value, width in to.items()}
    assert not groups.keys() & widths.fixed
    return changed(graph.model, [lambda model: widen(model, groups, widths)], {}), widths


def test_all_that_is_added_or_gated_together_becomes_wider(net):
    value = residual(net, net.relu("first", "relu"), "a")
    small = net.conv(net.node("GlobalAveragePool", [value], "pool"), "squeeze", C, 2)
    gate = net.node("Sigmoid", [net.conv(small, "excite", 2, C)], "gate")
    value = net.node("Mul", [value, gate], "mul")
    value = net.conv(value, "depthwise", C, C, 3, groups=C)
    graph = net.graph(net.conv(value, "last", C, 5))
    model, widths = wider(graph, {"first": 12})
    together = {name for name, group in widths.group.items() if group == widths.group["first"]}
    assert together >= {"first", "a.sum", "a.inner", "pool", "excite", "gate", "mul", "depthwise"}
    assert not together & {"x", "squeeze", "last"}
    assert same(run(model), run(graph.model))
    dims = {t.name: tuple(t.dims) for t in model.graph.initializer}
    of = {node.name: dims[node.input[1]] for node in model.graph.node if node.op_type == "Conv"}
    assert of["first"][:2] == (12, 3)
    assert of["a.inner"][:2] == (12, 12)
    assert of["squeeze"][:2] == (2, 12)
    assert of["depthwise"][:2] == (12, 1)
    assert of["last"][:2] == (5, 12)


@pytest.mark.parametrize(
    "moves",
    [
        lambda net: net.node("Concat", ["a", "b"], "moved", axis=1),
        lambda net: net.node("Split", ["a"], "split", ["moved", "other"], axis=1),
        lambda net: net.shuffle("a", "moved", 2, (1, C, 8, 8)),
        lambda net: net.node("Transpose", ["a"], "moved", perm=[0, 2, 1, 3]),
        lambda net: net.node("Max", ["a", net.drawn("per channel", C, 1, 1)], "moved"),
        lambda net: net.node("Softmax", ["a"], "moved", axis=1),
        lambda net: net.node("Mul", ["a", net.conv("first", "one", C, 1)], "moved"),
        lambda net: net.conv("a", "moved", C, C, groups=4),
        lambda net: net.conv("a", "moved", C, C // 2, groups=C // 2),
        lambda net: net.conv("a", "moved", C, 2 * C, groups=C),
    ],
)
def test_widths_that_something_else_decides_are_fixed(net, moves):
    net.conv("first", "a", C, C)
    net.conv("first", "b", C, C)
    moves(net)
    graph = net.graph(net.node("Tanh", ["moved"], "y"))
    widths = widths_of(graph)
    assert widths.group["a"] in widths.fixed
    assert widths.group["x"] in widths.fixed
    assert widths.group["first"] not in widths.fixed or "one" in widths.group


def test_channels_that_are_nothing_divided_by_nothing_spoil_no_others(net):
    below = net.conv("first", "below", C, C)
    squared = net.node("Mul", [below, below], "squared")
    value = net.node("Div", [net.conv("first", "above", C, C), squared], "ratio")
    free = net.node("Div", ["first", net.constant("two", np.float32(2))], "halved")
    graph = net.graph(net.conv(value, "last", C, 5), net.conv(free, "other", C, 5))
    widths = widths_of(graph)
    assert widths.group["above"] in widths.fixed
    model, _ = wider(graph, {"halved": 12})
    assert same(run(model), run(graph.model))


@pytest.mark.parametrize("bias", [(12,), (1, 12), (1,), (), (1, 1)])
@pytest.mark.parametrize("transposed", [0, 1])
def test_a_bias_of_any_shape_stays_what_it_was(bias, transposed):
    net = Net(x=(2, 6))
    weights = net.drawn("w", *((12, 6) if transposed else (6, 12)))
    net.constant("b", np.full(bias, 0.5, "f"))
    hidden = net.node("Gemm", ["x", weights, "b"], "hidden", transB=transposed)
    net.node("Gemm", [net.relu(hidden, "relu"), net.drawn("v", 12, 3)], "y")
    graph = net.graph("y")
    widths = widths_of(graph)
    if widths.group["hidden"] not in widths.fixed:
        model, _ = wider(graph, {"hidden": 16})
        assert same(run(model), run(graph.model))


blocks = st.lists(
    st.tuples(
        st.sampled_from(["conv", "depthwise", "residual", "gate", "pool", "swish", "project"]),
        st.integers(1, 6),
    ),
    min_size=1,
    max_size=6,
)


def drawn_network(plan):
    """A network of blocks, one after the other."""
    net = Net(x=(1, 3, 6, 6))
    value, c = net.conv("x", "first", 3, 4, 3), 4
    for number, (kind, width) in enumerate(plan):
        name = f"{kind}{number}"
        if kind == "conv":
            value, c = net.node("LeakyRelu", [net.conv(value, name, c, width)], f"{name}.a"), width
        elif kind == "depthwise" and c > 1:
            value = net.conv(value, name, c, c, 3, groups=c)
        elif kind in ("residual", "project"):
            inner = net.relu(net.conv(value, f"{name}.in", c, width, 3), f"{name}.relu")
            by = net.conv(value, f"{name}.by", c, c) if kind == "project" else value
            value = net.node("Add", [net.conv(inner, f"{name}.out", width, c), by], name)
        elif kind == "gate":
            pooled = net.node("GlobalAveragePool", [value], f"{name}.pool")
            small = net.relu(net.conv(pooled, f"{name}.down", c, width), f"{name}.relu")
            gate = net.node("Sigmoid", [net.conv(small, f"{name}.up", width, c)], f"{name}.gate")
            value = net.node("Mul", [value, gate], name)
        elif kind == "pool":
            value = net.node("MaxPool", [value], name, kernel_shape=[3, 3], pads=[1] * 4)
        elif kind == "swish":
            gate = net.node("Sigmoid", [value], f"{name}.gate")
            value = net.node("Mul", [value, gate], name)
    flat = net.node("Flatten", [net.node("GlobalAveragePool", [value], "pooled")], "flat")
    return net.graph(net.node("Gemm", [flat, net.drawn("w", 5, c)], "classes", transB=1))


@given(plan=blocks, more=st.integers(1, 5), chosen=st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_wider_network_computes_exactly_what_it_did(plan, more, chosen):
    graph = drawn_network(plan)
    widths = widths_of(graph)
    free = {v: g for v, g in widths.group.items() if g not in widths.fixed}
    groups = sorted(set(free.values()))
    to = {g: graph.shape(g)[1] + more for g in groups if chosen.random() < 0.7}
    model = changed(graph.model, [lambda model: widen(model, to, widths)], {})
    assert same(run(model), run(graph.model))
    now = graph_of(small_graphs.inferred(model))
    for value, group in widths.group.items():
        wanted = to.get(group, graph.shape(value)[1])
        assert now.shape(value)[1] == wanted, value


def test_wider_twice_is_as_wide_as_the_wider(net):
    graph = net.graph(net.conv(net.relu("first", "relu"), "last", C, 5))
    widths = widths_of(graph)
    changes = [
        lambda model, width=width: widen(model, {widths.group["first"]: width}, widths)
        for width in (16, 12)
    ]
    for order in (1, -1):
        model = changed(graph.model, changes[::order], {"why": "a test"})
        assert same(run(model), run(graph.model))
        assert {d for t in model.graph.initializer for d in t.dims} >= {16}
        assert 12 not in {d for t in model.graph.initializer for d in t.dims}
        assert [(one.key, one.value) for one in model.metadata_props] == [("why", "a test")]
