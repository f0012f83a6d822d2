"""OpenVINO beside ONNX Runtime: the same answers, all of the work, in the precision asked for."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import nn

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.export import formats, model_files
from guideline_benchmarks.networks.blocks import initialise
from guideline_benchmarks.networks.layers import depthwise_bn
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.store.run_folders import read_run
from guideline_benchmarks.runners.events import Unavailable
from guideline_benchmarks.runners.worker.backends.interface import NoDeviceError, Settings
from guideline_benchmarks.runners.worker_process import WorkerProcess
from tests.test_profiles import Shuffling
from tests.test_worker import archive, setup  # noqa: F401

openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed (make runtimes)")
from guideline_benchmarks.runners.worker.backends import openvino_cpu  # noqa: E402

TOLERANCES = {"fp32": 1e-4, "bf16": 1e-1, "fp16": 1e-2}
CELLS = [cell for g in GUIDELINES.values() for cell in g.cells(NetworkChoice()) if cell.scale == 1]
NEEDED = dict(openvino_cpu.PRECISIONS.values())


class ShuffleNet(nn.Module):
    """Halves of the channels go two ways: OpenVINO makes one split of two slices, and names it."""

    def __init__(self):
        super().__init__()
        self.deep = depthwise_bn(4)

    def forward(self, x):
        one, other = x.chunk(2, dim=1)
        return torch.cat((one, torch.relu(self.deep(other))), dim=1)


def numpy_of(*shape):
    return np.random.RandomState(0).standard_normal(shape).astype(np.float32)


def opened(precision="fp32", threads=1):
    return openvino_cpu.open_backend(Settings(threads, "eager", precision))


def has(precision):
    known = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return openvino_cpu.PRECISIONS[precision][1] in known


def loaded(backend, cell, cache):
    """A cell's network, executed once, and torch's output."""
    _, files = model_files.prepare(cell, "openvino-cpu", 0, cache)
    x = formats.example_input(cell.network.input_shape, 0).numpy()
    expected = np.load(files.expected)
    network = backend.load(str(files.model), {"x": x}, {"y": np.zeros_like(expected)})
    network.run()
    return network, expected


def error(network, expected):
    return np.abs(network.outputs()["y"] - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("cell", CELLS[::5], ids=lambda cell: cell.name)
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_all_of_a_cell_is_executed_in_the_precision_asked_for(cell, precision, tmp_path):
    if not has(precision):
        pytest.skip(f"this CPU has no {precision}")
    network, expected = loaded(opened(precision), cell, tmp_path)
    found = network.executed()["operators"]
    claimed = cell.operators
    assert (found["convolutions"], found["adds"], found["relus"]) == (
        claimed.convolutions,
        claimed.adds,
        claimed.relus,
    )
    assert error(network, expected) <= TOLERANCES[precision]
    # In float32 it would not be off by so much.
    assert precision == "fp32" or error(network, expected) > TOLERANCES["fp32"]


def test_another_precision_than_was_asked_for_is_no_proof(tmp_path):
    if not has("bf16"):
        pytest.skip("this CPU has no bf16")
    network, _ = loaded(opened("bf16"), CELLS[0], tmp_path)
    network.runtime.precision = "f32"
    with pytest.raises(RuntimeError, match="runs convolutions in bf16, and was asked for f32"):
        network.executed()


def test_a_precision_that_the_cpu_lacks_is_refused(monkeypatch):
    class Old(openvino.Core):
        def get_property(self, *_):
            return ["FP32", "INT8"]

    monkeypatch.setattr(openvino_cpu.openvino, "Core", Old)
    assert opened("fp32").precision == "f32"
    with pytest.raises(NoDeviceError, match="no bf16 on this CPU, only FP32, INT8"):
        opened("bf16")


def test_two_profiles_are_of_the_same_operators(tmp_path):
    module = initialise(ShuffleNet(), 0)
    x = formats.example_input((1, 8, 32, 32), 0)
    path = tmp_path / "model"
    path.write_bytes(formats.export_onnx(module, x))
    network = opened().load(str(path), {"x": x.numpy()}, {"y": np.zeros((1, 8, 32, 32), "float32")})
    one, other = network.profile(), network.profile()
    assert one.calls == other.calls
    assert "Split" in {call["operator"] for call in one.calls}


def test_a_bias_is_none_of_the_additions(tmp_path):
    module = initialise(Shuffling(), 0)
    x = formats.example_input((1, 8, 32, 32), 0)
    path = tmp_path / "model"
    path.write_bytes(formats.export_onnx(module, x))
    network = opened().load(str(path), {"x": x.numpy()}, {"y": np.zeros((1, 16), np.float32)})
    assert network.executed()["operators"] == {"convolutions": 3, "adds": 1, "relus": 3}


def test_inputs_and_outputs_are_told_by_their_names(tmp_path):
    class Two(nn.Module):
        def forward(self, x, mask):
            return torch.where(mask, x, -x), x.sum()

    path, x = tmp_path / "model.onnx", numpy_of(2, 3)
    mask = np.array([[True, False, True], [False, True, False]])
    asked = (torch.from_numpy(x), torch.from_numpy(mask))
    names = {"input_names": ["x", "mask"], "output_names": ["signed", "total"]}
    torch.onnx.export(Two(), asked, path, dynamo=False, **names)
    found = {"signed": np.zeros((2, 3), np.float32), "total": np.zeros((), np.float32)}
    network = opened().load(str(path), {"mask": mask, "x": x}, found)
    network.run()
    assert np.allclose(found["signed"], np.where(mask, x, -x))
    assert np.allclose(found["total"], x.sum())


def test_ceilings_are_of_the_precision_that_is_measured():
    found = opened().ceilings()
    assert list(found["products"]) == ["fp32"]
    assert len(found["streams"]) > 3


def test_a_missing_runtime_is_named_with_what_installs_it(archive):  # noqa: F811
    without = (
        f"import runpy, sys; sys.modules['openvino'] = None; runpy.run_path({str(archive)!r}, "
    )
    with WorkerProcess([sys.executable, "-c", f"{without}run_name='__main__')"]) as worker:
        worker.send(setup("openvino-cpu", [], []))
        event = worker.receive(60, Unavailable)
    assert "openvino" in event.clause
    # By the very Python that lacks it.
    assert event.clause.endswith(f": {sys.executable} -m pip install the runtime")


@pytest.mark.slow
def test_fig2_is_measured(guidelines, tmp_path):
    asked = ("--platform", "cpu-openvino", "--runs", "1", "--processes", "1", "--quiet")
    code, _, err = guidelines("run", "fig2", *asked, "--out", str(tmp_path / "run"))
    assert code == 0, err
    run = read_run(tmp_path / "run")
    assert not run.failures
    assert [*run.fingerprint.runtimes] == ["openvino", "numpy"]
