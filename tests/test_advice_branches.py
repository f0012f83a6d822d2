"""What `guidelines advise` finds about G3 and G4 in small graphs made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from guideline_benchmarks.guidelines.advice.elementwise import fused
from tests.small_graphs import Net, every, found, names

C = 16


@pytest.fixture
def net():
    """A network of one convolution, "first", with 16 channels of 8×8."""
    made = Net(x=(1, 3, 8, 8))
    made.conv("x", "first", 3, C, 3)
    return made


def chain(net, value, name, *kernels, c=C):
    """Convolutions one after the other."""
    for number, kernel in enumerate(kernels):
        value = net.relu(net.conv(value, f"{name}{number}", c, c, kernel), f"{name}{number}.relu")
    return value


def inception(net, value, name):
    """Four branches to a Concat of 16 channels, one of them with a pooling."""
    convolutions = [net.conv(value, f"{name}.one", C, 4)]
    for kernel in (3, 5):
        small = net.conv(value, f"{name}.to{kernel}", C, 4)
        convolutions.append(net.conv(small, f"{name}.of{kernel}", 4, 4, kernel))
    pooled = net.node("MaxPool", [value], f"{name}.pool", kernel_shape=[3, 3], pads=[1] * 4)
    convolutions.append(net.conv(pooled, f"{name}.pooled", C, 4))
    return net.node("Concat", convolutions, f"{name}.concat", axis=1)


def gated(net, value, name):
    """Squeeze and excitation of a value."""
    pooled = net.node("GlobalAveragePool", [value], f"{name}.pool")
    small = net.relu(net.conv(pooled, f"{name}.small", C, 4), f"{name}.relu")
    gate = net.node("HardSigmoid", [net.conv(small, f"{name}.large", 4, C)], f"{name}.gate")
    return net.node("Mul", [value, gate], f"{name}.mul")


def v2_unit(net, value, number):
    """A unit of ShuffleNet v2: half goes by, half is convolved, both are shuffled."""
    sides = [f"by{number}", f"in{number}"]
    net.node("Split", [value], f"split{number}", sides, axis=1)
    right = net.conv(sides[1], f"one{number}", C // 2, C // 2)
    right = net.conv(right, f"three{number}", C // 2, C // 2, 3, groups=C // 2)
    right = net.conv(right, f"two{number}", C // 2, C // 2)
    joined = net.node("Concat", [sides[0], right], f"concat{number}", axis=1)
    return net.shuffle(joined, f"shuffle{number}", 2, (1, C, 8, 8))


def test_a_chain_and_a_residual_are_no_fragments(net):
    value = chain(net, "first", "a", 1, 3)
    value = net.node("Add", [value, "first"], "sum")
    assert found(net.graph(net.conv(value, "last", C, 8)), "G3") == []


def test_a_projecting_shortcut_is_a_finding(net):
    value = chain(net, "first", "a", 1, 3, 1)
    value = net.node("Add", [value, net.conv("first", "project", C, C)], "sum")
    (draft,) = found(net.graph(net.conv(value, "last", C, 8)), "G3")
    assert draft.title == "2 branches to Add at 16×8×8"
    assert set(names(draft)[0]) >= {"a0", "a1", "a2", "project", "sum"}
    assert "first" not in names(draft)[0]
    assert "2 branches side by side with 4 convolutions and poolings" in draft.why
    (option,) = draft.options
    assert option.text.startswith("one 3×3 convolution ")
    assert option.multiply_adds == pytest.approx(draft.multiply_adds, rel=0.03)


def test_parallel_branches_with_a_pooling_are_a_finding(net):
    (draft,) = found(net.graph(net.conv(inception(net, "first", "i"), "last", C, 8)), "G3")
    assert draft.title == "4 branches to Concat at 16×8×8"
    assert "with 7 convolutions and poolings" in draft.why
    assert draft.multiply_adds == 64 * (4 * C * 4 + 4 * 4 * (9 + 25))


def test_a_gate_and_a_split_are_no_fragments(net):
    value = gated(net, chain(net, "first", "a", 1), "gate")
    assert found(net.graph(net.conv(value, "last", C, 8)), "G3") == []


def test_units_that_split_their_channels_are_no_fragments(net):
    value = v2_unit(net, v2_unit(net, "first", 0), 1)
    assert found(net.graph(net.conv(value, "last", C, 8)), "G3") == []


def test_branches_within_branches_are_reported_once(net):
    inner = inception(net, chain(net, "first", "a", 1), "i")
    value = net.node("Add", [inner, chain(net, "first", "b", 3)], "sum")
    (draft,) = found(net.graph(net.conv(value, "last", C, 8)), "G3")
    assert draft.title == "2 branches to Add at 16×8×8"
    assert {"i.concat", "b0", "sum"} <= set(names(draft)[0])


def test_equal_blocks_are_one_finding(net):
    value = inception(net, inception(net, "first", "i"), "j")
    (draft,) = found(net.graph(net.conv(value, "last", C, 8)), "G3")
    assert [place[-1] for place in names(draft)] == ["i.concat", "j.concat"]


def test_branches_of_which_others_take_something_are_no_finding(net):
    """What one convolution stood for would be missing elsewhere."""
    left, right = chain(net, "first", "a", 1), chain(net, "first", "b", 3)
    joined = net.node("Add", [left, right], "sum")
    graph = net.graph(net.conv(joined, "last", C, 8), right)
    assert found(graph, "G3") == []


def test_what_no_convolution_stands_for_is_named_and_not_timed(net):
    soft = net.node("Softmax", [chain(net, "first", "a", 1)], "soft", axis=1)
    value = net.node("Mul", [soft, chain(net, "first", "b", 1)], "product")
    (draft,) = found(net.graph(net.conv(value, "last", C, 8)), "G3")
    assert (draft.cut, list(draft.options)) == (None, [])
    assert draft.unmeasured == "no convolution could stand for all that it computes"


def residual(net):
    """Two equal blocks with a residual Add behind a ReLU of its own."""
    value = "first"
    for number in range(2):
        inner = net.conv(value, f"inner{number}", C, C, 3)
        value = net.relu(net.node("Add", [inner, value], f"sum{number}"), f"relu{number}")
    return net.graph(net.conv(value, "last", C, 8))


def test_only_what_the_runtime_executes_is_elementwise(net):
    graph = residual(net)
    (draft,) = found(graph, "G4", {"first", "inner0", "inner1", "sum0", "sum1", "last"})
    assert names(draft) == [["sum0"], ["sum1"]]
    assert draft.title == "Add at 16×8×8"
    assert draft.memory_access_cost == 3 * C * 64
    assert (draft.multiply_adds, draft.weights, draft.memory_access_bound) == (0, 0, None)
    assert found(graph, "G4", {"first", "inner0", "inner1", "last"}) == []
    assert fused(graph, {"first", "inner0", "inner1", "last"}) == {"Add": 2, "Relu": 2}


def test_what_stands_side_by_side_is_one_finding(net):
    (draft,) = found(residual(net), "G4")
    assert names(draft) == [["sum0", "relu0"], ["sum1", "relu1"]]
    assert draft.title == "Add, Relu at 16×8×8"


def test_each_shuffle_is_a_place_with_its_concat_and_split(net):
    value = "first"
    for number in range(3):
        value = v2_unit(net, value, number)
    graph = net.graph(net.conv(value, "last", C, 8))
    drafts = found(graph, "G4", every(graph))

    def shuffle(number):
        own = f"shuffle{number}"
        return [f"concat{number}", f"{own}.reshape", f"{own}.transpose", own]

    assert {draft.title: names(draft) for draft in drafts} == {
        "Split at 8×8×8": [["split0"]],
        "Concat, channel shuffle, Split at 8×8×8": [
            [*shuffle(0), "split1"],
            [*shuffle(1), "split2"],
        ],
        "Concat, channel shuffle at 16×8×8": [shuffle(2)],
    }


def test_a_hard_swish_that_is_written_out_is_one_finding(net):
    for name, value in (("three", 3), ("six", 6), ("zero", 0)):
        net.constant(name, np.float32(value))
    moved = net.node("Add", ["first", "three"], "moved")
    clipped = net.node("Clip", [moved, "zero", "six"], "clipped")
    value = net.node("Div", [net.node("Mul", ["first", clipped], "product"), "six"], "swish")
    graph = net.graph(net.conv(value, "last", C, 8))
    (draft,) = found(graph, "G4")
    assert names(draft) == [["moved", "clipped", "product", "swish"]]
    assert draft.title == "Add, Clip, Mul, Div at 16×8×8"
    assert draft.memory_access_cost == 2 * C * 64
    assert draft.options[0].change is not None


def test_what_only_gives_another_shape_is_no_finding(net):
    pooled = net.node("GlobalAveragePool", ["first"], "pool")
    flat = net.node("Flatten", [pooled], "flat")
    value = net.node("Gemm", [flat, net.drawn("w", 5, C)], "class", transB=1)
    assert found(net.graph(value), "G4") == []
