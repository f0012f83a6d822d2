"""ONNX graphs as modules of torch: whole networks, names, and what is not known."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from guideline_benchmarks.guidelines.export.exporter.formats import export_onnx
from guideline_benchmarks.networks.blocks import initialise
from guideline_benchmarks.networks.catalogue import NETWORKS
from guideline_benchmarks.networks.from_onnx.call import UnknownOperatorError
from guideline_benchmarks.networks.from_onnx.module import torch_module
from guideline_benchmarks.networks.whole import nasnet
from guideline_benchmarks.networks.whole.cells import CellNetwork
from guideline_benchmarks.runners.worker.arrays import worst_error
from tests.test_whole_networks import family
from tests.torch_graphs import (
    BY_CHANNEL,
    IMAGE,
    TOLERANCE,
    WINDOW,
    array,
    assert_same,
    computed,
    drawn,
    expected,
    graph,
    ints,
    one,
)


def exported(module, *shape):
    return onnx.load_from_string(export_onnx(module, (torch.from_numpy(array(*shape)),)))


class Attending(nn.Module):
    """What classifiers after 2020 have: patches, attention, a token of the class, gates."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Hardsigmoid())
        self.token = nn.Parameter(torch.ones(1, 1, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True)
        self.norm, self.last = nn.LayerNorm(8), nn.Linear(8, 5)

    def forward(self, x):
        x = nn.functional.silu(self.patches(x))
        x = nn.functional.hardswish(x * self.gate(x)).flatten(2).transpose(1, 2)
        x = self.layer(torch.cat((self.token.expand(x.size(0), -1, -1), x), dim=1))
        return self.last(self.norm(x)[:, 0]).softmax(-1)


def test_what_torch_exports_of_attention():
    assert_same(exported(Attending().eval(), 2, 3, 8, 12))


def test_cells_of_a_search_with_padding_and_pooling():
    cells = [(nasnet.REDUCTION, 4, 2), (nasnet.NORMAL, 8, 1), (nasnet.NORMAL, 8, 1)]
    assert_same(exported(initialise(CellNetwork(cells), 0).eval(), 2, 3, 21, 21))


QUICK = ("MobileNet v2 0.15x",)


FIRST = {family(name): name for name in reversed(NETWORKS)}.values()


@pytest.mark.parametrize(
    "name",
    [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in sorted({*FIRST} - {*QUICK}))],
)
def test_whole_networks(name):
    module = initialise(NETWORKS[name].build(), 0).eval()
    made = assert_same(exported(module, 1, 3, 64, 64))
    kinds = [type(layer) for layer in made.modules()]
    assert (
        {nn.Conv2d, nn.Linear} <= set(kinds) <= {type(made), nn.Conv2d, nn.Linear, nn.BatchNorm2d}
    )


SPLIT = graph(
    [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Split", ["r"], ["first.half", "2"], axis=1),
        helper.make_node("Add", ["c", "offset"], ["sum"]),
    ],
    {"x": [1, 2, 3, 3]},
    {"w": array(4, 2, 1, 1), "offset": array(4, 1, 1)},
    outputs=("sum", "first.half", "r"),
)


READ = """
import sys
sys.modules["guideline_benchmarks"] = None  # as if it were not installed
import numpy, torch
module = torch.load(sys.argv[1], weights_only=False)
with torch.inference_mode():
    found = module(torch.from_numpy(numpy.load(sys.argv[2])))
numpy.savez(sys.argv[3], **{name: tensor.numpy() for name, tensor in found.items()})
"""


def test_a_module_is_read_where_the_suite_is_not_installed(tmp_path: Path):
    torch.save(torch_module(SPLIT), tmp_path / "model")
    inputs = drawn(SPLIT)
    np.save(tmp_path / "x.npy", inputs["x"])
    files = [tmp_path / name for name in ("model", "x.npy", "found.npz")]
    subprocess.run([sys.executable, "-c", READ, *files], cwd=tmp_path, check=True)
    assert worst_error(dict(np.load(files[-1])), expected(SPLIT, inputs)) < TOLERANCE


