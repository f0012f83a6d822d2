"""LiteRT: its converter's environment, what it is given, and what it executes."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import asdict

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from guideline_benchmarks.guidelines.export import derived
from guideline_benchmarks.guidelines.export.converters import litert, litert_environment
from guideline_benchmarks.guidelines.export.exporter import formats
from guideline_benchmarks.guidelines.export.quantisers import litert as quantiser
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.backends import BACKENDS
from guideline_benchmarks.runners.worker.backends.interface import Settings
from tests.runtimes import is_installed


@pytest.fixture
def runtime():
    """LiteRT's part of the worker."""
    pytest.importorskip("ai_edge_litert")
    from guideline_benchmarks.runners.worker.backends import litert_cpu

    return litert_cpu


@pytest.fixture
def converted(runtime, tmp_path):
    """Convert a module for some inputs, and load it with outputs of these shapes."""
    if not is_installed(BACKENDS["litert-cpu"]):
        pytest.skip("LiteRT's converter is not set up (make litert-converter)")

    def convert(module, inputs, outputs, precision="fp32"):
        tensors = tuple(torch.from_numpy(x) for x in inputs.values())
        model = litert.convert(formats.export_program(module.eval(), tensors))
        if precision == "int8":
            model, _ = quantiser.quantise(model, inputs, 8)
        path = tmp_path / "model"
        path.write_bytes(model)
        return runtime.open_backend(Settings(1, "eager", precision)).load(
            str(path), inputs, outputs
        )

    return convert


