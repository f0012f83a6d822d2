"""What `guidelines advise` finds about G1, G2 and widths in small graphs made by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.guidelines.advice.graph import attributes
from guideline_benchmarks.guidelines.advice.layers import SAME_WORK, layers, near_pair
from guideline_benchmarks.guidelines.advice.parts import OWN
from tests.small_graphs import Net, found, names

BLOCKS = {"1×1": 16, "3×3": 8, "depthwise": 8}
EVERY_WIDTH = dict.fromkeys(BLOCKS)


def pair(c1, c2, size=14):
    """A 1×1 convolution between others of any widths."""
    net = Net(x=(1, 3, size, size))
    first = net.conv("x", "first", 3, c1, 3)
    return net.graph(net.conv(net.conv(first, "own", c1, c2), "last", c2, 8, 3))


def grouped(groups, c=48, kernel=1, c2=None):
    """A convolution of so many groups between others of one."""
    net = Net(x=(1, 3, 8, 8))
    first = net.conv("x", "first", 3, c, 3)
    own = net.conv(first, "own", c, c2 or c, kernel, groups)
    return net.graph(net.conv(own, "last", c2 or c, 8, 3))


def fully(rows, c1, c2, bias=True):
    net = Net(x=(*rows, c1))
    own = net.node("MatMul", ["x", net.drawn("w", c1, c2)], "own")
    if bias:
        own = net.node("Add", [own, net.drawn("b", c2)], "biased")
    return net.graph(net.node("Tanh", [own], "y"))


@pytest.mark.parametrize(("c1", "c2"), [(32, 32), (28, 30), (4, 4), (1, 1)])
def test_equal_widths_are_no_finding(c1, c2):
    assert found(pair(c1, c2), "G1") == []


@pytest.mark.parametrize(("c1", "c2", "ratio"), [(64, 32, "1:2"), (12, 144, "1:12")])
def test_unequal_widths_are_a_finding_whose_alternative_is_equal(c1, c2, ratio):
    (draft,) = found(pair(c1, c2), "G1")
    assert names(draft) == [["own"]]
    assert draft.why.startswith(f"Its widths are {ratio}, its memory access cost ")
    assert draft.memory_access_cost == 14 * 14 * (c1 + c2) + c1 * c2
    assert draft.memory_access_cost > draft.memory_access_bound
    assert (draft.inputs, draft.outputs) == ([(1, c1, 14, 14)], [(1, c2, 14, 14)])
    (option,) = draft.options
    assert option.multiply_adds == pytest.approx(draft.multiply_adds, rel=SAME_WORK)
    # Between layers that stay, it cannot stand in place.
    assert option.change is None


def above_least(c1, c2, positions, after):
    """Memory access cost over the least for its work, of positions before and after a layer."""
    least = 2 * (positions * after * c1 * c2) ** 0.5 + c1 * c2
    return (positions * c1 + after * c2 + c1 * c2) / least


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("c1", "c2"), [(64, 32), (92, 67), (44, 60), (72, 103), (64, 128), (60, 256), (32, 256)]
)
def test_an_alternative_is_nearer_to_the_least_memory_access_cost(c1, c2, stride):
    """Equal widths do not, where a stride leaves fewer positions behind a layer than before it."""
    net = Net(x=(1, 3, 28, 28))
    own = net.conv(net.conv("x", "first", 3, c1, 3), "own", c1, c2, strides=[stride] * 2)
    drafts = found(net.graph(net.conv(own, "last", c2, 8, 3)), "G1")
    # Four times as many channels behind a stride of 2 are the least.
    assert len(drafts) == (0 if (c1, c2, stride) == (60, 256, 2) else 1)
    for draft in drafts:
        first, second = map(int, draft.options[0].text.split(" ")[0].split("→"))
        after = (28 // stride) ** 2
        own = above_least(c1, c2, 28 * 28, after)
        assert draft.memory_access_cost / draft.memory_access_bound == pytest.approx(own)
        assert above_least(first, second, 28 * 28, after) < own


def test_a_fully_connected_layer_of_rows_is_a_finding_and_of_one_row_is_none():
    (draft,) = found(fully((1, 49), 16, 256), "G1")
    assert draft.title == "fully connected layer 16→256"
    assert draft.options[0].text == "64→64 channels, as many multiply-adds"
    assert found(fully((1,), 256, 1000), "G1") == []


def test_a_layer_whose_bias_is_computed_is_no_layer_of_weights():
    """What is not of weights alone could not be cut out."""
    net = Net(rows=(4, 16), x=(1, 16, 8, 8), bias=(256,))
    rows = net.node("Gemm", ["rows", net.drawn("w", 16, 256), "bias"], "fully")
    maps = net.node("Conv", ["x", net.drawn("k", 256, 16, 1, 1), "bias"], "conv")
    graph = net.graph(rows, maps)
    assert list(layers(graph)) == []
    assert found(graph, "G1") == []


@given(c1=st.integers(1, 512), c2=st.integers(1, 512))
def test_two_widths_have_the_same_work_wherever_there_are_any(c1, c2):
    first, second = near_pair(c1 * c2, 1.0)
    if min(c1, c2) >= 8:
        assert abs(first * second / (c1 * c2) - 1) <= SAME_WORK
        assert max(first, second) <= 1.51 * min(first, second)
    else:
        # Of few channels plain rounding is what there is.
        assert abs(first - (c1 * c2) ** 0.5) <= 0.5 * (c1 * c2) ** 0.5 + 1


@given(
    product=st.integers(64, 2**16), ratio=st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0]),
    multiple=st.sampled_from([1, 2, 3, 4, 8]),
)  # fmt: skip
def test_two_widths_are_multiples_of_what_is_asked_for(product, ratio, multiple):
    first, second = near_pair(product, ratio, multiple)
    assert first % multiple == second % multiple == 0
    assert min(first, second) >= multiple


@pytest.mark.parametrize(
    ("groups", "texts"),
    [
        (2, ["undivided, 36→32"]),
        (3, ["undivided, 32→24"]),
        (4, ["undivided, 24→24", "2 groups, 36→32"]),
        (8, ["undivided, 18→16", "4 groups, 36→32"]),
    ],
)
def test_groups_are_a_finding_with_fewer_of_the_same_work_and_none(groups, texts):
    (draft,) = found(grouped(groups), "G2")
    assert (names(draft), draft.memory_access_bound) == ([["own"]], None)
    assert f"{groups} groups" in draft.why
    *same, whole = draft.options
    assert [o.text for o in same] == [f"{text} channels, as many multiply-adds" for text in texts]
    for option in same:
        assert option.multiply_adds == pytest.approx(draft.multiply_adds, rel=SAME_WORK)
        assert option.change is None
    assert whole.text == f"undivided, {groups} times the multiply-adds"
    assert whole.multiply_adds == groups * draft.multiply_adds
    assert whole.change is not None


def test_a_convolution_of_one_group_is_no_finding():
    assert found(grouped(1), "G2") == []


def test_a_depthwise_convolution_is_told_apart():
    (draft,) = found(grouped(48, kernel=3), "G2")
    assert draft.title == "3×3 depthwise convolution of 48 channels at 8×8"
    assert "every channel is a group" in draft.why
    (same,) = draft.options
    assert (same.text[:10], same.change) == ("undivided,", None)
    assert same.multiply_adds == pytest.approx(draft.multiply_adds, rel=0.03)


@given(
    groups=st.sampled_from([2, 3, 4, 8]), each=st.integers(8, 24), wider=st.integers(1, 3),
    kernel=st.sampled_from([1, 3]),
)  # fmt: skip
def test_fewer_groups_have_the_same_work_and_divide_their_channels(groups, each, wider, kernel):
    c1, c2 = groups * each, groups * each * wider
    (draft,) = found(grouped(groups, c1, kernel, c2), "G2")
    for option in draft.options[:-1]:
        # Widths are whole numbers of channels.
        assert option.multiply_adds == pytest.approx(draft.multiply_adds, rel=0.1)
        own = next(n for n in option.cut.inside.graph.node if n.output[0] == f"{OWN}out")
        weights = next(w for w in option.cut.inside.graph.initializer if w.name == own.input[1])
        assert weights.dims[0] % attributes(own)["group"] == 0


def test_equal_layers_are_one_finding_and_among_other_neighbours_another():
    net = Net(x=(1, 3, 8, 8))
    value = net.conv("x", "first", 3, 8, 3)
    for number in range(3):
        value = net.conv(net.conv(value, f"up{number}", 8, 64), f"down{number}", 64, 8)
    value = net.conv(value, "depthwise", 8, 8, 3, groups=8)
    value = net.conv(net.conv(value, "up3", 8, 64), "last", 64, 64)
    places = [names(draft) for draft in found(net.graph(value), "G1")]
    assert places == [
        [["up0"], ["up1"], ["up2"]],
        [["down0"], ["down1"]],
        [["down2"]],
        [["up3"]],
    ]


def test_layers_with_another_activation_are_others():
    net = Net(x=(1, 3, 8, 8))
    value = net.conv("x", "first", 3, 8, 3)
    for number, kind in enumerate(["Relu", "Relu", "LeakyRelu"]):
        value = net.node(kind, [net.conv(value, f"up{number}", 8, 64)], f"activated{number}")
        value = net.conv(value, f"down{number}", 64, 8)
    ups = [names(draft) for draft in found(net.graph(value), "G1") if "up" in names(draft)[0][0]]
    assert ups == [[["up0", "activated0"], ["up1", "activated1"]], [["up2", "activated2"]]]


def widths(c, kernel=1, groups=1, c2=None):
    """A layer of c channels between layers that suit on their other sides."""
    net = Net(x=(1, 3, 8, 8))
    first = net.conv("x", "first", 3, c, 3)
    own = net.conv(first, "own", c, c2 or c, kernel, groups)
    return net.graph(net.relu(net.conv(own, "last", c2 or c, 10), "y"))


def g0(graph, blocks=BLOCKS):
    return {names(draft)[0][0]: draft for draft in found(graph, "G0", blocks=blocks)}


def test_widths_that_suit_or_that_nothing_is_known_of_are_no_finding():
    assert g0(widths(32)) == {}
    assert g0(widths(20), EVERY_WIDTH) == {}
    assert g0(widths(20), {}) == {}


def test_what_is_given_and_returned_is_as_wide_as_it_has_to_be():
    """The image's 3 channels and the 10 classes are no finding, but what lies between is."""
    here = g0(widths(20))
    assert list(here) == ["first", "own", "last"]
    assert here["first"].options[0].text == "up to 3→24 channels"
    assert here["first"].why.startswith("20 channels are no multiple of 8, the block of 3×3 ")
    assert here["last"].options[0].text == "up to 32→10 channels"


