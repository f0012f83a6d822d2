"""PyTorch on a CUDA GPU: operator by operator, as one CUDA graph, or compiled.

As on the paper's card cuDNN tries its algorithms and takes the fastest, and float32 is float32:
TF32 is used only where it is asked for. Both memory layouts are tried, and the faster is measured.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import partial
from statistics import median
from typing import Any, Callable

import numpy as np

# Graphs that are profiled and replayed by turns need the profiler's library to stay as it is.
os.environ.setdefault("TEARDOWN_CUPTI", "0")
os.environ.setdefault("DISABLE_CUPTI_LAZY_REINIT", "1")
# They would overrule the precision that is asked for.
os.environ.pop("NVIDIA_TF32_OVERRIDE", None)
os.environ.pop("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", None)
import torch

from .. import ceilings
from ..ceilings import Work
from ..cuda.device import CudaDevice
from ..cuda.stopwatch import stopwatch_of
from .interface import Arrays, NoDeviceError, Profile, Settings
from .torch_cpu import TorchNetwork, inference, read_module

# Not all of it has types.
cudnn: Any = torch.backends.cudnn
LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}
IMAGES = 4
TYPES = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}
# Executions that decide between two layouts.
TRIALS = 10
KERNELS = 100
# What cards have from compute capability 8 on; older ones round nothing to TF32, and say nothing.
NEWER = ("tf32", "bf16")
COMPILER: dict[str, Any] = {"mode": "max-autotune"}


class CudaNetwork:
    """A module with its arguments on the GPU, and `enqueue`, which hands over one execution.

    `eager` hands it over operator by operator, where that is another way to run it.
    """

    def __init__(self, module: TorchNetwork, mode: str, layout: str, device: CudaDevice) -> None:
        self.module = module
        self.layout = layout
        self.device = device
        self.hides_launch = mode != "eager"
        self.eager: Callable[[], None] | None = None
        self.enqueue = module.enqueue
        self.runs = module
        if mode == "graph":
            self.enqueue = device.capture(module.enqueue)
            self.eager = module.enqueue
            # A replay writes where the capture did; the module will write elsewhere.
            self.runs = TorchNetwork(module.module, module.arguments)
            self.runs.found = module.found
        elif mode == "compile":
            # Its inputs never move, so that no copy of them is made before each execution.
            for tensor in module.arguments.tensors():
                torch._dynamo.mark_static_address(tensor, guard=False)
            self.runs = TorchNetwork(compiled(module.module), module.arguments)
            self.enqueue = self.runs.enqueue

    def run(self) -> None:
        """Execute once, and wait until it is done."""
        self.enqueue()
        self.device.wait()

    def outputs(self) -> Arrays:
        """Return the outputs of the last execution, or of the last profile if that came later."""
        return self.runs.outputs()

    def executed(self) -> dict[str, Any]:
        """Count the operators that the module hands over one by one, which all modes start from."""
        return self.module.executed()

    def profile(self) -> Profile:
        """Profile the kernels of an execution operator by operator."""
        self.runs = self.module
        return self.module.profile()


def compiled(module: Any) -> Callable[..., Any]:
    """Return a module compiled as a whole, every kernel chosen by trying."""
    # All networks of a run share the code of their layers: this many of them are compiled.
    torch._dynamo.config.cache_size_limit = 10_000
    torch._dynamo.config.accumulated_cache_size_limit = 10_000
    function: Callable[..., Any] = torch.compile(module, fullgraph=True, dynamic=False, **COMPILER)
    return function


class TorchCuda:
    """Torch on the first CUDA GPU, in inference mode for the life of the process."""

    def __init__(self, settings: Settings, device: CudaDevice | None = None) -> None:
        self.settings = settings
        torch.set_num_threads(settings.threads)
        torch.backends.cudnn.benchmark = True
        allow_tf32(settings.precision == "tf32")
        self.device = device or CudaDevice()
        if settings.precision not in self.precisions():
            raise NoDeviceError(f"the card is too old for {settings.precision}: use fp32 or fp16")
        self.stopwatch = stopwatch_of(self.device)
        self.inference = inference()

    def versions(self) -> dict[str, str]:
        """Return the versions of torch, CUDA, cuDNN, the driver and numpy."""
        found = {
            "torch": torch.__version__,
            "cuda": str(torch.version.cuda),
            "cudnn": str(cudnn.version()),
            "numpy": np.__version__,
        }
        driver = self.device.card and self.device.card.driver()
        return {**found, **({"driver": driver} if driver else {})}

    def guarded(self) -> AbstractContextManager[None]:
        """Say in one sentence what goes wrong with one network (see CudaDevice.guarded)."""
        return self.device.guarded()

    def load(self, path: str, inputs: Arrays, outputs: Arrays) -> CudaNetwork:  # noqa: ARG002
        """Read a pickled module, which the suite itself wrote into its cache.

        A memory layout in which it fails is no choice. Raises what it fails with in the first of
        them if it does in all, and DeviceLostError when the GPU works no more.
        """
        tried, failures = [], []
        for layout in layouts(inputs):
            try:
                with self.device.guarded():
                    tried.append(self.try_layout(path, inputs, layout))
            except RuntimeError as error:
                failures.append(error)
        if not tried:
            raise failures[0]
        return min(tried, key=lambda pair: pair[0])[1]

    def try_layout(self, path: str, inputs: Arrays, layout: str) -> tuple[float, CudaNetwork]:
        """Return how long a network takes in one memory layout (ns), and the network."""
        form, kind = LAYOUTS[layout], TYPES[self.settings.precision]
        module, arguments = read_module(path, inputs, self.settings.threads, self.device.name)
        module = module.to(dtype=kind, memory_format=form)

        def placed(tensor: torch.Tensor) -> torch.Tensor:
            tensor = tensor.to(self.device.name, kind if tensor.is_floating_point() else None)
            return tensor.contiguous(memory_format=form) if tensor.ndim == IMAGES else tensor

        network = CudaNetwork(
            TorchNetwork(module, arguments.changed(placed), self.device.wait),
            self.settings.mode,
            layout,
            self.device,
        )
        # The first executions compile, allocate and choose.
        self.stopwatch.once(network)
        return median(self.stopwatch.once(network) for _ in range(TRIALS)), network

    def ceilings(self) -> dict[str, Any] | None:
        """Measure copies, a product of matrices in each precision, and kernels of a graph."""
        makers = {name: partial(self.product, name) for name in self.precisions()}
        sizes = ceilings.gpu_working_sets(self.device.facts()["memory"])
        found = ceilings.ceilings(self.copies, sizes, makers, self.stopwatch.total)
        allow_tf32(self.settings.precision == "tf32")
        return found and {**found, "kernel_ns": self.kernel_ns()}

    def precisions(self) -> list[str]:
        """Return the precisions that the card has."""
        return [name for name in TYPES if name not in NEWER or self.device.is_newer()]

    def copies(self, working_set: int) -> Work:
        """Return copies from one array to another, which hold so many bytes together.

        Of small arrays many, as one graph: launching each would take longer than the copy.
        """
        source, target = (
            torch.ones(working_set // 2, dtype=torch.int8, device=self.device.name)
            for _ in range(2)
        )
        times = max(1, ceilings.COPIED // working_set)

        def copy() -> None:
            for _ in range(times):
                target.copy_(source)

        return Work(self.device.capture(copy), times * working_set)

    def product(self, precision: str) -> Work:
        """Return the product of two large matrices of random numbers."""
        rows, kind = ceilings.GPU_ROWS, TYPES[precision]
        a, b, y = (
            torch.randn(rows, rows, device=self.device.name).to(dtype=kind) for _ in range(3)
        )
        allow_tf32(precision == "tf32")

        def multiply() -> None:
            torch.mm(a, b, out=y)

        return Work(multiply, rows**3)

    def kernel_ns(self) -> float:
        """Return the time of a kernel that does next to nothing, one of many in a graph."""
        number = torch.zeros(1, device=self.device.name)

        def execute() -> None:
            for _ in range(KERNELS):
                number.add_(1)

        replay = self.device.capture(execute)
        return min(self.stopwatch.total(replay, 1) for _ in range(TRIALS)) / KERNELS


def layouts(inputs: Arrays) -> list[str]:
    """Return the memory layouts that inputs can have: images two, anything else one."""
    images = any(x.ndim == IMAGES for x in inputs.values())
    return list(LAYOUTS) if images else ["contiguous"]


def allow_tf32(allowed: bool) -> None:
    """Let, or do not let, float32 be rounded to TF32 inside convolutions and products."""
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cuda.matmul.allow_tf32 = allowed


def open_backend(settings: Settings) -> TorchCuda:
    """Return torch on the first CUDA GPU; raises NoDeviceError where none works."""
    return TorchCuda(settings)
