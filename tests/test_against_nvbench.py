"""The comparison with nvbench, on a stand-in for the card and one for nvbench."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from guideline_benchmarks.guidelines.studies.card import networks
from guideline_benchmarks.guidelines.studies.card import nvbench as against_nvbench
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.runners.worker.backends import torch_cuda
from guideline_benchmarks.runners.worker.backends.interface import Settings
from tests.simulated_gpu import CpuAsGpu

CELLS = ("g4/none/x1", "g4/relu/x1")


class Nvbench:
    """Executes what it is given once, and writes down made-up figures."""

    def __init__(self, monkeypatch):
        results = SimpleNamespace(BenchmarkResult=self)
        monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace(bench=self))
        monkeypatch.setitem(sys.modules, "cuda.bench", self)
        monkeypatch.setitem(sys.modules, "cuda.bench.results", results)

    def register(self, benchmark):
        self.benchmark = benchmark
        return self

    def add_string_axis(self, name, values):
        self.name, self.values_of_axis = name, values

    def run_all_benchmarks(self, words):
        self.streams = []
        for value in self.values_of_axis:
            self.benchmark(SimpleNamespace(get_string=lambda _, v=value: v, exec=self.execute))
        Path(words[words.index("--json") + 1]).write_text(json.dumps(self.values_of_axis))

    def execute(self, function, batched):
        assert batched
        stream = SimpleNamespace(addressof=lambda: 1234)
        function(SimpleNamespace(get_stream=lambda: stream))

    def from_json(self, path):
        def state(name):
            summaries = {
                against_nvbench.BATCH_MEAN: SimpleNamespace(value=1e-3),
                against_nvbench.COLD_MEDIAN: SimpleNamespace(value=2e-3),
            }
            return SimpleNamespace(point={self.name: name}, summaries=summaries, is_skipped=False)

        return {"benchmark": [state(name) for name in json.loads(Path(path).read_text())]}


def test_the_same_networks_are_measured_by_both(monkeypatch, cache):
    monkeypatch.setattr(against_nvbench, "ROUNDS", 1)
    monkeypatch.setattr(networks, "cache_folder", lambda: cache)
    nvbench, streams = Nvbench(monkeypatch), []
    files = networks.exported(CELLS)
    backend = torch_cuda.TorchCuda(Settings(1, "graph", "fp32"), CpuAsGpu())

    def on_stream(address):
        streams.append(address)
        return nullcontext()

    try:
        found = against_nvbench.compare(files, backend, nvbench, on_stream)
    finally:
        backend.inference.__exit__(None, None, None)
    assert [one.cell for one in found] == list(CELLS)
    assert streams == [1234] * len(CELLS)
    assert all(one.nvbench_batch == 1e3 and one.nvbench_cold == 2e3 for one in found)
    assert all(one.hot > 0 and one.cold > 0 for one in found)
    rows = against_nvbench.table(found).rows
    assert rows[0][2] == "1000.00"
    assert float(rows[0][3]) == pytest.approx(found[0].hot / 1e3, abs=1e-3)


def test_its_cells_are_cells_of_the_gpu_channel_set():
    from guideline_benchmarks.guidelines.catalogue import select
    from guideline_benchmarks.results.record.cells import NetworkChoice

    names = [c.name for s in select(["all"]) for c in s.cells(NetworkChoice(channels="gpu"))]
    assert len(set(networks.CELLS)) == 6
    assert set(networks.CELLS) <= set(names)


def test_without_nvbench_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bench", None)
    with pytest.raises(PlatformError, match="nvbench is not installed here"):
        against_nvbench.main()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_without_a_gpu_it_says_so(monkeypatch):
    Nvbench(monkeypatch)
    monkeypatch.setattr(networks, "exported", lambda names: dict.fromkeys(names))
    with pytest.raises(PlatformError, match="There is no GPU to look into here"):
        against_nvbench.main()


def test_a_network_that_nvbench_leaves_out_is_named_with_its_reason(monkeypatch):
    nvbench = Nvbench(monkeypatch)
    left_out = SimpleNamespace(point={against_nvbench.AXIS: "a"}, is_skipped=True, skip_reason="no")
    monkeypatch.setattr(nvbench, "from_json", lambda path: {"benchmark": [left_out]})
    network = SimpleNamespace(enqueue=lambda: None)
    with pytest.raises(PlatformError, match="nvbench left a out: no"):
        against_nvbench.by_nvbench(nvbench, {"a": network}, lambda address: nullcontext())


def test_an_nvbench_that_does_not_load_is_told_in_a_sentence():
    def register(benchmark):
        raise ImportError("No extension found for CUDA 13.x. Supported are:\n12")

    with pytest.raises(PlatformError, match=r"nvbench does not run here: No extension .* 13\.x\.$"):
        against_nvbench.by_nvbench(SimpleNamespace(register=register), {}, nullcontext)


@pytest.mark.parametrize("said", ["The card is not known to NVML", "Another\nMore"])
def test_an_nvbench_that_fails_is_told_in_a_sentence(monkeypatch, said):
    nvbench = Nvbench(monkeypatch)

    def run(words):
        raise RuntimeError(said)

    monkeypatch.setattr(nvbench, "run_all_benchmarks", run)
    with pytest.raises(PlatformError, match=f"does not run here: {said.splitlines()[0]}"):
        against_nvbench.by_nvbench(nvbench, {}, nullcontext)


def test_ratios_of_both_are_this_suite_over_nvbench():
    compared = against_nvbench.Compared("a", 102.0, 100.0, 99.0, 110.0)
    assert compared.ratios() == (pytest.approx(1.02), pytest.approx(0.9))


@pytest.mark.parametrize(
    ("hot", "cold", "empty", "agree"),
    [
        (101.0, 99.0, 0.0, True),
        (103.5, 99.0, 0.0, False),
        # Hot samples hold the events besides.
        (103.5, 99.0, 2.0, True),
        (97.0, 99.0, 2.0, False),
        (101.0, 97.0, 2.0, False),
    ],
)
def test_two_per_cent_are_agreed_on(hot, cold, empty, agree):
    assert against_nvbench.Compared("a", hot, 100.0, cold, 100.0).agree(empty) is agree
