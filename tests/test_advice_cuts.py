"""Layers cut out of a network compute what they did in it, and no optimiser removes them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from guideline_benchmarks.guidelines.advice.graph import graph_of, region_inputs, region_outputs
from guideline_benchmarks.guidelines.advice.parts import FEW, OWN, CannotCutError, cut
from guideline_benchmarks.runners.proof import count_operators
from tests.small_graphs import Net, computed, found, given, names, same, session_of

C = 16


def network():
    """A network with a part of every kind, by the names of its nodes."""
    net = Net(x=(1, 3, 8, 8), rows=(1, 6, 12))
    value = net.relu(net.conv("x", "first", 3, C, 3), "first.relu")
    value = net.relu(net.conv(value, "wide", C, 48), "wide.relu")
    value = net.conv(value, "depthwise", 48, 48, 3, groups=48, strides=[2, 2])
    value = net.relu(net.conv(value, "narrow", 48, C), "narrow.relu")
    value = net.conv(value, "divided", C, C, groups=4)
    for number in range(2):
        sides = [f"by{number}", f"in{number}"]
        net.node("Split", [value], f"split{number}", sides, axis=1)
        joined = [sides[0], net.conv(sides[1], f"half{number}", 8, 8)]
        joined = net.node("Concat", joined, f"concat{number}", axis=1)
        value = net.shuffle(joined, f"shuffle{number}", 2, (1, C, 4, 4))
    left, right = net.conv(value, "left", C, C), net.conv(value, "right", C, C, 3)
    value = net.node("Add", [left, right], "sum")
    net.conv(value, "last", C, 5)
    net.node("Tanh", [net.node("MatMul", ["rows", net.drawn("w", 12, 40)], "row")], "tanh")
    return net.graph("last", "tanh")


GRAPH = network()
PARTS = {
    "pointwise": ["wide", "wide.relu"],
    "depthwise": ["depthwise"],
    "among groups": ["narrow", "narrow.relu"],
    "in groups": ["divided"],
    "several outputs": ["concat0", "shuffle0.reshape", "shuffle0.transpose", "shuffle0", "split1"],
    "several inputs": ["sum"],
    "branches": ["left", "right", "sum"],
    "rows": ["row", "tanh"],
}
# What is fused into a convolution is a part of it.
FUSED = {"Relu", "Add"}


def nodes_of(part):
    return [node for node in GRAPH.nodes if node.name in PARTS[part]]


def with_outputs(model, *values):
    """A copy of a model that returns some values of its own."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in values)
    return copy


def alone(nodes, inputs, outputs):
    """Just these nodes, as a model."""
    used = {name for node in nodes for name in node.input}
    infos = [onnx.helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()]
    graph = onnx.helper.make_graph(
        nodes,
        "alone",
        infos,
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [tensor for name, tensor in GRAPH.constants.items() if name in used],
    )
    return onnx.helper.make_model(graph, opset_imports=GRAPH.model.opset_import, ir_version=8)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_computes_what_its_layers_do(part):
    nodes = nodes_of(part)
    taken, made = region_inputs(GRAPH, nodes), region_outputs(GRAPH, nodes)
    inside = cut(GRAPH, nodes).inside
    values = computed(with_outputs(inside, *taken, *made), given(inside))
    inputs = {name: values[name] for name in taken}
    by_hand = computed(alone(nodes, {n: x.shape for n, x in inputs.items()}, made), inputs)
    assert same({name: values[name] for name in made}, by_hand)
    assert {name: GRAPH.shape(name) for name in made} == {n: x.shape for n, x in by_hand.items()}


def test_a_pointwise_layer_is_what_arithmetic_says():
    inside = cut(GRAPH, nodes_of("pointwise")).inside
    values = computed(with_outputs(inside, "first.relu", "wide.relu"), given(inside))
    weights, bias = (GRAPH.array(f"wide.{letter}") for letter in "wb")
    product = np.einsum("oi,nihw->nohw", weights[:, :, 0, 0], values["first.relu"])
    wanted = np.maximum(product + bias[:, None, None], 0)
    np.testing.assert_allclose(values["wide.relu"], wanted, atol=1e-5)


@pytest.mark.parametrize("part", PARTS)
def test_a_corner_of_every_output_is_returned(part):
    nodes = nodes_of(part)
    made = region_outputs(GRAPH, nodes)
    inside = cut(GRAPH, nodes).inside
    sinks = [value.name for value in inside.graph.output]
    values = computed(with_outputs(inside, *made, *sinks), given(inside))
    groups_behind = {node.output[0] for node in inside.graph.node}
    for number, name in enumerate(made):
        if f"{OWN}behindout{number}" in groups_behind:
            continue
        x = values[name]
        corner = x[:, :, :2, :2].max((2, 3), keepdims=True) if x.ndim == 4 else x[:, :1]
        np.testing.assert_array_equal(values[f"{OWN}yout{number}"], corner)


