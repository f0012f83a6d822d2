"""ncnn: networks go through its converter, and are proved and timed by a real worker."""

from __future__ import annotations

import importlib.util
import io
import sys
import zipfile
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from guideline_benchmarks.guidelines.catalogue import GUIDELINES, select
from guideline_benchmarks.guidelines.controls import CONTROLS
from guideline_benchmarks.guidelines.export import model_files
from guideline_benchmarks.guidelines.export.converters import converter
from guideline_benchmarks.guidelines.session import planning
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.runners import proof, worker_archive
from guideline_benchmarks.runners.events import Loaded, Ready, RoundDone, Sample, Stopped, Warm
from guideline_benchmarks.runners.worker.backends.interface import NoDeviceError, Settings
from guideline_benchmarks.runners.worker_process import WorkerProcess
from tests.test_worker import TOLERANCE, setup

pytest.importorskip("ncnn")
if importlib.util.find_spec("pnnx") is None:
    pytest.skip("pnnx is not installed", allow_module_level=True)

from guideline_benchmarks.runners.worker.backends import ncnn_cpu

NCNN = converter("ncnn")
CHOSEN = ("1:12", "g=8", "4-fragment-series", "4-fragment-parallel", "relu+shortcut", "none")
SHAPE = (1, 4, 5, 7)


def chosen_cells():
    """The smallest cells of some rows that convert in different ways, and the controls."""
    cells = [cell for g in GUIDELINES.values() for cell in g.cells(NetworkChoice())]
    return [c for c in cells if c.scale == 1 and c.row in CHOSEN] + list(CONTROLS)


def graph(nodes, inputs, outputs, kind=TensorProto.FLOAT):
    """An ONNX model of some nodes; inputs and outputs are shapes by name."""
    x, y = (
        [helper.make_tensor_value_info(name, of, shape) for name, shape in values.items()]
        for values, of in ((inputs, kind), (outputs, TensorProto.FLOAT))
    )
    made = helper.make_graph(nodes, "user", x, y)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opset, ir_version=8).SerializeToString()


def loaded(model, inputs, outputs, path, threads=1):
    """The network of an ONNX model, loaded into ncnn in this process."""
    path.write_bytes(NCNN.convert(model))
    backend = ncnn_cpu.open_backend(Settings(threads, "eager", "fp32"))
    return backend.load(str(path), inputs, outputs)


def numbers(shape, seed=0):
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.usefixtures("several_cores")
@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (3, 2)])
@pytest.mark.alone
@pytest.mark.slow
def test_networks_of_every_table_are_proved_and_timed(batch, threads, networks, tmp_path):
    cells = [replace(c, network=replace(c.network, batch=batch)) for c in chosen_cells()]
    assert len(cells) == len(CHOSEN) + len(CONTROLS)
    files = [model_files.prepare(cell, "ncnn-cpu", 0, networks)[1] for cell in cells]
    archive = worker_archive.build(tmp_path)
    with WorkerProcess([sys.executable, str(archive)]) as worker:
        worker.send(setup("ncnn-cpu", cells, files) | {"threads": threads})
        assert set(worker.receive(60, Ready).runtimes) == {"ncnn", "numpy"}
        for cell in cells:
            event = worker.receive(60, Loaded)
            assert proof.executed_operators(event.executed) == cell.operators, cell.name
            assert event.output_error <= TOLERANCE
            assert bool(event.executed.unproven) == bool(cell.operators.convolutions)
        worker.receive(60, Warm)
        worker.send({"do": "round", "order": [1, 0]})
        assert [worker.receive(60, Sample).cell for _ in range(2)] == [1, 0]
        worker.receive(60, RoundDone)
        worker.send({"do": "stop", "ceilings": True})
        ceilings = worker.receive(60, Stopped).ceilings
        assert list(ceilings.products) == ["fp32"]
        assert ceilings.streams


