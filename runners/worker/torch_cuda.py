"""PyTorch on a CUDA GPU: operator by operator, as one CUDA graph, or compiled.

As on the paper's card cuDNN tries its algorithms and takes the fastest, and float32 is float32:
TF32 is used only where it is asked for. Both memory layouts are tried, and the faster is measured.
"""

from __future__ import annotations

import os
from functools import partial
from statistics import median
from typing import Any, Callable

import numpy as np

# Graphs that are profiled and replayed by turns need the profiler's library to stay as it is.
os.environ.setdefault("TEARDOWN_CUPTI", "0")
os.environ.setdefault("DISABLE_CUPTI_LAZY_REINIT", "1")
import torch

from . import ceilings
from .backends import Array, Profile, Settings
from .ceilings import Work
from .cuda_device import CudaDevice
from .gpu_stopwatch import stopwatch_of
from .torch_eager import TorchNetwork, inference, read_module

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
COMPILER: dict[str, Any] = {"mode": "max-autotune"}


class CudaNetwork:
    """A module with its input on the GPU, and `enqueue`, which hands over one execution.

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
            self.runs = TorchNetwork(module.module, module.x)
            self.runs.y = module.y
        elif mode == "compile":
            self.runs = TorchNetwork(compiled(module.module), module.x)
            self.enqueue = self.runs.enqueue

    def run(self) -> None:
        """Execute once, and wait until it is done."""
        self.enqueue()
        self.device.wait()

    def output(self) -> Array:
        """Return the output of the last execution, or of the last profile if that came later."""
        return self.runs.output()

    def executed(self) -> dict[str, Any]:
        """Count the operators that the module hands over one by one, which all modes start from."""
        return self.module.executed()

    def profile(self) -> Profile:
        """Profile the kernels of an execution operator by operator."""
        self.runs = self.module
        return self.module.profile()


def compiled(module: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a module compiled as a whole, every kernel chosen by trying."""
    # All networks of a run share the code of their layers: this many of them are compiled.
    torch._dynamo.config.recompile_limit = 10_000
    torch._dynamo.config.accumulated_recompile_limit = 10_000
    function: Callable[[torch.Tensor], torch.Tensor] = torch.compile(
        module, fullgraph=True, dynamic=False, **COMPILER
    )
    return function


class TorchCuda:
    """Torch on the first CUDA GPU, in inference mode for the life of the process."""

    def __init__(self, settings: Settings, device: CudaDevice | None = None) -> None:
        self.settings = settings
        torch.set_num_threads(settings.threads)
        torch.backends.cudnn.benchmark = True
        allow_tf32(settings.precision == "tf32")
        self.device = device or CudaDevice()
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

    def load(self, path: str, x: Array, y: Array) -> CudaNetwork:  # noqa: ARG002
        """Read a pickled module, which the suite itself wrote into its cache.

        Raises RuntimeError when the GPU has too little memory for it or cannot capture it, and
        DeviceLostError when the GPU works no more.
        """
        with self.device.guarded():
            tried = [self.try_layout(path, x, layout) for layout in layouts(x)]
            return min(tried, key=lambda pair: pair[0])[1]

    def try_layout(self, path: str, x: Array, layout: str) -> tuple[float, CudaNetwork]:
        """Return how long a network takes in one memory layout (ns), and the network."""
        form, kind = LAYOUTS[layout], TYPES[self.settings.precision]
        module = read_module(path, self.settings.threads, self.device.name)
        module = module.to(dtype=kind, memory_format=form)
        source = torch.from_numpy(x).to(self.device.name, dtype=kind)
        network = CudaNetwork(
            TorchNetwork(module, source.contiguous(memory_format=form), self.device.wait),
            self.settings.mode,
            layout,
            self.device,
        )
        # The first executions compile, allocate and choose.
        self.stopwatch.once(network)
        return median(self.stopwatch.once(network) for _ in range(TRIALS)), network

    def ceilings(self) -> dict[str, Any]:
        """Measure copies, a product of matrices in each precision, and kernels of a graph."""
        device, rows = self.device.name, ceilings.GPU_ROWS

        def copy(working_set: int) -> Work:
            source, target = (
                torch.ones(working_set // 2, dtype=torch.int8, device=device) for _ in range(2)
            )
            return Work(lambda: store(source, target), working_set)

        def store(source: torch.Tensor, target: torch.Tensor) -> None:
            target.copy_(source)

        def product(precision: str) -> Work:
            kind = TYPES[precision]
            a, b, y = (torch.ones(rows, rows, dtype=kind, device=device) for _ in range(3))
            allow_tf32(precision == "tf32")

            def multiply() -> None:
                torch.mm(a, b, out=y)

            return Work(multiply, rows**3)

        makers = {name: partial(product, name) for name in TYPES}
        sizes = ceilings.gpu_working_sets(self.device.facts()["memory"])
        found = ceilings.ceilings(copy, sizes, makers, self.stopwatch.total)
        allow_tf32(self.settings.precision == "tf32")
        return {**found, "kernel_ns": self.kernel_ns()}

    def kernel_ns(self) -> float:
        """Return the time of a kernel that does next to nothing, one of many in a graph."""
        number = torch.zeros(1, device=self.device.name)

        def execute() -> None:
            for _ in range(KERNELS):
                number.add_(1)

        replay = self.device.capture(execute)
        return min(self.stopwatch.total(replay, 1) for _ in range(TRIALS)) / KERNELS


def layouts(x: Array) -> list[str]:
    """Return the memory layouts that an input can have: images two, anything else one."""
    return list(LAYOUTS) if x.ndim == IMAGES else ["contiguous"]


def allow_tf32(allowed: bool) -> None:
    """Let, or do not let, float32 be rounded to TF32 inside convolutions and products."""
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cuda.matmul.allow_tf32 = allowed


def open_backend(settings: Settings) -> TorchCuda:
    """Return torch on the first CUDA GPU; raises NoDeviceError where none works."""
    return TorchCuda(settings)
