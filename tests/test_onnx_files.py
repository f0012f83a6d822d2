"""ONNX files of the user's: any signature and type, weights wherever they lie, and what is none."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from guideline_benchmarks.results.errors import BadInputError
from tests.user_networks import exported


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(tensors):
    return [tensor.text for tensor in tensors]


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def write(path, nodes, inputs, outputs, constants=(), ir=8, opset=17, **how):
    """Write an ONNX file of some nodes; constants are numpy arrays by name."""
    tensors = [numpy_helper.from_array(array, name) for name, array in dict(constants).items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=ir), path, **how)


def write_open(path):
    """Write a network with two inputs of open sizes and three outputs."""
    write(
        path,
        [
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("ArgMax", ["sum"], ["best"], axis=1),
            helper.make_node("Greater", ["a", "b"], ["more"]),
        ],
        [value("a", ["n", 3, "h"]), value("b", [1, 3, "h"])],
        [
            value("sum", None),
            value("best", None, TensorProto.INT64),
            value("more", None, TensorProto.BOOL),
        ],
    )


def test_an_onnx_file_with_open_sizes_and_many_outputs(folder):
    write_open("open.onnx")
    for given in (["a=2,3,4", "b=1,3,4"], ["2,3,4", "1,3,4:float32"], ["b=1,3,4", "2,3,4"]):
        found = exported("open.onnx", *given)
        assert names(found.inputs) == ["a 2×3×4", "b 1×3×4"]
        assert names(found.outputs) == ["sum 2×3×4", "best 2×1×4 int64", "more 2×3×4 bool"]
    np.savez("data.npz", a=np.ones((2, 3, 4)), b=np.ones((1, 3, 4)))
    assert names(exported("open.onnx", values="data.npz").inputs) == ["a 2×3×4", "b 1×3×4"]
    for given, words in (
        ([], r"takes a \(n×3×h, .*, b \(1×3×h.* --input a=SIZE,… --input b=SIZE"),
        (["c=1"], "has no input c: it takes a"),
        (["1,3,4"], "say the sizes that it leaves open"),
        (["2,4,4", "1,3,4"], "takes an input of n×3×h, not of 2×4×4"),
        (["2,3,4:int64", "1,3,4"], "takes a as float32, not as int64"),
        (["1,3,4"] * 3, "--input is given 3 times"),
    ):
        with pytest.raises(BadInputError, match=words):
            exported("open.onnx", *given)


def test_an_onnx_file_says_its_own_sizes(folder):
    relu = [helper.make_node("Relu", ["x"], ["y"])]
    for shape, found in (
        ([1, 1, 28, 28], "x 1×1×28×28"),
        (["n", 5], "x 1×5"),
        (["n", 3, "h", "w"], "x 1×3×224×224"),
        ([], "x a number"),
    ):
        write("own.onnx", relu, [value("x", shape)], [value("y", shape)])
        assert names(exported("own.onnx").inputs) == [found]


@pytest.mark.parametrize(
    ("kind", "called", "precision"),
    [
        (TensorProto.FLOAT16, "float16", "fp16"),
        (TensorProto.DOUBLE, "float64", "fp32"),
        (TensorProto.INT64, "int64", "fp32"),
        (TensorProto.INT32, "int32", "fp32"),
        (TensorProto.UINT8, "uint8", "fp32"),
        (TensorProto.INT8, "int8", "fp32"),
        (TensorProto.BOOL, "bool", "fp32"),
    ],
)
def test_an_onnx_file_of_any_type_that_the_runtime_takes(folder, kind, called, precision):
    node = [helper.make_node("Transpose", ["x"], ["y"])]
    write("typed.onnx", node, [value("x", [2, 3], kind)], [value("y", [3, 2], kind)])
    found = exported("typed.onnx")
    assert (found.inputs[0].kind, found.outputs[0].kind) == (called, called)
    assert found.precision == precision


def test_an_optional_input_is_given_or_left_out(folder):
    write(
        "optional.onnx",
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [value("x", [1, 3]), value("w", [1, 3])],
        [value("y", [1, 3])],
        {"w": np.ones((1, 3), np.float32)},
    )
    assert names(exported("optional.onnx").inputs) == ["x 1×3"]
    assert names(exported("optional.onnx", "w=1,3").inputs) == ["x 1×3", "w 1×3"]


def test_an_input_of_an_optional_type_is_left_out(folder):
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, [1, 3])
    given = helper.make_value_info("o", helper.make_optional_type_proto(tensor))
    branches = {}
    for name, operator, source in (
        ("then_branch", "OptionalGetElement", "o"),
        ("else_branch", "Abs", "x"),
    ):
        node = helper.make_node(operator, [source], [name])
        branches[name] = helper.make_graph([node], name, [], [value(name, [1, 3])])
    nodes = [
        helper.make_node("OptionalHasElement", ["o"], ["there"]),
        helper.make_node("If", ["there"], ["y"], **branches),
    ]
    write("typed.onnx", nodes, [value("x", [1, 3]), given], [value("y", [1, 3])], opset=18)
    assert names(exported("typed.onnx").inputs) == ["x 1×3"]
    with pytest.raises(BadInputError, match="has no input o"):
        exported("typed.onnx", "o=1,3")


def test_an_onnx_file_whose_values_are_random_or_not_finite(folder):
    both = [value("x", [1, 9])], [value("y", [1, 9])]
    noise = [helper.make_node("RandomNormalLike", ["x"], ["r"])]
    write("random.onnx", [*noise, helper.make_node("Add", ["x", "r"], ["y"])], *both)
    with pytest.raises(BadInputError, match="returns something else each time"):
        exported("random.onnx")
    write("log.onnx", [helper.make_node("Log", ["x"], ["y"])], *both)
    with pytest.raises(BadInputError, match="not finite for random inputs"):
        exported("log.onnx")
    assert exported("log.onnx", ranges=("1,2",)).outputs[0].shape == (1, 9)


def write_convolution(path, **how):
    weights = np.full((4, 3, 1, 1), 0.5, np.float32)
    node = [helper.make_node("Conv", ["x", "w"], ["y"])]
    write(path, node, [value("x", [1, 3, 8, 8])], [value("y", [1, 4, 8, 8])], {"w": weights}, **how)


OUTSIDE = {"save_as_external_data": True, "size_threshold": 0, "location": "weights.bin"}


def test_weights_come_along_through_links_of_any_kind(folder):
    (folder / "plain").mkdir()
    write_convolution("plain/model.onnx", **OUTSIDE)
    (folder / "snapshot").mkdir()
    for name in ("model.onnx", "weights.bin"):
        (folder / "snapshot" / name).symlink_to(f"../plain/{name}")
    (folder / "hard").mkdir()
    for name in ("model.onnx", "weights.bin"):
        (folder / "hard" / name).hardlink_to(folder / "plain" / name)
    for place in ("plain", "snapshot", "hard"):
        assert names(exported(f"{place}/model.onnx").outputs) == ["y 1×4×8×8"]
    (folder / "plain" / "weights.bin").write_bytes(b"short")
    with pytest.raises(BadInputError, match=r"weights\.bin, with weights of .* is cut short"):
        exported("plain/model.onnx")
    (folder / "plain" / "weights.bin").unlink()
    with pytest.raises(BadInputError, match=r"weights.bin, which is missing: get that file"):
        exported("plain/model.onnx")
    with pytest.raises(BadInputError, match=r"missing \(a link to a file that is not there\)"):
        exported("snapshot/model.onnx")


def test_weights_outside_a_models_own_folder_are_not_read(folder):
    write_convolution("model.onnx", **OUTSIDE)
    model = onnx.load("model.onnx", load_external_data=False)
    model.graph.initializer[0].external_data[0].value = "../weights.bin"
    onnx.save(model, "model.onnx")
    with pytest.raises(BadInputError, match="outside its own folder: put them beside it"):
        exported("model.onnx")


def test_weights_that_no_one_file_can_hold_are_kept_beside_it(folder, monkeypatch):
    import onnxruntime

    from guideline_benchmarks.guidelines.export.exporter import onnx_content

    write_convolution("model.onnx", **OUTSIDE)
    monkeypatch.setattr(onnx_content, "MOST_IN_ONE_FILE", 100)
    out = folder / "out"
    out.mkdir()
    onnx_content.write_whole(onnx_content.read_model(folder / "model.onnx"), folder / "m", out)
    assert {file.name for file in out.iterdir()} == {"model", "weights"}
    session = onnxruntime.InferenceSession(out / "model", providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": np.ones((1, 3, 8, 8), np.float32)})
    assert (y == 1.5).all()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:5\nsize 9\n", "git lfs pull"),
        (b"<!DOCTYPE html>\n<html></html>", "an HTML page"),
        (b"\n  <HTML><body>", "an HTML page"),
        (b"PK\x03\x04rest", "an archive: unpack it"),
        (b"\x1f\x8brest", "an archive: unpack it"),
        (b"junk", "no ONNX model"),
        (b"\x08\x08", "holds no graph with an operator"),
    ],
)
def test_what_is_no_onnx_file_is_told_what_it_is(folder, content, words):
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(BadInputError, match=words):
        exported("model.onnx")


@pytest.mark.parametrize(("field", "said"), [("ir", "IR"), ("opset", "opset")])
def test_a_file_that_is_too_new_says_so_with_both_versions(folder, field, said):
    write_convolution("new.onnx", **{field: 99})
    with pytest.raises(BadInputError, match=rf"has {said} version 99, and .* reads up to \d+"):
        exported("new.onnx")


@pytest.mark.parametrize("name", ["A.ONNX", "50%_a&b#c$d ~^{x}|y.onnx"])
def test_an_onnx_file_by_any_name(folder, name):
    write_convolution(name)
    assert names(exported(name).outputs) == ["y 1×4×8×8"]


def test_a_quantised_file_is_compared_with_its_own_graph(folder):
    constants = {
        "scale": np.float32(0.03), "zero": np.uint8(128),
        "w_int": np.full((4, 3, 1, 1), 7, np.int8), "w_scale": np.float32(0.01),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["x_int"]),
        helper.make_node("DequantizeLinear", ["x_int", "scale", "zero"], ["x_again"]),
        helper.make_node("DequantizeLinear", ["w_int", "w_scale"], ["w"]),
        helper.make_node("Conv", ["x_again", "w"], ["y"]),
    ]
    shapes = [value("x", [1, 3, 8, 8])], [value("y", [1, 4, 8, 8])]
    write("qdq.onnx", nodes, *shapes, constants)
    found = exported("qdq.onnx")
    assert found.precision == "int8"
    assert found.tolerance == 0.05