def test_widths_go_up_and_down_where_a_block_is_left():
    options = g0(widths(20))["own"].options
    assert [o.text for o in options] == ["up to 32→32 channels", "down to 16→16 channels"]
    assert [o.change is not None for o in options] == [True, False]
    assert [o.multiply_adds for o in options] == [64 * 32 * 32, 64 * 16 * 16]
    assert [o.text for o in g0(widths(12))["own"].options] == ["up to 16→16 channels"]


@pytest.mark.parametrize(
    ("c", "c2", "texts"),
    [
        (12, 12, ["up to 16→16 channels", "down to 8→8 channels"]),
        (12, 24, ["up to 16→32 channels", "down to 8→16 channels"]),
        (4, 12, ["up to 8→24 channels"]),
    ],
)
def test_each_depthwise_channel_keeps_its_number_of_outputs(c, c2, texts):
    draft = g0(widths(c, 3, c, c2=c2))["own"]
    assert [option.text for option in draft.options] == texts


@pytest.mark.parametrize(("first", "last"), [(True, False), (False, True)])
def test_a_depthwise_layer_of_what_is_given_or_returned_is_no_finding(first, last):
    net = Net(x=(1, 12, 8, 8))
    value = "x" if first else net.conv("x", "first", 12, 12, 3)
    value = net.conv(value, "own", 12, 12, 3, groups=12)
    assert "own" not in g0(net.graph(value if last else net.conv(value, "last", 12, 12, 3)))


def test_groups_are_of_no_measured_kind():
    assert "own" not in g0(widths(20, 1, 2))
