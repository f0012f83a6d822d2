"""Networks of any signature, on both runtimes: inputs, outputs, types, data, and what cannot be."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from guideline_benchmarks.guidelines.export.input_options import parse_input, parse_range
from guideline_benchmarks.results.errors import BadInputError
from tests.user_networks import MODULES, exported

BACKENDS = ("onnxruntime-cpu", "torch-cpu")
IMAGE = "1,3,8,8"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with modules of networks."""
    for file in MODULES.glob("*.py"):
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,3,224,224", (None, [1, 3, 224, 224], None)),
        ("mask=1,224,224:bool", ("mask", [1, 224, 224], "bool")),
        ("images:0=1,2", ("images:0", [1, 2], None)),
        ("a=b=1,2:half", ("a=b", [1, 2], "float16")),
        ("step=:int64", ("step", [], "int64")),
        ("1,12:int", (None, [1, 12], "int64")),
    ],
)
def test_an_input_is_a_name_a_shape_and_a_type(text, found):
    assert tuple(parse_input(text).values()) == found


@pytest.mark.parametrize("text", ["", "1,,2", "1,0", "-1", "big", "1x3", "1,3:complex64", ":bool"])
def test_what_is_no_input_is_one_sentence(text):
    with pytest.raises(BadInputError, match="--input"):
        parse_input(text)


@pytest.mark.parametrize("text", ["", "1", "2,1", "a,b", "0,inf", "nan,1", "1,2,3"])
def test_what_is_no_range_is_one_sentence(text):
    with pytest.raises(BadInputError, match=r"--range .* is no range"):
        parse_range(text)


def test_a_range_is_of_one_input_or_of_all():
    assert parse_range("0,1") == {"name": None, "low": 0, "high": 1}
    assert parse_range("ids=0,30") == {"name": "ids", "low": 0, "high": 30}


def names(tensors):
    return [tensor.text for tensor in tensors]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("name", "given", "inputs", "outputs"),
    [
        (
            "Masked",
            [IMAGE],
            ["image 1×3×8×8"],
            ["features 1×4×8×8", "pooled.0 1×4", "pooled.1.0 1×4"],
        ),
        (
            "Masked",
            ["mask=1,1,8,8:bool", IMAGE, "scale=:float32"],
            ["mask 1×1×8×8 bool", "image 1×3×8×8", "scale a number"],
            ["features 1×4×8×8", "pooled.0 1×4", "pooled.1.0 1×4"],
        ),
        ("Detector", [IMAGE], ["x 1×3×8×8"], ["boxes 1×4×8×8", "scores a number"]),
        (
            "Structured",
            ["images.0=1,3,8,8", "images.1=1,3,8,8", "pair.a=1,4,8,8", "pair.b=1", "extras.bias=1"],
            ["images.0 1×3×8×8", "images.1 1×3×8×8", "pair.a 1×4×8×8", "pair.b 1", "extras.bias 1"],
            ["y 1×4×8×8"],
        ),
        ("Encoder", ["1,5:int64"], ["ids 1×5 int64"], ["y 1×5×16"]),
        ("Best", [IMAGE], ["x 1×3×8×8"], ["y 1×8×8 int64"]),
        ("Sum", ["1,3", "1,3"], ["a 1×3", "b 1×3"], ["y 1×3"]),
        ("recurrent", ["1,5,8"], ["input 1×5×8"], ["y.0 1×5×16", "y.1.0 1×1×16", "y.1.1 1×1×16"]),
        ("half", [IMAGE], ["input 1×3×8×8 float16"], ["y 1×8×6×6 float16"]),
        ("double", ["1,8"], ["input 1×8 float64"], ["y 1×8 float64"]),
        ("lazy", [IMAGE], ["input 1×3×8×8"], ["y 1×4"]),
        ("scripted", [IMAGE], ["input 1×3×8×8"], ["y 1×8×6×6"]),
        ("traced", [IMAGE], ["input 1×3×8×8"], ["y 1×8×6×6"]),
        ("weight_normed", [IMAGE], ["input 1×3×8×8"], ["y 1×8×6×6"]),
        ("spectral_normed", [IMAGE], ["input 1×3×8×8"], ["y 1×8×6×6"]),
        ("normed_as_before", [IMAGE], ["input 1×3×8×8"], ["y 1×8×4×4"]),
    ],
)
def test_a_module_takes_and_returns_what_it_likes(folder, backend, name, given, inputs, outputs):
    found = exported(f"signatures:{name}", *given, backend=backend)
    assert names(found.inputs) == inputs
    assert names(found.outputs) == outputs
    assert found.precision == ("fp16" if name == "half" else "fp32")
    assert bool(found.notes) == ("normed" in name)


