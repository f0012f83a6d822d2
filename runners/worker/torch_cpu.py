"""PyTorch on the CPU, eager: one operator after the other, as most people run it."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

# The profiler would write lines of its own to standard error, which is for what goes wrong.
os.environ.setdefault("KINETO_LOG_LEVEL", "5")
import torch
from torch.profiler import ProfilerActivity, profile

from .backends import Array, Profile


class TorchNetwork:
    """A module with its input."""

    def __init__(self, module: Any, x: torch.Tensor) -> None:
        self.module = module
        self.x = x
        self.y = x

    def run(self) -> None:
        """Execute once."""
        self.y = self.module(self.x)

    def output(self) -> Array:
        """Return the output of the last execution."""
        return self.y.numpy()

    def executed(self) -> dict[str, Any]:
        """Count the operators of one execution with torch's own profiler."""
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            self.run()
        counts = {event.key: event.count for event in profiler.key_averages()}
        return {
            "operators": {
                "convolutions": counts.get("aten::conv2d", 0),
                "adds": counts.get("aten::add", 0),
                "relus": counts.get("aten::relu", 0),
            }
        }

    def profile(self) -> Profile:
        """Execute with torch.profiler; what an operator calls in turn counts as its own time."""
        self.run()
        with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
            start = time.perf_counter_ns()
            self.run()
            ns = time.perf_counter_ns() - start
        operators = [event for event in profiler.events() if is_outermost(event)]
        return Profile(
            ns=ns,
            calls=[call(event) for event in operators],
            operators_ns=[round(event.time_range.elapsed_us() * 1000) for event in operators],
        )


def is_outermost(event: Any) -> bool:
    """Whether a profiler's event is an operator that no other operator called."""
    if "::" not in event.name or event.is_user_annotation:
        return False
    caller = event.cpu_parent
    while caller is not None:
        if not caller.is_user_annotation:
            return False
        caller = caller.cpu_parent
    return True


def call(event: Any) -> dict[str, Any]:
    """Return what an operator executed (see Profile); of outputs only those of transpositions."""
    inputs = [list(shape) for shape in event.input_shapes]
    name = event.name.rstrip("_")
    order = axes(name, len(inputs[0]) if inputs else 0, event.concrete_inputs)
    outputs = [[inputs[0][axis] for axis in order]] if order else []
    return {"operator": event.name, "name": "", "inputs": inputs, "outputs": outputs}


def axes(name: str, rank: int, arguments: list[Any]) -> list[int]:
    """Return the order into which a transposition puts the axes; empty for other operators."""
    if name == "aten::permute":
        return [axis % rank for axis in arguments[1]]
    if name not in ("aten::transpose", "aten::swapaxes"):
        return []
    order = list(range(rank))
    one, other = arguments[1], arguments[2]
    order[one], order[other] = order[other], order[one]
    return order


class TorchCpu:
    """Eager torch in inference mode, which stays on for the life of the process."""

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        self.inference = torch.inference_mode()
        self.inference.__enter__()

    def versions(self) -> dict[str, str]:
        """Return the versions of torch and numpy."""
        return {"torch": torch.__version__, "numpy": np.__version__}

    def load(self, path: str, x: Array, y: Array) -> TorchNetwork:  # noqa: ARG002
        """Read a pickled module, which the suite itself wrote into its cache."""
        module = torch.load(path, weights_only=False)
        return TorchNetwork(module, torch.from_numpy(x))


def open_backend(threads: int) -> TorchCpu:
    """Return eager torch set to `threads` threads."""
    return TorchCpu(threads)
