"""What `guidelines advise` says that it did not look into, in small graphs made by hand."""

from __future__ import annotations

import pytest
from onnx import helper

from guideline_benchmarks.guidelines.advice.collected import unseen
from guideline_benchmarks.guidelines.advice.graph import graph_of, simplified
from tests.small_graphs import Net, found, names

C = 8


def test_operators_that_are_not_known_are_said():
    net = Net(x=(1, C, 8, 8))
    graph = net.graph(net.node("Det", [net.conv("x", "last", C, C)], "y"))
    assert list(unseen(graph)) == ["1 Det: operators that are not known here."]


def along(axes):
    """A convolution in groups, of maps of so many axes."""
    net = Net(x=(1, 8, *[6] * axes))
    return net, net.node("Conv", ["x", net.drawn("w", 8, 4, *[1] * axes)], "y", group=2)


def of_computed_weights():
    net = Net(x=(1, 8, 6, 6), w=(4, 8, 1, 1))
    return net, net.node("Conv", ["x", "w"], "y")


def transposed():
    net = Net(x=(1, 8, 6, 6))
    return net, net.node("ConvTranspose", ["x", net.drawn("w", 8, 4, 2, 2)], "y")


def of_stacks():
    net = Net(x=(2, 3, 4, 8))
    return net, net.node("MatMul", ["x", net.drawn("w", 8, 32)], "y")


def recurrent():
    net = Net(x=(5, 1, 8))
    weights = [net.drawn("w", 1, 64, 8), net.drawn("r", 1, 64, 16)]
    return net, net.node("LSTM", ["x", *weights], "y", hidden_size=16)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            along(1),
            "1 Conv: G0 to G3 are not looked for in convolutions along other than two axes.",
        ),
        (
            along(3),
            "1 Conv: G0 to G3 are not looked for in convolutions along other than two axes.",
        ),
        (of_computed_weights(), "in layers whose weights or biases are computed."),
        (transposed(), "1 ConvTranspose: G0 to G3 are not looked for in transposed convolutions."),
        (of_stacks(), "in products of something else than rows with a matrix of weights."),
        (
            recurrent(),
            "1 LSTM: G0 to G3 are not looked for in operators that multiply in ways of their own.",
        ),
        (along(2), None),
    ],
)
def test_layers_that_are_not_looked_into_are_said(made, said):
    net, value = made
    sentences = list(unseen(net.graph(value)))
    assert len(sentences) == (said is not None)
    assert not said or sentences[0].endswith(said)


def test_an_activation_of_unknown_size_is_not_taken_for_a_layers():
    """Nobody tells the sizes of operators that are not ONNX's own."""
    net = Net(x=(1, C, 8, 8))
    value = net.conv("x", "wide", C, 4 * C)
    value = net.node("Gelu", [value], "gelu", domain="com.microsoft")
    model = net.model(net.conv(value, "last", 4 * C, C))
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    graph = graph_of(simplified(model.SerializeToString(), net.inputs, "small.onnx"))
    (draft,) = found(graph, "G1")
    assert names(draft) == [["wide"]]
    assert list(unseen(graph)) == ["2 nodes, whose sizes are known only when they run."]
