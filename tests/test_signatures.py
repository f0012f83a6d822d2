"""Networks of any signature, on both runtimes: inputs, outputs, types, data, and what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from guideline_benchmarks.guidelines.export.input_options import parse_input, parse_range
from guideline_benchmarks.results.errors import BadInputError
from tests.user_networks import MODULES, exported

# One of each format that networks are exported in.
BACKENDS = ("onnxruntime-cpu", "torch-cpu")
IMAGE = "1,3,8,8"


@pytest.fixture
def folder(tmp_path, monkeypatch, quick_exports):
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


SIGNATURES = [
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
]
# What torch keeps otherwise than ONNX does; of the others one format says enough by day.
KEPT_OTHERWISE = ("Masked", "Structured", "recurrent", "half", "lazy", "scripted", "weight_normed")


def with_formats(cases, kept):
    """Each case with each format; with torch's by night, but for networks that are named."""
    return [
        pytest.param(
            *(backend, *case),
            marks=[pytest.mark.slow] if backend == "torch-cpu" and case[0] not in kept else [],
        )
        for backend in BACKENDS
        for case in cases
    ]


@pytest.mark.parametrize(
    ("backend", "name", "given", "inputs", "outputs"), with_formats(SIGNATURES, KEPT_OTHERWISE)
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


REFUSED = [
    ("Masked", [IMAGE, "nope=1"], "takes no nope: its forward takes image, mask, scale"),
    ("Masked", ["image=1,3", "image=1,4"], "gives image of .* twice"),
    ("Sum", [IMAGE], "missing 1 required .* Give each of its inputs with --input NAME=SHAPE"),
    ("Logarithm", [IMAGE], "not finite for random inputs: .* --values FILE.npz, .* --range"),
    ("scripted_in_part", [IMAGE], "Script or trace the whole network, not a part of it"),
    ("small", ["1,3,8,8:uint16"], "Torch has no type uint16"),
]


@pytest.mark.parametrize(
    ("backend", "name", "given", "words"), with_formats(REFUSED, ["scripted_in_part"])
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