@pytest.mark.parametrize("model", [SPLIT, one("Relu", IMAGE)], ids=["several", "y"])
def test_torch_exports_a_module_with_the_names_of_its_outputs(model):
    inputs, content = drawn(model), io.BytesIO()
    arguments = tuple(map(torch.from_numpy, inputs.values()))
    torch.export.save(torch.export.export(torch_module(model), arguments), content)
    content.seek(0)
    found = computed(torch.export.load(content).module(), inputs)
    assert worst_error(found, expected(model, inputs)) < TOLERANCE


def test_one_output_called_y_is_a_tensor_and_all_others_have_their_names():
    x = torch.ones(IMAGE)
    assert isinstance(torch_module(one("Relu", IMAGE))(x), torch.Tensor)
    assert list(torch_module(one("Relu", IMAGE, outputs=["z"]))(x)) == ["z"]
    assert list(torch_module(SPLIT)(torch.ones(1, 2, 3, 3))) == ["sum", "first.half", "r"]


def test_constants_are_computed_once():
    nodes = [
        helper.make_node("Shape", ["x"], ["all"]),
        helper.make_node("Gather", ["all", "first"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    model = graph(nodes, {"x": [2, 3, 4]}, {"first": ints(0), "rest": ints(-1)})
    assert [node.op for node in assert_same(model).graph.nodes] == [
        "placeholder", "call_method", "output",
    ]  # fmt: skip


def test_inputs_are_those_without_an_initial_value_in_order():
    node = helper.make_node("Sub", ["b", "a"], ["m"])
    model = graph(
        [node, helper.make_node("Mul", ["m", "w"], ["y"])], {"b": [3], "w": [3], "a": [3]}
    )
    model.graph.initializer.append(numpy_helper.from_array(array(3), "w"))
    assert_same(model)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (one("Det", [3, 3], name="/last"), "operator Det is not known in torch (node '/last')"),
        (one("Det", [3, 3]), "operator Det is not known in torch (the node of 'y')"),
        (one("Relu", [3], domain="my.own"), "operator my.own::Relu is"),
        (one("Conv", IMAGE, [3, 4, 1, 1]), "operator Conv with a computed input 1 is"),
        (one("MatMul", IMAGE), "operator MatMul without input 1 is"),
        (one("Pad", [3, 3], ints(1, 1, 1, 1), mode="reflect"), "operator Pad in this use is"),
        (one("Constant", [], value_string="a"), "operator Constant with value_string is"),
        (one("MaxPool", IMAGE, **WINDOW, ceil_mode=1, pads=[0, 0, 1, 1]), "operator MaxPool with"),
        (one("AveragePool", IMAGE, **WINDOW, dilations=[2, 2]), "operator AveragePool with dil"),
        (one("LayerNormalization", IMAGE, array(4, 1, 1)), "operator LayerNormalization with"),
        (one("ArgMax", IMAGE, select_last_index=1), "operator ArgMax for the last of equal"),
        (one("Softmax", IMAGE, axis=1, opset=11), "operator Softmax along several axes is"),
        (one("Relu", ["n", 1]), "input x has no shape in numbers."),
        (
            one("BatchNormalization", IMAGE, *BY_CHANNEL, array(4), training_mode=1),
            "operator BatchNormalization in training is",
        ),
        (
            graph(
                [
                    helper.make_node("MaxPool", ["x"], ["p", "places"], kernel_shape=[2, 2]),
                    helper.make_node("Identity", ["places"], ["y"]),
                ],
                {"x": IMAGE},
            ),
            "operator MaxPool with 2 outputs is",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_not_known_is_said_in_one_sentence(model, said):
    kind = UnknownOperatorError if said.startswith("operator") else ValueError
    with pytest.raises(kind, match=re.escape(f"The {said}")):
        torch_module(model)
