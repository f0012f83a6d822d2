"""Compare samples of a GPU with those of NVIDIA's nvbench.

`python -m guideline_benchmarks.guidelines.studies.nvbench`

Both measure the same six CUDA graphs in one process, this suite before nvbench and after it. Needs
an NVIDIA GPU, and the package cuda-bench (0.3 or newer) beside torch. nvbench's "cold" is this
suite's; its "batch", many executions between two events, stands beside hot samples by the mean,
the only figure that it gives.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import typer
from rich.console import Console

from guideline_benchmarks.guidelines import (
    g1_channel_ratio,
    g2_group_count,
    g3_fragmentation,
    g4_elementwise,
)
from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.guidelines.export import model_files
from guideline_benchmarks.guidelines.export.formats import example_input
from guideline_benchmarks.reports.document import Heading, Table
from guideline_benchmarks.reports.formats.terminal import print_table
from guideline_benchmarks.results.errors import PlatformError, SuiteError
from guideline_benchmarks.results.record.cells import NetworkChoice, cell_name
from guideline_benchmarks.results.store.files import cache_folder

CELLS = (
    cell_name(g1_channel_ratio.EXPERIMENT.name, "1:1", 1),
    cell_name(g1_channel_ratio.EXPERIMENT.name, "1:12", 4),
    cell_name(g2_group_count.EXPERIMENT.name, "g=8", 2),
    cell_name(g3_fragmentation.EXPERIMENT.name, "4-fragment-parallel", 1),
    cell_name(g4_elementwise.EXPERIMENT.name, "none", 1),
    cell_name(g4_elementwise.EXPERIMENT.name, "relu+shortcut", 4),
)
# Samples of each network on either side of nvbench.
ROUNDS = 50
AXIS = "Cell"
COLD_MEDIAN, BATCH_MEAN = "nv/cold/time/gpu/median", "nv/batch/time/gpu/mean"


@dataclass(frozen=True)
class Compared:
    """One network's times in µs, by this suite and by nvbench."""

    cell: str
    hot: float
    nvbench_batch: float
    cold: float
    nvbench_cold: float


@dataclass(frozen=True)
class Exported:
    """A network's model file, an input, and the output that it must have."""

    model: str
    x: Any
    expected: Any


def exported(names: Sequence[str]) -> dict[str, Exported]:
    """Return the named cells of the GPU channel set, exported where they are not yet."""
    choice = NetworkChoice(channels="gpu")
    cells = {c.name: c for declaration in EXPERIMENTS.values() for c in declaration.cells(choice)}
    found = {}
    for name in names:
        _, files = model_files.prepare(cells[name], "torch-cuda", 0, cache_folder())
        x = example_input(cells[name].network.input_shape, 0).numpy()
        found[name] = Exported(str(files.model), x, np.load(files.expected))
    return found


def load(backend: Any, networks: Mapping[str, Exported]) -> dict[str, Any]:
    """Return networks loaded into a backend and ready for samples."""
    loaded = {}
    for name, files in networks.items():
        loaded[name] = backend.load(files.model, {"x": files.x}, {"y": files.expected})
        backend.stopwatch.prepare(loaded[name])
    return loaded


def sampled(stopwatch: Any, networks: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return ROUNDS samples of every network, visited in turn."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in networks}
    for _ in range(ROUNDS):
        for name, network in networks.items():
            found[name].append(stopwatch.sample(network, lead_in=True))
    return found


def by_nvbench(
    nvbench: Any, networks: Mapping[str, Any], on_stream: Callable[[int], Any]
) -> dict[str, tuple[float, float]]:
    """Return nvbench's batch mean and cold median of every network in µs.

    `on_stream` makes the stream of an address the current one for a while.
    """

    def benchmark(state: Any) -> None:
        network = networks[state.get_string(AXIS)]

        def execute(launch: Any) -> None:
            with on_stream(launch.get_stream().addressof()):
                network.enqueue()

        state.exec(execute, batched=True)

    nvbench.register(benchmark).add_string_axis(AXIS, list(networks))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "nvbench.json")
        nvbench.run_all_benchmarks([sys.argv[0], "--devices", "0", "--json", path])
        results = importlib.import_module("cuda.bench.results").BenchmarkResult.from_json(path)
    found = {}
    for sub in results.values():
        for state in sub:
            figures = [1e6 * float(state.summaries[tag].value) for tag in (BATCH_MEAN, COLD_MEDIAN)]
            found[state.point[AXIS]] = (figures[0], figures[1])
    return found


def compare(
    files: Mapping[str, Exported], backend: Any, nvbench: Any, on_stream: Callable[[int], Any]
) -> list[Compared]:
    """Measure by this suite, by nvbench, and by this suite again."""
    networks = load(backend, files)
    before = sampled(backend.stopwatch, networks)
    theirs = by_nvbench(nvbench, networks, on_stream)
    after = sampled(backend.stopwatch, networks)
    compared = []
    for name in networks:
        ours = before[name] + after[name]
        hot = fmean(sample["ns"] for sample in ours) / 1e3
        cold = median(sample["beside"]["cold"] for sample in ours) / 1e3
        compared.append(Compared(name, hot, theirs[name][0], cold, theirs[name][1]))
    return compared


def table(compared: Sequence[Compared]) -> Table:
    """Return the comparison as a table."""
    groups = {
        "hot, mean, µs": ("suite", "batch", "ratio"),
        "cold, median, µs": ("suite", "nvbench", "ratio"),
    }
    headings = [Heading("cell", numeric=False)]
    headings += [Heading(title, group) for group, titles in groups.items() for title in titles]
    rows = []
    for one in compared:
        pairs = ((one.hot, one.nvbench_batch), (one.cold, one.nvbench_cold))
        texts = [t for a, b in pairs for t in (f"{a:.2f}", f"{b:.2f}", f"{a / b:.3f}")]
        rows.append([one.cell, *texts])
    return Table("This suite beside NVIDIA's nvbench, in one process", headings, rows)


def main() -> None:
    """Compare on this machine's GPU, and print the table. Raises PlatformError without one."""
    from guideline_benchmarks.runners.worker.backends.interface import NoDeviceError, Settings

    try:
        torch: Any = importlib.import_module("torch")
        nvbench = importlib.import_module("cuda.bench")
        # Before the backend turns on inference mode, in which no network should be exported.
        files = exported(CELLS)
        backend = importlib.import_module(
            "guideline_benchmarks.runners.worker.backends.torch_cuda"
        ).open_backend(Settings(1, "graph", "fp32"))
    except (ImportError, NoDeviceError) as error:
        raise PlatformError(
            f"nvbench cannot be compared with here: {error}. It takes an NVIDIA GPU, torch built "
            "for CUDA, and pip install cuda-bench."
        ) from None

    def on_stream(address: int) -> Any:
        return torch.cuda.stream(torch.cuda.ExternalStream(address))

    print_table(table(compare(files, backend, nvbench, on_stream)), Console())


if __name__ == "__main__":
    try:
        main()
    except SuiteError as error:
        typer.echo(f"guidelines: {error}", err=True)
        sys.exit(error.exit_code)
