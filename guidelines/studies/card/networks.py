"""The networks by which a GPU is looked into: six cells of the GPU channel set, as CUDA graphs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from guideline_benchmarks.guidelines import (
    g1_channel_ratio,
    g2_group_count,
    g3_fragmentation,
    g4_elementwise,
)
from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.guidelines.export import model_files
from guideline_benchmarks.guidelines.export.formats import example_input
from guideline_benchmarks.results.errors import PlatformError
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


@dataclass(frozen=True)
class Exported:
    """A network's model file, an input, and the output that it must have."""

    model: str
    x: Any
    expected: Any


def exported(names: Sequence[str]) -> dict[str, Exported]:
    """Return the named cells of the GPU channel set, exported where they are not yet.

    To be called before `backend`, which turns on the inference mode, in which nothing is exported.
    """
    choice = NetworkChoice(channels="gpu")
    cells = {c.name: c for declaration in EXPERIMENTS.values() for c in declaration.cells(choice)}
    found = {}
    for name in names:
        _, files = model_files.prepare(cells[name], "torch-cuda", 0, cache_folder())
        x = example_input(cells[name].network.input_shape, 0).numpy()
        found[name] = Exported(str(files.model), x, np.load(files.expected))
    return found


def backend() -> Any:
    """Return torch on this machine's GPU, with CUDA graphs. Raises PlatformError without one."""
    from guideline_benchmarks.runners.worker.backends.interface import NoDeviceError, Settings

    module = importlib.import_module("guideline_benchmarks.runners.worker.backends.torch_cuda")
    try:
        return module.open_backend(Settings(1, "graph", "fp32"))
    except NoDeviceError as error:
        raise PlatformError(f"There is no GPU to look into here: {error}.") from None


def load(backend: Any, networks: Mapping[str, Exported]) -> dict[str, Any]:
    """Return networks loaded into a backend and ready for samples."""
    loaded = {}
    for name, files in networks.items():
        loaded[name] = backend.load(files.model, {"x": files.x}, {"y": files.expected})
        backend.stopwatch.prepare(loaded[name])
    return loaded
