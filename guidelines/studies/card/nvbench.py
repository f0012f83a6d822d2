"""Compare samples of a GPU with those of NVIDIA's nvbench.

`python -m guideline_benchmarks.guidelines.studies.card.nvbench`

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

import typer
from rich.console import Console

from guideline_benchmarks.guidelines.studies.card import networks
from guideline_benchmarks.guidelines.studies.card.networks import Exported
from guideline_benchmarks.guidelines.studies.card.program import ended_in_a_sentence
from guideline_benchmarks.reports.document import Heading, Table
from guideline_benchmarks.reports.formats.terminal import print_table
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.runners.worker.cuda.errors import first_sentence

# Samples of each network on either side of nvbench.
ROUNDS = 50
AXIS = "Cell"
COLD_MEDIAN, BATCH_MEAN = "nv/cold/time/gpu/median", "nv/batch/time/gpu/mean"
# What the two may differ; hot, this suite's samples hold the events themselves besides.
MOST_APART = 0.02


@dataclass(frozen=True)
class Compared:
    """One network's times in µs, by this suite and by nvbench."""

    cell: str
    hot: float
    nvbench_batch: float
    cold: float
    nvbench_cold: float

    def ratios(self) -> tuple[float, float]:
        """Return this suite's time over nvbench's, hot and cold."""
        return self.hot / self.nvbench_batch, self.cold / self.nvbench_cold

    def agree(self, empty: float) -> bool:
        """Whether both differ by chance at most, where an empty interval takes so many µs."""
        hot, cold = self.ratios()
        most = MOST_APART + empty / self.hot
        return -MOST_APART <= hot - 1 <= most and abs(cold - 1) <= MOST_APART


def sampled(stopwatch: Any, loaded: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return ROUNDS samples of every network, visited in turn."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in loaded}
    for _ in range(ROUNDS):
        for name, network in loaded.items():
            found[name].append(stopwatch.sample(network, lead_in=True))
    return found


def by_nvbench(
    nvbench: Any, loaded: Mapping[str, Any], on_stream: Callable[[int], Any]
) -> dict[str, tuple[float, float]]:
    """Return nvbench's batch mean and cold median of every network in µs.

    `on_stream` makes the stream of an address the current one for a while. Raises PlatformError
    where nvbench does not run, or leaves a network out.
    """

    def benchmark(state: Any) -> None:
        network = loaded[state.get_string(AXIS)]

        def execute(launch: Any) -> None:
            with on_stream(launch.get_stream().addressof()):
                network.enqueue()

        state.exec(execute, batched=True)

    try:
        # Not before this does it load what it is made of.
        nvbench.register(benchmark).add_string_axis(AXIS, list(loaded))
    except ImportError as error:
        raise not_running(error) from None
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "nvbench.json")
        try:
            nvbench.run_all_benchmarks([sys.argv[0], "--devices", "0", "--json", path])
        except RuntimeError as error:
            raise not_running(error) from None
        results = importlib.import_module("cuda.bench.results").BenchmarkResult.from_json(path)
    found = {}
    for sub in results.values():
        for state in sub:
            if state.is_skipped or not {BATCH_MEAN, COLD_MEDIAN} <= set(state.summaries):
                reason = state.skip_reason or "all its samples were thrown away"
                raise PlatformError(f"nvbench left {state.point[AXIS]} out: {reason}.")
            figures = [1e6 * float(state.summaries[tag].value) for tag in (BATCH_MEAN, COLD_MEDIAN)]
            found[state.point[AXIS]] = (figures[0], figures[1])
    return found


def not_running(error: Exception) -> PlatformError:
    """Return the error of an nvbench that does not run here."""
    return PlatformError(f"nvbench does not run here: {first_sentence(error)}.")


def compare(
    files: Mapping[str, Exported], backend: Any, nvbench: Any, on_stream: Callable[[int], Any]
) -> list[Compared]:
    """Measure by this suite, by nvbench, and by this suite again."""
    loaded = networks.load(backend, files)
    before = sampled(backend.stopwatch, loaded)
    theirs = by_nvbench(nvbench, loaded, on_stream)
    after = sampled(backend.stopwatch, loaded)
    compared = []
    for name in loaded:
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
        hot, cold = (f"{ratio:.3f}" for ratio in one.ratios())
        times = (one.hot, one.nvbench_batch, one.cold, one.nvbench_cold)
        ours_hot, batch, ours_cold, nvbench_cold = (f"{time:.2f}" for time in times)
        rows.append([one.cell, ours_hot, batch, hot, ours_cold, nvbench_cold, cold])
    return Table("This suite beside NVIDIA's nvbench, in one process", headings, rows)


def main() -> None:
    """Compare on this machine's GPU, print the table, and exit with 1 if they are too far apart.

    Raises PlatformError without a GPU or nvbench.
    """
    try:
        nvbench = importlib.import_module("cuda.bench")
    except ImportError as error:
        raise PlatformError(
            f"NVIDIA's nvbench is not installed here ({error}): pip install cuda-bench."
        ) from None
    torch: Any = importlib.import_module("torch")
    files = networks.exported(networks.CELLS)
    backend = networks.backend()

    def on_stream(address: int) -> Any:
        return torch.cuda.stream(torch.cuda.ExternalStream(address))

    empty = backend.stopwatch.clock()["overhead_ns"] / 1e3
    compared = compare(files, backend, nvbench, on_stream)
    print_table(table(compared), Console())
    typer.echo(f"An empty interval takes {empty:.2f} µs.")
    sys.exit(not all(one.agree(empty) for one in compared))


if __name__ == "__main__":
    with ended_in_a_sentence():
        main()