def test_inputs_and_outputs_keep_their_order_and_inputs_their_values(tmp_path):
    nodes = [
        helper.make_node("Relu", ["b"], ["positive"]),
        helper.make_node("Sub", ["positive", "a"], ["difference"]),
        helper.make_node("Relu", ["a"], ["same"]),
    ]
    model = graph(
        nodes, {"a": SHAPE, "b": SHAPE}, {"difference": SHAPE, "positive": SHAPE, "same": SHAPE}
    )
    a, b = numbers(SHAPE, 1), numbers(SHAPE, 2)
    outputs = {name: np.empty(SHAPE, np.float32) for name in ("difference", "positive", "same")}
    network = loaded(model, {"a": a, "b": b}, outputs, tmp_path / "model")
    for _ in range(2):
        network.run()
        found = network.outputs()
        assert list(found) == list(outputs)
        np.testing.assert_array_equal(found["positive"], np.maximum(b, 0))
        np.testing.assert_array_equal(found["same"], np.maximum(a, 0))
        np.testing.assert_allclose(found["difference"], np.maximum(b, 0) - a, rtol=1e-6)
    assert network.executed()["operators"] == {"convolutions": 0, "adds": 0, "relus": 2}
    assert network.executed()["unproven"] == []
    with pytest.raises(NotImplementedError, match="no times of single layers"):
        network.profile()


@pytest.mark.parametrize("shape", [(5, 6), (1, 3, 6), (2, 3, 6)])
def test_arrays_without_a_batch_keep_their_shape(shape, tmp_path):
    w = numbers((6, 4))
    weights = helper.make_node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(w))
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    wanted = (*shape[:-1], 4)
    model = graph([weights, product], {"x": shape}, {"y": wanted})
    x = numbers(shape, 1)
    network = loaded(model, {"x": x}, {"y": np.empty(wanted, np.float32)}, tmp_path / "model")
    network.run()
    np.testing.assert_allclose(network.outputs()["y"], x @ w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "additions", "relu"),
    [
        (("BinaryOp", 2, {"0": "0"}), 1, False),
        (("BinaryOp", 2, {}), 1, False),
        (("BinaryOp", 1, {"0": "0", "1": "1", "2": "1.0"}), 0, False),
        (("BinaryOp", 2, {"0": "2"}), 0, False),
        (("Eltwise", 3, {"0": "1"}), 2, False),
        (("Eltwise", 2, {}), 0, False),
        (("Convolution", 1, {"0": "8", "9": "1"}), 0, True),
        (("ConvolutionDepthWise", 1, {"9": "3"}), 0, False),
        (("InnerProduct", 1, {"9": "1"}), 0, True),
        (("ReLU", 1, {}), 0, True),
        (("ReLU", 1, {"0": "0.1"}), 0, False),
    ],
)
def test_what_a_layer_counts_as(layer, additions, relu):
    made = ncnn_cpu.Layer(*layer)
    assert ncnn_cpu.additions(made) == additions
    assert ncnn_cpu.has_relu(made) == relu


def test_the_same_network_is_converted_to_the_same_file():
    model = graph([helper.make_node("Relu", ["x"], ["y"])], {"x": SHAPE}, {"y": SHAPE})
    first = NCNN.convert(model)
    assert NCNN.convert(model) == first
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert file.namelist() == ["model.param", "model.bin", "axes.json"]
        assert {one.compress_type for one in file.infolist()} == {zipfile.ZIP_STORED}


def one_sentence(text):
    return text.count("\n") == 0 and text.endswith(".")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (b"hello", "pnnx cannot convert this network"),
        (
            graph([helper.make_node("ArgMax", ["x"], ["y"])], {"x": SHAPE}, {"y": SHAPE}),
            "no layer of ncnn's for ArgMax",
        ),
        (
            graph([helper.make_node("Nonsense", ["x"], ["y"])], {"x": SHAPE}, {"y": SHAPE}),
            "pnnx cannot convert this network for ncnn: .*Nonsense",
        ),
        (
            graph([helper.make_node("Relu", ["x"], ["y"])], {"x": SHAPE}, {"y": SHAPE}, 7),
            "float32 only, and input x is of int64",
        ),
        (
            graph([helper.make_node("Relu", ["x"], ["y"])], {"x": ("n", 4)}, {"y": ("n", 4)}),
            "fixed shape, and input x has none",
        ),
    ],
)
def test_what_cannot_be_converted_is_said_in_one_sentence(model, said):
    with pytest.raises(BadInputError, match=said) as raised:
        NCNN.convert(model)
    assert one_sentence(str(raised.value))


