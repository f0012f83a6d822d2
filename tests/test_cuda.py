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
from tests.synthetic import some

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")

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


def test_after_a_capture_that_failed_the_next_one_works(tmp_path):
    backend = torch_cuda.TorchCuda(Settings(1, "graph", "fp32"))
    try:
        for module, works in ((Waiting(), False), (initialise(nn.Conv2d(2, 2, 1), 0), True)):
            x = formats.example_input((1, 2, 8, 8), 0)
            path = tmp_path / "model"
            path.write_bytes(formats.export_torch(module, x))
            y = np.empty((1, 2, 8, 8), np.float32)
            if not works:
                with pytest.raises(RuntimeError, match="cannot be captured in a CUDA graph"):
                    backend.load(str(path), {"x": x.numpy()}, {"y": y})
                continue
            network = backend.load(str(path), {"x": x.numpy()}, {"y": y})
            network.run()
            with torch.no_grad():
                np.testing.assert_allclose(network.outputs()["y"], module(x).numpy(), atol=1e-4)
    finally:
        backend.inference.__exit__(None, None, None)


def test_writes_over_the_cache_take_what_the_memory_allows():
    device = CudaDevice()
    stopwatch = torch_cuda.stopwatch_of(device)
    size = device.cache_sized.numel()
    seconds = stopwatch.total(device.flush, ceilings.MOST_TIMES) / ceilings.MOST_TIMES / 1e9
    # No card writes more than 20 TB/s: a flush that took less time was none.
    assert size / seconds < 20e12