class Image(nn.Module):
    """Takes an image, a vector and whole numbers; returns images, a vector and whole numbers."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(4, 6, 1)

    def forward(self, numbers, image, vector):
        y = self.convolution(image)
        return y, torch.relu(y), vector * 2, numbers + 1


def values(*shape):
    return np.random.RandomState(0).standard_normal(shape).astype(np.float32)


def test_images_are_given_and_returned_with_channels_last_and_all_else_as_it_is(converted):
    module = Image()
    inputs = {"n": np.arange(3), "image": values(1, 4, 5, 7), "v": values(2, 3)}
    with torch.no_grad():
        wanted = [y.numpy() for y in module(*map(torch.from_numpy, inputs.values()))]
    network = converted(module, inputs, dict(zip("abcd", wanted, strict=True)))
    for _ in range(2):
        network.run()
    found = network.outputs()
    assert list(found) == list("abcd")
    for y, expected in zip(found.values(), wanted, strict=True):
        np.testing.assert_allclose(y, expected, atol=1e-5)
    assert network.layout == "NHWC"
    # The last is an addition of a constant.
    assert network.executed() == {
        "operators": {"convolutions": 1, "adds": 0, "relus": 1},
        "otherwise": ["ADD by LiteRT's own kernel"],
    }
    with pytest.raises(NotImplementedError, match="no times of single operators"):
        network.profile()


def test_what_convolves_nothing_keeps_its_channels_first(converted):
    x = values(1, 3, 4, 5)
    network = converted(nn.ReLU(), {"x": x}, {"y": x})
    network.run()
    np.testing.assert_array_equal(network.outputs()["y"], np.maximum(x, 0))
    assert network.layout == "NCHW"
    assert network.executed()["operators"] == {"convolutions": 0, "adds": 0, "relus": 1}


def test_a_graph_with_outputs_by_any_name_is_converted_with_all_of_them_in_order():
    nodes = [helper.make_node("Relu", ["x"], ["s"]), helper.make_node("Neg", ["x"], ["a"])]
    ends = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 3]) for n in "xsa"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    x = values(1, 3)
    program = derived.exported(helper.make_model(graph), {"x": x}, "exported")
    found = torch.export.load(io.BytesIO(program)).module()(torch.from_numpy(x))
    assert [y.tolist() for y in found] == [np.maximum(x, 0).tolist(), (-x).tolist()]


def test_what_xnnpack_leaves_is_said(converted):
    x = values(1, 3, 4, 5)
    network = converted(nn.ReLU(), {"x": x}, {"y": x}, "int8")
    network.run()
    np.testing.assert_allclose(network.outputs()["y"], np.maximum(x, 0), atol=x.max() / 50)
    assert network.executed()["otherwise"] == ["RELU by LiteRT's own kernel"]


def test_what_torch_cannot_export_or_litert_not_hold_is_refused(converted):
    class Complex(nn.Module):
        def forward(self, x):
            return torch.fft.fft(x).real

    with pytest.raises(BadInputError, match=r"cannot be converted for LiteRT: "):
        converted(Complex(), {"x": values(2, 5)}, {"y": values(2, 5)})


@pytest.mark.parametrize(("kind", "one"), [(np.float32, 1.0), (np.int8, 1)])
def test_what_measures_ceilings_computes(runtime, kind, one):
    from guideline_benchmarks.runners.worker.backends import litert_models as models

    backend = runtime.open_backend(Settings(1, "eager", "fp32"))
    product = backend.operation(models.product(16, kind), kind, 1, (16, 16))
    product.run()
    np.testing.assert_array_equal(product.outputs()["y"], np.full((16, 16), 16 * one, kind))
    addition = backend.operation(models.addition(16), np.float32, 2, (16,))
    addition.run()
    np.testing.assert_array_equal(addition.outputs()["y"], np.full(16, 2))
    assert models.operators(models.addition(16)) == {"convolutions": 0, "adds": 1, "relus": 0}


def node(name, inputs, outputs):
    return {"op_name": name, "inputs": inputs, "outputs": outputs}


def test_operators_that_no_delegate_takes_over_are_found(runtime):
    nodes = [
        node("QUANTIZE", [0], [1]),
        node("RELU", [1], [2]),
        node("ADD", [2, 1], [3]),
        node("RELU", [3], [4]),
        node("DELEGATE", [0], [1]),
        node("DELEGATE", [1, 2], [3]),
    ]
    assert runtime.own_kernels(nodes) == ["RELU", "RELU"]
    assert runtime.own_kernels(nodes[:4]) == ["QUANTIZE", "RELU", "ADD", "RELU"]


def test_a_convolution_outside_xnnpack_is_no_proof(runtime, monkeypatch, converted):
    network = converted(nn.Conv2d(4, 4, 1), {"x": values(1, 4, 3, 3)}, {"y": values(1, 4, 3, 3)})
    monkeypatch.setattr(runtime, "own_kernels", lambda _: ["CONV_2D", "ADD"])
    with pytest.raises(RuntimeError, match="XNNPACK leaves ADD and CONV_2D to LiteRT's own slow"):
        network.executed()


def test_an_environment_that_is_not_there_or_another_pythons_is_refused(tmp_path):
    with pytest.raises(PlatformError, match=r"is not set up: `guidelines litert-converter`"):
        litert_environment.installed(tmp_path)
    made = asdict(litert_environment.Versions(suite="/another/environment"))
    (tmp_path / "versions.json").write_text(json.dumps(made))
    with pytest.raises(PlatformError, match="set up for another Python"):
        litert_environment.installed(tmp_path)


def test_without_a_converter_a_run_says_how_to_get_it(guidelines, tmp_path):
    pytest.importorskip("ai_edge_litert")
    code, _, said = guidelines(
        *("run", "g1", "--platform", "cpu-litert", "--runs", "1"),
        environment={"XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert (code, said.count("\n")) == (3, 1)
    assert "`guidelines litert-converter`" in said


def test_an_environment_that_pip_cannot_fill_leaves_nothing(tmp_path):
    folder = tmp_path / "environment"
    words = ["--no-index", "--no-deps"]
    with pytest.raises(PlatformError, match="converter cannot be installed: ERROR: No matching"):
        litert_environment.install(folder, words, lambda _: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "error", "said"),
    [
        ("print('{}')", None, ""),
        ('print(\'{"refused": "Error: two\\\\nlines."}\')', BadInputError, "Error: two lines.$"),
        (
            'print(\'{"missing": "No module."}\')',
            PlatformError,
            r"start \(No module\): remove",
        ),
        ("import sys; sys.exit(7)", PlatformError, r"ended unasked \(exit code 7\)"),
    ],
)
def test_what_the_program_answers_becomes_a_sentence(tmp_path, monkeypatch, program, error, said):
    file = tmp_path / "program.py"
    file.write_text(f"import sys\nsys.stdin.readline()\n{program}\n")
    monkeypatch.setattr(litert, "PROGRAM", file)
    monkeypatch.setattr(litert_environment, "installed", lambda _: sys.executable)
    litert._running.cache_clear()
    try:
        if error is None:
            assert litert.ask({"do": "convert"}) == {}
        else:
            with pytest.raises(error, match=said):
                litert.ask({"do": "convert"})
    finally:
        process = litert._running(sys.executable)
        process.kill()
        process.wait()
        litert._running.cache_clear()


def test_what_a_composite_is_made_of_counts_and_how_windows_are_reduced_does_not():
    flatbuffers = pytest.importorskip("flatbuffers")
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")

    from guideline_benchmarks.runners.worker.backends import litert_models as models

    whole = schema.ModelT.InitFromPackedBuf(models.addition(4))
    # Two graphs besides, each an addition; the first of them is what the composite is made of.
    whole.subgraphs += [
        schema.ModelT.InitFromPackedBuf(models.addition(4)).subgraphs[0] for _ in range(2)
    ]
    code, composite = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = models.KINDS.STABLEHLO_COMPOSITE
    code.deprecatedBuiltinCode = 127
    whole.operatorCodes.append(code)
    composite.opcodeIndex, composite.inputs, composite.outputs = 1, [0, 1], [2]
    composite.builtinOptions2Type = schema.BuiltinOptions2.StableHLOCompositeOptions
    composite.builtinOptions2 = schema.StableHLOCompositeOptionsT()
    composite.builtinOptions2.decompositionSubgraphIndex = 1
    whole.subgraphs[0].operators.append(composite)
    builder = flatbuffers.Builder()
    builder.Finish(whole.Pack(builder), models.IDENTIFIER)
    found = models.operators(bytes(builder.Output()))
    assert found == {"convolutions": 0, "adds": 2, "relus": 0}
