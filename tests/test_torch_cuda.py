"""Torch's GPU backend on a stand-in for the card: modes, layouts, precision, what goes wrong."""

from __future__ import annotations

from dataclasses import asdict
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from torch import nn

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.export import formats
from guideline_benchmarks.guidelines.export.model_files import build
from guideline_benchmarks.guidelines.session import planning
from guideline_benchmarks.networks.blocks import initialise
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.record.platform import LEAST_CLOCK
from guideline_benchmarks.runners.worker import ceilings
from guideline_benchmarks.runners.worker.arrays import output_error
from guideline_benchmarks.runners.worker.backends import torch_cuda
from guideline_benchmarks.runners.worker.backends.interface import (
    DeviceLostError,
    NoDeviceError,
    Settings,
)
from guideline_benchmarks.runners.worker.cuda import device as cuda_device
from guideline_benchmarks.runners.worker.cuda import stopwatch
from tests.simulated_gpu import CpuAsGpu


@pytest.fixture
def opened(monkeypatch):
    """Open the backend on the stand-in; torch's inference mode ends with the test."""
    monkeypatch.setattr(ceilings, "GPU_LARGEST", 2**22)
    monkeypatch.setattr(ceilings, "GPU_ROWS", 16)
    monkeypatch.setattr(torch_cuda, "COMPILER", {"backend": "eager"})
    kept = []

    def open_backend(mode="graph", precision="fp32", device=None):
        kept.append(torch_cuda.TorchCuda(Settings(1, mode, precision), device or CpuAsGpu()))
        return kept[-1]

    yield open_backend
    for backend in kept:
        backend.inference.__exit__(None, None, None)


def written(module, shape, folder):
    """Write a module; return its path, an input and its output."""
    x = formats.example_input(shape, 0)
    with torch.inference_mode():
        y = module(x).numpy()
    path = folder / "model"
    path.write_bytes(formats.export_torch(module, x))
    return str(path), x.numpy(), y


@pytest.mark.parametrize("mode", ["eager", "graph", "compile"])
def test_every_mode_gives_the_right_output_and_counts_the_operators(mode, opened, tmp_path):
    cell = next(c for c in GUIDELINES["g4"].cells(NetworkChoice()) if c.scale == 1)
    path, x, y = written(build(cell.network, 0), cell.network.input_shape, tmp_path)
    network = opened(mode).load(path, {"x": x}, {"y": np.empty_like(y)})
    network.run()
    assert output_error(network.outputs()["y"], y) < 1e-4
    assert network.executed() == {"operators": asdict(cell.operators)}
    assert network.layout in torch_cuda.LAYOUTS
    assert (network.eager is not None) == (mode == "graph")
    assert network.hides_launch == (mode != "eager")


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
def test_each_precision_stays_within_its_tolerance_in_the_deepest_stack(
    precision, opened, tmp_path
):
    cell = next(c for c in GUIDELINES["g3"].cells(NetworkChoice()) if "4-fragment-series" in c.row)
    path, x, y = written(build(cell.network, 0), cell.network.input_shape, tmp_path)
    backend = opened("eager", precision)
    network = backend.load(path, {"x": x}, {"y": np.empty_like(y)})
    network.run()
    error = output_error(network.outputs()["y"], y)
    assert error < planning.OUTPUT_TOLERANCES[precision] / 2
    # A precision that changes nothing was not used.
    assert (error > 1e-4) == (precision in ("fp16", "bf16"))
    assert torch.backends.cuda.matmul.allow_tf32 == (precision == "tf32")
    assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
    assert network.outputs()["y"].dtype == np.float32


class Slow(nn.Module):
    """Slow in one memory layout."""

    def __init__(self, channels_last):
        super().__init__()
        self.channels_last = channels_last
        self.weight = nn.Parameter(torch.ones(1, 2, 3, 3))

    def forward(self, x):
        last = x.is_contiguous(memory_format=torch.channels_last)
        if last == self.channels_last:
            torch.ones(300, 300).matmul(torch.ones(300, 300))
        return x + self.weight.sum()


@pytest.mark.parametrize(
    ("channels_last", "chosen"), [(True, "contiguous"), (False, "channels-last")]
)
def test_the_faster_memory_layout_is_measured(channels_last, chosen, opened, tmp_path):
    path, x, y = written(Slow(channels_last), (1, 2, 4, 4), tmp_path)
    assert opened("graph").load(path, {"x": x}, {"y": np.empty_like(y)}).layout == chosen


class Flattening(nn.Module):
    """Needs its input in one memory layout, as many networks do."""

    def forward(self, x):
        return x.view(len(x), -1)


def test_a_memory_layout_in_which_a_network_fails_is_no_choice(opened, tmp_path):
    path, x, y = written(Flattening(), (1, 2, 4, 4), tmp_path)
    assert opened("graph").load(path, {"x": x}, {"y": np.empty_like(y)}).layout == "contiguous"


def test_a_network_that_fails_in_both_memory_layouts_is_told_as_in_the_first(opened, tmp_path):
    class Full(CpuAsGpu):
        def capture(self, execute):
            raise RuntimeError("it needs more memory than the GPU has")

    path, x, y = written(Flattening(), (1, 2, 4, 4), tmp_path)
    with pytest.raises(RuntimeError, match="more memory than the GPU has"):
        opened("graph", device=Full()).load(path, {"x": x}, {"y": np.empty_like(y)})


