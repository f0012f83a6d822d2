"""The GPU platforms on a real card; all of it is skipped where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.guidelines.export import formats
from guideline_benchmarks.guidelines.session import measuring
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.networks.blocks import initialise
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.tables.summary import summarise
from guideline_benchmarks.runners.worker import ceilings
from guideline_benchmarks.runners.worker.backends import torch_cuda
from guideline_benchmarks.runners.worker.backends.interface import Settings
from guideline_benchmarks.runners.worker.cuda.device import CudaDevice
from guideline_benchmarks.runners.worker.cuda.driver import DriverDevice, Memory
from tests.synthetic import some

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU"),
]

CELLS = ("g4/relu+shortcut/x1", "g4/relu/x1", "g4/shortcut/x1", "g4/none/x1")


@pytest.fixture
def measured(tmp_path, cache, monkeypatch):
    monkeypatch.setattr("guideline_benchmarks.guidelines.session.runs.cache_folder", lambda: cache)

    def run(platform, declarations=None, **options):
        chosen = Options(10, 2, channels="gpu", **options)
        asked = plan(declarations or some(*CELLS), platform, chosen)
        return measuring.execute_with_progress(asked, tmp_path / "run", False, quiet=True)

    return run


@pytest.mark.parametrize("platform", ["cuda", "cuda-eager", "cuda-compile"])
def test_every_mode_measures_proved_networks(platform, measured):
    run = measured(platform)
    assert complete(run)
    assert not run.failures
    assert run.fingerprint.gpu.l2_cache > 2**20
    expected = {"cold", "eager"} if platform == "cuda" else {"cold"}
    assert set(run.rounds[0].beside) == expected
    (column, *_) = summarise(run).columns
    for result in column.results:
        assert result.bound is not None
        assert result.beside["cold"].median_ms > 0
    found = run.processes[0].ceilings
    assert {"fp32", "fp16"} <= set(found.products)
    assert found.kernel_ns > 0


@pytest.mark.parametrize("precision", ["tf32", "fp16", "bf16"])
def test_every_precision_passes_its_proof(precision, measured):
    if precision != "fp16" and torch.cuda.get_device_capability()[0] < 8:
        pytest.skip(f"this card has no {precision}")
    assert not measured("cuda", precision=precision).failures


def test_fig2_attributes_kernels(measured):
    run = measured("cuda", declarations=[EXPERIMENTS["fig2"]])
    assert not run.failures
    for found in summarise(run).decompositions:
        convolutions = next(s for s in found.categories if s.category == "Conv")
        assert convolutions.percent > 0
        assert math.isclose(sum(s.percent for s in found.categories), 100, rel_tol=1e-6)


class Waiting(nn.Module):
    """Cannot be captured: its next operation depends on a number that the GPU has."""

    def forward(self, x):
        return x * 2 if float(x.sum()) > 0 else x * 3


@pytest.fixture
def backend():
    found = torch_cuda.TorchCuda(Settings(1, "graph", "fp32"))
    yield found
    found.inference.__exit__(None, None, None)


def loaded(backend, folder, module, channels, side):
    """Load a module of 2 to so many channels on images of that side."""
    x = np.ones((1, 2, side, side), np.float32)
    path = folder / "model"
    with torch.inference_mode(False):
        path.write_bytes(formats.export_torch(module, torch.ones(1, 2, 8, 8)))
    return backend.load(str(path), {"x": x}, {"y": np.empty((1, channels, side, side), np.float32)})


def assert_right(network, module, side):
    network.run()
    with torch.no_grad():
        right = module.cpu()(torch.ones(1, 2, side, side)).numpy()
    np.testing.assert_allclose(network.outputs()["y"], right, atol=1e-4)


def test_after_a_capture_that_failed_the_next_one_works(backend, tmp_path):
    with pytest.raises(RuntimeError, match="cannot be captured in a CUDA graph"):
        loaded(backend, tmp_path, Waiting(), 2, 8)
    module = initialise(nn.Conv2d(2, 2, 1), 0)
    assert_right(loaded(backend, tmp_path, module, 2, 8), module, 8)


def test_after_a_network_without_room_the_next_one_works(backend, tmp_path):
    module = initialise(nn.Conv2d(2, 64, 3, padding=1), 0)
    total = torch.cuda.get_device_properties(0).total_memory
    # Its output alone takes 4 GiB.
    room = torch.cuda.memory_reserved() + 2**28
    torch.cuda.set_per_process_memory_fraction(room / total)
    try:
        with pytest.raises(RuntimeError, match="it needs more memory than the GPU has"):
            loaded(backend, tmp_path, module, 64, 4096)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert_right(loaded(backend, tmp_path, module, 64, 8), module, 8)


def test_a_replay_and_operators_one_by_one_give_the_same(backend, tmp_path):
    module = initialise(nn.Conv2d(2, 64, 3, padding=1), 0)
    network = loaded(backend, tmp_path, module, 64, 56)
    assert_right(network, module, 56)
    network.eager()
    assert_right(network, module, 56)


def test_writes_over_the_cache_take_what_the_memory_allows():
    device = CudaDevice()
    stopwatch = torch_cuda.stopwatch_of(device)
    size = device.cache_sized.numel()
    seconds = stopwatch.total(device.flush, ceilings.MOST_TIMES) / ceilings.MOST_TIMES / 1e9
    # No card writes more than 20 TB/s: a flush that took less time was none.
    assert size / seconds < 20e12


def test_the_driver_tells_of_the_same_card_as_torch():
    ours, torchs = DriverDevice(), CudaDevice()
    assert ours.facts() == torchs.facts()
    assert ours.card is not None
    assert ours.card.sm_mhz()
    assert ours.card.processes() is not None


def test_the_driver_alone_times_and_captures_what_takes_time():
    device = DriverDevice()
    stopwatch = torch_cuda.stopwatch_of(device)
    size = 2**26
    target, source = Memory(device.driver, size), Memory(device.driver, size)
    replay = device.capture(lambda: device.copy(target, source))
    times = [stopwatch.total(do, 10) for do in (replay, lambda: device.copy(target, source))]
    # No card reads and writes more than 20 TB/s.
    assert min(times) > 10 * 2 * size / 20e3
