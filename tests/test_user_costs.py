"""Costs of users' torch modules: by hand, as fvcore counts, and what is not counted is named."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from guideline_benchmarks.networks import cost as counting
from guideline_benchmarks.networks.cost import cost, fvcore_multiply_adds


class Calls(nn.Module):
    """A module of a function."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, *args):
        return self.function(self, *args)


def counted(module, *args):
    """Return the cost of an execution on real tensors, without gradients."""
    with torch.no_grad():
        return counting.counted(module.eval(), lambda: module(*args))


def attention(_, x):
    return (x @ x.transpose(1, 2)).softmax(-1) @ x


def fused(_, q, k, v):
    return functional.scaled_dot_product_attention(q, k, v)


linear = nn.Linear(10, 10)
BY_HAND = {
    "a shared layer counts each time": (
        nn.Sequential(nn.Sequential(linear), nn.Sequential(linear), nn.Sequential(linear)),
        [(1, 10)],
        300,
    ),
    "linear on a sequence": (nn.Linear(16, 4), [(2, 8, 16)], 2 * 8 * 16 * 4),
    "linear of a vector": (nn.Linear(16, 4), [(16,)], 16 * 4),
    "attention by @": (Calls(attention), [(1, 8, 16)], 2 * 8 * 8 * 16),
    "fused attention": (Calls(fused), [(1, 2, 8, 4), (1, 2, 6, 4), (1, 2, 6, 4)], 2 * 8 * 6 * 8),
    "attention in double precision": (
        Calls(lambda _, q: fused(_, q.double(), q.double(), q.double())),
        [(1, 2, 8, 4)],
        2 * 2 * 8 * 8 * 4,
    ),
    "multi-head attention": (
        Calls(
            lambda self, x: self.m(x, x, x, need_weights=False)[0],
            m=nn.MultiheadAttention(16, 2, batch_first=True),
        ),
        [(1, 8, 16)],
        4 * 8 * 16 * 16 + 2 * 8 * 8 * 16,
    ),
    "encoder layer": (
        nn.TransformerEncoderLayer(16, 2, dim_feedforward=32, batch_first=True),
        [(1, 8, 16)],
        4 * 8 * 16 * 16 + 2 * 8 * 8 * 16 + 2 * 8 * 16 * 32,
    ),
    "1-D, 5 groups of 7": (
        nn.Conv1d(35, 35, 3, padding=1, groups=5), [(1, 35, 20)], 20 * 35 * 7 * 3,
    ),
    "1-D without a batch": (nn.Conv1d(3, 4, 3), [(3, 5)], 3 * 3 * 4 * 3),
    "3-D": (nn.Conv3d(3, 4, 3), [(1, 3, 5, 5, 5)], 27 * 3 * 4 * 27),
    "depthwise": (nn.Conv2d(6, 12, 3, padding=1, groups=6), [(1, 6, 8, 8)], 64 * 12 * 9),
    "dilated": (nn.Conv2d(4, 4, 3, padding=2, dilation=2), [(1, 4, 8, 8)], 64 * 4 * 4 * 9),
    "transposed": (nn.ConvTranspose2d(3, 1, 2, stride=2), [(1, 3, 2, 2)], 4 * 3 * 1 * 4),
    "transposed, groups, 1-D": (
        nn.ConvTranspose1d(6, 4, 3, stride=2, groups=2), [(2, 6, 5)], 2 * 5 * 6 * 2 * 3,
    ),
    "transposed, 3-D": (nn.ConvTranspose3d(2, 3, 2), [(1, 2, 3, 3, 3)], 27 * 2 * 3 * 8),
    "LSTM": (nn.LSTM(4, 5), [(3, 2, 4)], 3 * 2 * 4 * 5 * (4 + 5)),
    "LSTM, both ways, two layers": (
        nn.LSTM(4, 5, num_layers=2, bidirectional=True),
        [(3, 2, 4)],
        3 * 2 * 2 * 4 * 5 * ((4 + 5) + (10 + 5)),
    ),
    "GRU": (nn.GRU(4, 5), [(3, 2, 4)], 3 * 2 * 3 * 5 * (4 + 5)),
    "tanh RNN": (nn.RNN(4, 5), [(3, 2, 4)], 3 * 2 * 5 * (4 + 5)),
    "LSTM cell": (nn.LSTMCell(4, 5), [(2, 4)], 2 * 4 * 5 * (4 + 5)),
    "einsum": (Calls(lambda _, a, b: torch.einsum("bij,bkj->bik", a, b)), [(2, 3, 4), (2, 5, 4)],
               2 * 3 * 4 * 5),
    "baddbmm": (Calls(lambda _, c, a, b: torch.baddbmm(c, a, b)), [(2, 3, 5), (2, 3, 4), (2, 4, 5)],
                2 * 3 * 4 * 5),
    "addbmm": (Calls(lambda _, c, a, b: torch.addbmm(c, a, b)), [(3, 5), (2, 3, 4), (2, 4, 5)],
               2 * 3 * 4 * 5),
    "addmm in place": (Calls(lambda _, c, a, b: c.clone().addmm_(a, b)),
                       [(3, 5), (3, 4), (4, 5)], 60),
    "matrix by vector": (Calls(lambda _, a, b: a @ b), [(3, 4), (4,)], 12),
    "vector by vector": (Calls(lambda _, a, b: a @ b), [(4,), (4,)], 4),
    "batches broadcast": (Calls(lambda _, a, b: a @ b), [(2, 1, 3, 4), (5, 4, 6)], 2 * 5 * 72),
    "bag of embeddings": (
        Calls(lambda self, x: self.b(x.argsort(-1)), b=nn.EmbeddingBag(16, 4)), [(2, 3)], 0,
    ),
    "norms, pooling, softmax": (
        nn.Sequential(nn.BatchNorm2d(3), nn.MaxPool2d(2), nn.GroupNorm(1, 3), nn.Softmax(1)),
        [(1, 3, 4, 4)],
        0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("name", BY_HAND)
def test_multiply_adds_by_hand(name, inference):
    module, shapes, right = BY_HAND[name]
    with torch.inference_mode(inference):
        found = counted(module, *(torch.randn(shape) for shape in shapes))
    assert found.multiply_adds == right
    assert not found.uncounted
    assert found.weights == sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("name", [name for name in BY_HAND if len(BY_HAND[name][1]) == 1])
def test_shapes_alone_give_the_same(name):
    module, (shape,), right = BY_HAND[name]
    assert cost(module, shape).multiply_adds == right


NAMED = {
    "cdist": (Calls(lambda _, a: torch.cdist(a, a)), (3, 4), {"aten::_cdist_forward": 1}),
    "fft": (Calls(lambda _, a: torch.fft.rfft(a)), (3, 4), {"aten::_fft_r2c": 1}),
    "inverse": (Calls(lambda _, a: torch.linalg.inv(a)), (3, 3), {"aten::linalg_inv_ex": 1}),
    "bilinear, twice": (
        Calls(lambda self, a: self.b(self.b(a, a), a), b=nn.Bilinear(3, 3, 3)), (2, 3),
        {"aten::_trilinear": 2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_what_computes_and_is_not_counted_is_named(name):
    module, shape, named = NAMED[name]
    assert counted(module, torch.randn(shape)).uncounted == named


def test_quantised_layers_are_named():
    if not torch.backends.quantized.supported_engines[1:]:
        pytest.skip("this torch has no quantised kernels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4)))
    assert counted(module, torch.randn(1, 4)).uncounted == {"quantized::linear_dynamic": 1}


def test_operators_of_other_libraries_are_named():
    library = torch.library.Library("costs_test", "FRAGMENT")
    library.define("deform(Tensor x) -> Tensor")
    library.impl("deform", lambda x: x.clone(), "CPU")
    module = Calls(lambda _, x: torch.ops.costs_test.deform(x))
    assert counted(module, torch.randn(2)).uncounted == {"costs_test::deform": 1}


def test_sparse_and_nested_products_are_named_not_guessed():
    sparse = torch.eye(3).to_sparse()
    found = counted(Calls(lambda _, x: torch.mm(sparse, x)), torch.randn(3, 2))
    assert found.multiply_adds == 0
    assert sum(found.uncounted.values()) == 1


def test_layers_are_named_by_their_paths_also_shared_ones():
    block = nn.Linear(4, 4)
    module = nn.ModuleDict({"a": nn.Sequential(block), "b": nn.Sequential(nn.ReLU(), block)})
    caller = Calls(lambda self, x: self.m["b"](self.m["a"](x)), m=module)
    assert [layer.name for layer in counted(caller, torch.randn(1, 4)).layers] == ["m.a.0", "m.b.1"]


def test_an_exception_that_a_module_catches_leaves_the_names_right():
    def fails(_, x):
        raise ValueError("no")

    def tries(self, x):
        try:
            self.bad(x)
        except ValueError:
            return self.good(x)

    module = Calls(tries, bad=Calls(fails), good=nn.Linear(2, 2))
    assert [layer.name for layer in counted(module, torch.randn(1, 2)).layers] == ["good"]


def test_a_row_holds_all_that_its_layer_costs():
    found = counted(nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, groups=1)).half().float(),
                    torch.randn(2, 3, 9, 9))  # fmt: skip
    (row,) = found.layers
    assert (row.name, row.operator) == ("0", "convolution")
    assert row.inputs == ((2, 3, 9, 9), (8, 3, 3, 3))
    assert row.outputs == ((2, 8, 4, 4),)
    assert row.weights == 8 * 3 * 9
    assert row.activations == 2 * 8 * 16
    assert row.memory_access_cost == 2 * 3 * 81 + 8 * 3 * 9 + 2 * 8 * 16
    assert found.activations == row.activations


def test_a_product_without_weights_reads_both_operands():
    (row,) = counted(
        Calls(lambda _, a, b: a @ b), torch.randn(2, 3, 4), torch.randn(2, 4, 5)
    ).layers
    assert row.weights == 0
    assert row.memory_access_cost == 2 * (12 + 20 + 15)


def test_scripted_and_traced_modules_count_as_the_module():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)).eval()
    x = torch.randn(1, 3, 4, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(plain)
        others = [scripted, torch.jit.trace(plain, x)]
    right = counted(plain, x)
    for other in others:
        found = counted(other, x)
        assert found.multiply_adds == right.multiply_adds
        assert found.weights == right.weights
        assert [row.weights for row in found.layers] == [row.weights for row in right.layers]


def test_control_flow_that_depends_on_data_counts_what_ran():
    module = Calls(lambda self, x: self.f(x) if x.sum() > 0 else x, f=nn.Linear(2, 2))
    assert counted(module, torch.ones(1, 2)).multiply_adds == 4
    assert counted(module, -torch.ones(1, 2)).multiply_adds == 0


def test_counting_leaves_no_hooks_and_no_switch_behind():
    from torch.nn.modules import module as internals

    before = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(ZeroDivisionError):
        counting.counted(nn.Identity(), lambda: 1 / 0)
    assert not internals._global_forward_pre_hooks
    assert not internals._global_forward_hooks
    assert torch.backends.mha.get_fastpath_enabled() == before


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_fvcore_counts_random_modules_the_same(data):
    module, shape = data.draw(convolutional())
    x = torch.randn(shape)
    assert counted(module, x).multiply_adds == fvcore_multiply_adds(module, (x,))
    assert cost(module, shape).multiply_adds == counted(module, x).multiply_adds


@st.composite
def convolutional(draw):
    """Draw a chain of convolutions in 1 to 3 dimensions, with a linear layer, and its input."""
    dimensions = draw(st.integers(1, 3))
    kinds = {1: (nn.Conv1d, nn.ConvTranspose1d), 2: (nn.Conv2d, nn.ConvTranspose2d),
             3: (nn.Conv3d, nn.ConvTranspose3d)}[dimensions]  # fmt: skip
    channels = first = 2 * draw(st.integers(1, 3))
    layers = []
    for _ in range(draw(st.integers(1, 3))):
        after = 2 * draw(st.integers(1, 3))
        kernel = draw(st.integers(1, 3))
        layers.append(
            draw(st.sampled_from(kinds))(
                channels, after, kernel, padding=kernel // 2, groups=draw(st.sampled_from([1, 2])),
                stride=draw(st.integers(1, 2)), bias=draw(st.booleans()),
            )
        )  # fmt: skip
        layers.append(nn.ReLU())
        channels = after
    if draw(st.booleans()):
        layers += [nn.Flatten(2), nn.AdaptiveAvgPool1d(1), nn.Linear(1, 5)]
    return nn.Sequential(*layers).eval(), (draw(st.integers(1, 2)), first, *[5] * dimensions)


def test_what_fvcore_cannot_trace_has_no_second_opinion():
    def fails(_, x):
        raise ValueError("no")

    assert fvcore_multiply_adds(Calls(fails), (torch.randn(1),)) is None


def test_control_flow_that_torch_keeps_is_named():
    module = Calls(lambda _, x: torch.cond(x.sum() > 0, lambda x: x @ x, lambda x: x, (x,)))
    found = counted(module, torch.ones(3, 3))
    assert found.multiply_adds == 27 or found.uncounted == {"cond": 1}


def test_a_compiled_module_counts_as_it_is_written():
    assert counted(torch.compile(nn.Linear(3, 3)), torch.ones(3, 3)).multiply_adds == 27


def test_an_einsum_of_a_graph_that_sums_nothing_is_element_wise():
    from onnx import TensorProto, helper

    from guideline_benchmarks.networks.onnx_cost import onnx_cost

    shapes = {"a": (3, 4), "b": (3, 4)}
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (3, 4))]
    node = helper.make_node("Einsum", ["a", "b"], ["y"], equation="ij,ij->ij")
    graph = helper.make_model(helper.make_graph([node], "g", inputs, outputs))
    assert onnx_cost(graph, shapes).multiply_adds == 0