@pytest.mark.parametrize(("precision", "known"), [("fp16", True), ("tf32", False), ("bf16", False)])
def test_a_card_is_not_asked_for_a_precision_that_it_has_not(precision, known, monkeypatch, opened):
    monkeypatch.setattr(CpuAsGpu, "is_newer", lambda _: False)
    if known:
        assert set(opened(precision=precision).ceilings()["products"]) == {"fp32", "fp16"}
    else:
        with pytest.raises(NoDeviceError, match=f"too old for {precision}"):
            opened(precision=precision)


def test_what_is_no_image_has_one_memory_layout(opened, tmp_path):
    path, x, y = written(initialise(nn.Linear(4, 3), 0), (2, 4), tmp_path)
    assert opened("graph").load(path, {"x": x}, {"y": np.empty_like(y)}).layout == "contiguous"


def test_a_graph_is_proved_by_what_it_writes_and_a_profile_by_the_module(opened, tmp_path):
    class Recording(CpuAsGpu):
        """A graph that computes something else than the module it was captured of."""

        def capture(self, execute):
            execute()
            return lambda: None

    path, x, y = written(initialise(nn.Conv2d(2, 2, 1), 0), (1, 2, 4, 4), tmp_path)
    network = opened("graph", device=Recording()).load(path, {"x": x}, {"y": np.empty_like(y)})
    network.runs.found.zero_()
    network.run()
    assert output_error(network.outputs()["y"], y) > 0.1
    network.profile()
    assert output_error(network.outputs()["y"], y) < 1e-4


def test_ceilings_are_measured_in_every_precision_and_leave_it_as_it_was(opened):
    backend = opened("graph", "tf32")
    found = backend.ceilings()
    assert set(found["products"]) == {"fp32", "tf32", "fp16", "bf16"}
    assert [s["working_set"] for s in found["streams"]] == [2**21]
    assert found["kernel_ns"] > 0
    assert torch.backends.cudnn.allow_tf32


def test_samples_below_the_same_clock_are_discarded_and_reported():
    assert stopwatch.LEAST_CLOCK == LEAST_CLOCK


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AssertionError("Torch not compiled with CUDA enabled"), "install a torch that is built"),
        (
            RuntimeError(
                "The NVIDIA driver on your system is too old (found version 11040). Please update"
            ),
            r"too old \(found version 11040\)\): update the driver",
        ),
        (
            RuntimeError("CUDA error: no kernel image is available for execution on the device\nX"),
            "on the device\\): install a torch that is built for this card",
        ),
        (RuntimeError("Found no NVIDIA driver on your system. Please"), "Found no NVIDIA driver"),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_told_with_what_to_do(error, said, monkeypatch):
    def fail():
        raise error

    monkeypatch.setattr(cuda_device.cuda, "init", fail)
    with pytest.raises(NoDeviceError, match=said) as raised:
        cuda_device.CudaDevice()
    assert "\n" not in str(raised.value)


@pytest.fixture
def device(monkeypatch):
    """A device whose CUDA is not there, to be told what it does."""
    monkeypatch.setattr(cuda_device.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(cuda_device.cuda, "mem_get_info", lambda: (2**30, 2**33))
    return object.__new__(cuda_device.CudaDevice)


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        # What is not torch's own allocator lacks it in words of its own.
        RuntimeError("CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA`"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_too_little_memory_is_a_sentence(error, device, monkeypatch):
    monkeypatch.setattr(cuda_device.cuda, "synchronize", lambda: None)
    said = r"1\.0 of 8\.0 GiB are free: .* smaller batches"
    with pytest.raises(RuntimeError, match=said), device.guarded():
        raise error


class Captured:
    """Stands for torch's context of a capture, which ends it with an error of its own."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        raise RuntimeError("CUDA error: operation failed due to a previous error during capture")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), torch.cuda.OutOfMemoryError, "memory"),
        (
            RuntimeError("CUDA error: out of memory\nMore"),
            RuntimeError,
            "^CUDA error: out of memory",
        ),
        (
            RuntimeError("CUDA error: operation not permitted when stream is capturing\nMore"),
            RuntimeError,
            r"captured in a CUDA graph \(.*is capturing\): measure it on platform cuda-eager",
        ),
    ],
)
def test_a_graph_that_cannot_be_captured_is_told_by_its_cause(
    error, kind, said, device, monkeypatch
):
    for name in ("Stream", "stream", "current_stream", "set_stream", "CUDAGraph"):
        monkeypatch.setattr(cuda_device.cuda, name, MagicMock())
    monkeypatch.setattr(cuda_device.cuda, "graph", lambda _: Captured())
    device.failed = []
    calls = []

    def execute():
        calls.append(None)
        if len(calls) > cuda_device.BEFORE_CAPTURE:
            raise error

    with pytest.raises(kind, match=said):
        device.capture(execute)
    cuda_device.cuda.set_stream.assert_called_once()


@pytest.mark.parametrize("lost", [False, True])
def test_a_lost_gpu_is_told_from_a_network_that_fails(lost, device, monkeypatch):
    def synchronize():
        if lost:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(cuda_device.cuda, "synchronize", synchronize)
    kind = DeviceLostError if lost else RuntimeError
    with pytest.raises(kind) as raised, device.guarded():
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nFor more")
    assert ("For more" in str(raised.value)) == (not lost)