def test_an_output_that_is_called_as_an_input_is(folder):
    assert names(exported("signatures:Same", "1,3").outputs) == ["y_out 1×3"]
    assert names(exported("signatures:Same", "1,3", backend="torch-cpu").outputs) == ["y 1×3"]


def test_without_a_shape_a_module_gets_an_image(folder):
    assert names(exported("signatures:small").inputs) == ["input 1×3×224×224"]


def test_bfloat16_is_for_torch(folder):
    assert exported("signatures:bfloat", IMAGE, backend="torch-cpu").precision == "bf16"
    with pytest.raises(BadInputError, match=r"is in bfloat16, which .* \.float\(\)"):
        exported("signatures:bfloat", IMAGE)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("Masked", [IMAGE, "nope=1"], "takes no nope: its forward takes image, mask, scale"),
        ("Masked", ["image=1,3", "image=1,4"], "gives image of .* twice"),
        ("Sum", [IMAGE], "missing 1 required .* Give each of its inputs with --input NAME=SHAPE"),
        ("Logarithm", [IMAGE], "not finite for random inputs: .* --values FILE.npz, .* --range"),
        ("scripted_in_part", [IMAGE], "Script or trace the whole network, not a part of it"),
        ("small", ["1,3,8,8:uint16"], "Torch has no type uint16"),
    ],
)
def test_what_a_module_does_not_take_is_one_sentence(folder, backend, name, given, words):
    with pytest.raises(BadInputError, match=words) as caught:
        exported(f"signatures:{name}", *given, backend=backend)
    assert "\n" not in str(caught.value)


def test_a_class_inside_a_function_cannot_be_in_a_file_of_torch(folder):
    assert names(exported("signatures:local", "1,3").outputs) == ["y 1×3"]
    with pytest.raises(BadInputError, match="Define its classes and functions at the top"):
        exported("signatures:local", "1,3", backend="torch-cpu")


def test_numbers_are_drawn_from_a_range(folder):
    assert exported("signatures:Logarithm", IMAGE, ranges=("1,2",)).precision == "fp32"
    exported("signatures:Encoder", "1,5:int64", ranges=("ids=0,9",))
    with pytest.raises(BadInputError, match="out of range"):
        exported("signatures:Encoder", "1,50:int64", ranges=("0,99",))
    with pytest.raises(BadInputError, match="--range names nope"):
        exported("signatures:Encoder", "1,5:int64", ranges=("nope=0,9",))
    with pytest.raises(BadInputError, match=r"--range 0.5,2 is no range of int64"):
        exported("signatures:Encoder", "1,5:int64", ranges=("0.5,2",))


def test_real_data_come_from_a_file(folder):
    image, mask = np.ones((1, 3, 8, 8)), np.ones((1, 1, 8, 8), bool)
    np.savez("good.npz", image=image, mask=mask)
    for given in ([], [IMAGE], ["image=1,3,8,8"]):
        found = exported("signatures:Masked", *given, values="good.npz")
        assert names(found.inputs) == ["image 1×3×8×8", "mask 1×1×8×8 bool"]
    np.savez("zeros.npz", x=np.zeros((1, 3, 8, 8)))
    np.savez("objects.npz", x=np.array([None]))
    np.save("alone.npy", image)
    for file, name, given, words in (
        ("missing.npz", "Masked", [], "There is no file missing.npz, which --values names"),
        ("alone.npy", "Masked", [], "holds one array without a name"),
        ("objects.npz", "Logarithm", [], "no .npz file of plain arrays"),
        ("signatures.py", "Masked", [], "no .npz file of plain arrays"),
        ("good.npz", "Logarithm", [], "takes no image: its forward takes x"),
        ("good.npz", "Masked", ["1,3,9,9"], r"holds image of shape \[1, 3, 8, 8\], and"),
        ("good.npz", "Masked", ["image=1,3,8,8:int64"], "image as float64, and .* takes int64"),
        ("zeros.npz", "Logarithm", [], "not finite for the values of zeros.npz"),
    ):
        with pytest.raises(BadInputError, match=words):
            exported(f"signatures:{name}", *given, values=file)


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