@pytest.mark.parametrize("part", PARTS)
def test_both_networks_have_the_same_sources(part):
    made = cut(GRAPH, nodes_of(part))
    inside, around = (
        {node.name: node for node in model.graph.node if node.input[-1].startswith(f"{OWN}source")}
        for model in (made.inside, made.around)
    )
    assert list(inside.values()) == list(around.values()) != []
    assert list(made.inside.graph.input) == list(made.around.graph.input)
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in made.inside.graph.input]
    assert {shape[1] if len(shape) == 4 else shape[-1] for shape in shapes} == {FEW}
    weights = [{t.name: t for t in m.graph.initializer} for m in (made.inside, made.around)]
    for node in inside.values():
        assert weights[0][node.input[1]] == weights[1][node.input[1]]


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_removed_by_an_optimiser(part, tmp_path):
    made = cut(GRAPH, nodes_of(part))
    for model in (made.inside, made.around):
        file = str(tmp_path / "optimised.onnx")
        session_of(model, optimized_model_filepath=file)
        optimised = onnx.load(file)
        assert count_operators(optimised) == count_operators(model)
        kinds = Counter(node.op_type for node in optimised.graph.node)
        for kind, wanted in Counter(node.op_type for node in model.graph.node).items():
            if kind not in FUSED | {"Conv", "MatMul"}:
                assert kinds[kind] == wanted, kind


@pytest.mark.parametrize("operator", ["Relu", "Sigmoid", "BatchNormalization"])
def test_what_a_runtime_executes_by_itself_is_fused_into_nothing_here(operator, tmp_path):
    """Behind a pooling: an activation behind what makes its input would cost nothing."""
    net = Net(x=(1, 3, 8, 8))
    value = net.conv("x", "first", 3, C, 3)
    value = net.node("MaxPool", [value], "pool", kernel_shape=[2, 2], strides=[2, 2])
    figures = [net.constant(name, np.full(C, 0.5, "f")) for name in ("a", "b", "mean", "var")]
    inputs = [value, *(figures if operator == "BatchNormalization" else [])]
    graph = net.graph(net.conv(net.node(operator, inputs, "own"), "last", C, 5))
    made = cut(graph, [node for node in graph.nodes if node.name == "own"])
    sizes = []
    for model in (made.inside, made.around):
        session_of(model, optimized_model_filepath=str(tmp_path / "optimised.onnx"))
        sizes.append(len(onnx.load(tmp_path / "optimised.onnx").graph.node))
    assert sizes[0] == sizes[1] + 1


def test_layers_among_groups_stand_among_groups():
    def groups(model):
        convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
        found = {node.output[0]: node.attribute for node in convolutions}
        return {name: a.i for name, own in found.items() for a in own if a.name == "group"}

    made = cut(GRAPH, nodes_of("among groups"))
    assert groups(made.inside) == {"depthwise": 48, "narrow": 1, f"{OWN}behindout0": 4}
    # The same neighbours stand in the other network, which has no layers.
    assert groups(made.around) == {"depthwise": 48, f"{OWN}behindout0-own": 4}


def test_left_out_layers_leave_their_neighbours():
    wanted = [PARTS["several outputs"]]
    (draft,) = [draft for draft in found(GRAPH, "G4") if names(draft) == wanted]
    instead = draft.options[0].cut
    assert sum(n.op_type == "Conv" for n in instead.inside.graph.node) == 2
    values = computed(instead.inside, given(instead.inside))
    assert {x.shape for x in values.values()} == {(1, 8, 1, 1)}


@pytest.mark.parametrize(
    ("operator", "shape", "kinds", "said"),
    [
        ("NonZero", (4, 4), ["INT64"], "its sizes are known only when it runs"),
        ("Relu", (2, 3, 4, 4, 4), ["FLOAT"], "it takes a value of 5 axes"),
        ("Relu", (7,), ["FLOAT"], "it takes a value of 1 axes"),
        ("MaxPool", (2, 3, 4, 4), ["FLOAT", "INT64"], "it takes or makes what is not of float32"),
        ("ArgMax", (2, 3, 4, 4), ["INT64"], "it takes or makes what is not of float32"),
    ],
)
def test_what_cannot_be_cut_is_said(operator, shape, kinds, said):
    net = Net(x=shape)
    net.kinds = {f"y{number}": getattr(TensorProto, kind) for number, kind in enumerate(kinds)}
    more = {"kernel_shape": [2, 2]} if operator == "MaxPool" else {}
    net.node(operator, ["x"], "own", list(net.kinds), **more)
    graph = net.graph(*net.kinds)
    with pytest.raises(CannotCutError, match=said):
        cut(graph, graph.nodes)


def test_what_is_unseen_of_shapes_stays_unseen():
    model = network().model
    del model.graph.value_info[:]
    graph = graph_of(model)
    with pytest.raises(CannotCutError, match="its sizes are known only when it runs"):
        cut(graph, [node for node in graph.nodes if node.name == "wide"])
