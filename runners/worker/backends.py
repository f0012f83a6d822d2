"""The one small interface to a runtime, and the runtimes by name."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

# The module of each backend, and what to open it with besides the number of threads.
MODULES: dict[str, tuple[str, ...]] = {
    "onnxruntime-cpu": ("onnxruntime_cpu",),
    "torch-cpu": ("torch_eager", "cpu"),
    "torch-cuda": ("torch_eager", "cuda"),
}


class NoDeviceError(Exception):
    """The runtime is there, but the device that it should run on is not."""


@dataclass(frozen=True)
class Profile:
    """One execution under the runtime's profiler, in ns: the whole, and each operator in order.

    `calls` says which operators: {"operator", "name", "inputs", "outputs", "recorded"} each, inputs
    and outputs being lists of shapes, empty where the runtime does not show them. `recorded` counts
    what the profiler writes down inside the operator's time, beyond what it does for any.
    """

    ns: int
    calls: list[dict[str, Any]]
    operators_ns: list[int]


class LoadedNetwork(Protocol):
    """A network ready to run on a fixed input."""

    def run(self) -> None:
        """Execute once; the output is complete when this returns."""

    def output(self) -> Array:
        """Return the output of the last execution, before any other network runs."""

    def executed(self) -> dict[str, Any]:
        """Say what one execution really runs.

        Either {"graph": the optimised ONNX graph without its weights, base64} or
        {"operators": {"convolutions": n, "adds": n, "relus": n}}.
        """

    def profile(self) -> Profile:
        """Execute under the runtime's own profiler, after one execution that does not count."""


class Backend(Protocol):
    """A runtime with its settings made."""

    def versions(self) -> dict[str, str]:
        """Return the versions of the runtime and of what it depends on."""

    def load(self, path: str, x: Array, y: Array) -> LoadedNetwork:
        """Read the model file at `path`; bind input `x` and, if the runtime can, output `y`."""


def open_backend(name: str, threads: int) -> Backend:
    """Return the backend called `name`, set to `threads` threads.

    Raises ImportError when its runtime is not installed, NoDeviceError when there is nothing for it
    to run on, and KeyError for an unknown name.
    """
    module, *arguments = MODULES[name]
    found = importlib.import_module("." + module, __package__)
    backend: Backend = found.open_backend(threads, *arguments)
    return backend