def test_what_ncnn_chooses_inside_a_layer_is_said_to_be_unproven():
    options = ncnn_cpu.ncnn.Net().opt
    said = "Winograd's algorithm allowed, packed layouts {}"
    assert ncnn_cpu.choices(options) == said.format("allowed")
    options.use_packing_layout = False
    assert ncnn_cpu.choices(options) == said.format("off")


def test_without_pnnx_the_command_that_installs_it_is_said(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(PlatformError, match=r"pip install 'guideline-benchmarks\[ncnn\]'"):
        NCNN.versions()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PlatformError, match="make tables PLATFORM=cpu-ncnn"):
        NCNN.convert(b"")


def test_an_ncnn_without_batches_is_refused(monkeypatch):
    class Mat:
        def numpy(self):
            """Return an array."""

    monkeypatch.setattr(ncnn_cpu.ncnn, "Mat", Mat)
    with pytest.raises(NoDeviceError, match=f"{sys.executable} -m pip install -U ncnn"):
        ncnn_cpu.open_backend(Settings(1, "eager", "fp32"))


def convolved(precision, asked_of, model):
    """The output of a convolution in a precision, by a backend that was opened for another."""
    backend = ncnn_cpu.open_backend(Settings(1, "eager", asked_of))
    inputs, outputs = {"in0": numbers((1, 8, 6, 6))}, {"out0": np.empty((1, 8, 6, 6), np.float32)}
    network = ncnn_cpu.NcnnNetwork(backend, model, inputs, outputs, precision)
    network.run()
    return network.outputs()["out0"], network


@pytest.fixture
def convolution():
    weights = bytes(4) + numbers((8, 8, 1, 1)).tobytes()
    return ncnn_cpu.Model(ncnn_cpu.CONVOLUTION, weights, {"in0": 0, "out0": 0})


@pytest.mark.parametrize(("precision", "tolerance"), [("fp16", 1e-2), ("bf16", 1e-1)])
def test_a_precision_is_refused_exactly_where_asking_for_it_changes_nothing(
    precision, tolerance, convolution
):
    whole, _ = convolved("fp32", "fp32", convolution)
    rounded, _ = convolved(precision, "fp32", convolution)
    assert np.abs(rounded - whole).max() < tolerance * np.abs(whole).max()
    try:
        other, network = convolved(precision, precision, convolution)
    except NoDeviceError as error:
        assert str(error) == f"ncnn has no {precision} on this CPU"
        assert np.array_equal(rounded, whole)
    else:
        assert not np.array_equal(rounded, whole)
        assert np.array_equal(rounded, other)
        assert network.executed()["otherwise"] == []


def test_an_output_may_be_farther_off_where_winograd_runs_in_fp16():
    allowed = {
        precision: plan(select(["g4"]), "cpu-ncnn", Options(1, 1, precision=precision)).protocol
        for precision in ("fp32", "fp16", "bf16")
    }
    tolerances = [protocol.output_tolerance for protocol in allowed.values()]
    assert tolerances == [1e-4, 1e-1, 1e-1]
    assert planning.output_tolerance("fp16", ["torch-cuda"]) == 1e-2
    # Of two sides, the coarser one's.
    assert planning.output_tolerance("fp16", ["openvino-cpu", "ncnn-cpu"]) == 1e-1


def test_a_layer_that_stays_in_full_precision_is_told(convolution, monkeypatch):
    # Of no layer of a CPU does ncnn say this.
    monkeypatch.setitem(ncnn_cpu.ABLE, "bf16", "support_vulkan_any_packing")
    _, network = convolved("bf16", "fp32", convolution)
    assert network.executed()["otherwise"] == ["Convolution in fp32"]
    with pytest.raises(NoDeviceError, match="no bf16 on this CPU"):
        convolved("bf16", "bf16", convolution)


def test_run_time_is_not_taken_apart():
    with pytest.raises(BadInputError, match="cpu-ncnn does not show"):
        plan(select(["fig2"]), "cpu-ncnn", Options(1, 1))
