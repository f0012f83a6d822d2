"""The one small interface to a runtime, and how its module is opened."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]
# Inputs or outputs of a network by name, in its order.
Arrays = Mapping[str, Array]


class NoDeviceError(Exception):
    """The runtime is there, but the device that it should run on is not."""


class DeviceLostError(Exception):
    """The device does not work any more, for no network."""


@dataclass(frozen=True)
class Settings:
    """How networks are run: threads of the host, how a GPU gets its work, and how it counts.

    See results.record.platform.Platform on `threads` and `mode`, and on `precision`
    results.record.protocol.Protocol.
    """

    threads: int
    mode: str
    precision: str


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
    """A network ready to run on fixed inputs; `layout` is that of its memory, if it chose one."""

    layout: str | None

    def run(self) -> None:
        """Execute once; the outputs are complete when this returns."""

    def outputs(self) -> Arrays:
        """Return the outputs of the last execution, before any other network runs."""

    def executed(self) -> dict[str, Any]:
        """Say what one execution really runs.

        Either {"graph": the optimised ONNX graph without its weights, base64} or
        {"operators": {"convolutions": n, "adds": n, "relus": n}}, and "otherwise": which do not run
        as was asked for, ["Add in f32"], where that is not in the graph. "unproven" is what the
        runtime does not tell, if anything.
        """

    def profile(self) -> Profile:
        """Execute under the runtime's own profiler, after one execution that does not count."""


class Backend(Protocol):
    """A runtime with its settings made, and what times its networks (see stopwatch.Stopwatch)."""

    stopwatch: Any

    def versions(self) -> dict[str, str]:
        """Return the versions of the runtime and of what it depends on."""

    def load(self, path: str, inputs: Arrays, outputs: Arrays) -> LoadedNetwork:
        """Read the model file at `path`; bind its inputs and, if the runtime can, its outputs.

        Raises DeviceLostError when no other network could be loaded, either.
        """

    def guarded(self) -> AbstractContextManager[None]:
        """Say in one sentence what goes wrong with one network inside.

        Raises DeviceLostError when nothing can be expected of another one, either.
        """

    def ceilings(self) -> dict[str, Any] | None:
        """Measure what the machine can reach at most (see results.record.ceilings.Ceilings)."""


def open_backend(module: str, arguments: Sequence[str], settings: Settings) -> Backend:
    """Return the backend of that module, opened with these settings and its own `arguments`.

    Raises ImportError when its runtime is not installed, and NoDeviceError when there is nothing
    for it to run on.
    """
    found = importlib.import_module("." + module, __package__)
    backend: Backend = found.open_backend(settings, *arguments)
    return backend
