"""PyTorch on the CPU, eager: one operator after the other, as most people run it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .backends import Array


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
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            self.run()
        counts = {event.key: event.count for event in profile.key_averages()}
        return {
            "operators": {
                "convolutions": counts.get("aten::conv2d", 0),
                "adds": counts.get("aten::add", 0),
                "relus": counts.get("aten::relu", 0),
            }
        }


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
