"""PyTorch, eager: one operator after the other, as most people run it; on the CPU."""

from __future__ import annotations

import gc
import io
import os
import time
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Callable, NamedTuple

import numpy as np

# The profiler would write lines of its own to standard error, which is for what goes wrong.
os.environ.setdefault("KINETO_LOG_LEVEL", "5")
import torch
from torch.profiler import ProfilerActivity, profile, record_function

from ..ceilings import cpu_ceilings
from ..stopwatch import HostStopwatch
from .interface import Array, Arrays, Profile, Settings
from .torch_structures import mapped, named_tensors

# Marks the execution that counts in a profile of two.
SAMPLE = "guidelines: sample"


class Arguments(NamedTuple):
    """What a module is called with: tensors, and structures of them."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def tensors(self) -> list[torch.Tensor]:
        """Return all tensors in them."""
        found: list[torch.Tensor] = []

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            found.append(tensor)
            return tensor

        mapped(keep, tuple(self))
        return found

    def changed(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Arguments:
        """Return them with every tensor changed."""
        return Arguments(mapped(change, self.args), mapped(change, self.kwargs))


class TorchNetwork:
    """A module with its arguments on a device; `wait` returns when all it was handed is done."""

    layout = None

    def __init__(
        self, module: Any, arguments: Arguments, wait: Callable[[], None] = lambda: None
    ) -> None:
        self.module = module
        self.arguments = arguments
        self.args, self.kwargs = arguments
        self.on_gpu = any(tensor.is_cuda for tensor in arguments.tensors())
        self.found: Any = None
        self.wait = wait
        self.calls: list[dict[str, Any]] | None = None

    def enqueue(self) -> None:
        """Execute once; on a GPU, hand it over."""
        self.found = self.module(*self.args, **self.kwargs)

    def run(self) -> None:
        """Execute once, and wait until it is done."""
        self.enqueue()
        self.wait()

    def outputs(self) -> Arrays:
        """Return the outputs of the last execution."""
        return {name: numbers(tensor) for name, tensor in named_tensors(self.found).items()}

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
        """Execute with torch.profiler; what an operator calls in turn counts as its own time.

        On a GPU an operator's time is that of the kernels that it launched. Shapes are looked at
        once: recording them slows convolutions by a tenth and more.
        """
        if self.calls is None:
            operators, _ = self.operators(record_shapes=True)
            self.calls = [call(event) for event in operators]
        operators, ns = self.operators(record_shapes=False)
        if [event.name for event in operators] != [call["operator"] for call in self.calls]:
            raise RuntimeError("a profiled execution ran other operators than the one before")
        times = [operator_ns(event, self.on_gpu) for event in operators]
        if not any(times):
            raise RuntimeError("torch's profiler shows no time of any operator")
        # Events refer to one another; left alone, each profile would keep tens of megabytes.
        del operators
        gc.collect()
        return Profile(ns=ns, calls=self.calls, operators_ns=times)

    def operators(self, record_shapes: bool) -> tuple[list[Any], int]:
        """Return the operators of one profiled execution, after one that does not count; and ns."""
        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if self.on_gpu else [])]
        with profile(activities=kinds, record_shapes=record_shapes) as profiler:
            self.run()
            with record_function(SAMPLE):
                start = time.perf_counter_ns()
                self.run()
                ns = time.perf_counter_ns() - start
        return [event for event in profiler.events() if is_outermost(event)], ns


def numbers(y: torch.Tensor) -> Array:
    """Return a tensor of any device; numbers of any floating precision as float32."""
    return (y.float() if y.is_floating_point() else y).cpu().numpy()


def operator_ns(event: Any, on_gpu: bool) -> int:
    """Return the time of an operator in ns: its own on the CPU, that of its kernels on a GPU."""
    microseconds: float = event.device_time_total if on_gpu else event.time_range.elapsed_us()
    return round(microseconds * 1000)


def is_outermost(event: Any) -> bool:
    """Whether a profiler's event is an operator of the sample that no other operator called."""
    if "::" not in event.name or event.is_user_annotation:
        return False
    caller = event.cpu_parent
    # A scripted module is no operator, and stands above its own.
    while caller is not None and (caller.is_user_annotation or "::" not in caller.name):
        if caller.name == SAMPLE:
            return True
        caller = caller.cpu_parent
    return False


def nested(event: Any) -> list[Any]:
    """Return all operators that an operator called, directly or not."""
    return [e for child in event.cpu_children for e in (child, *nested(child))]


def call(event: Any) -> dict[str, Any]:
    """Return what an operator executed (see Profile); of outputs only those of transpositions.

    Each operator that it calls in turn is recorded in it.
    """
    inputs = [list(shape) for shape in event.input_shapes]
    below = nested(event)
    orders = [axes(e) for e in (event, *below)]
    order = next((order for order in orders if order), [])
    fits = bool(inputs) and len(order) == len(inputs[0])
    outputs = [[inputs[0][axis] for axis in order]] if fits and order else []
    return {
        "operator": event.name,
        "name": "",
        "inputs": inputs,
        "outputs": outputs,
        "recorded": len(below),
    }


def axes(event: Any) -> list[int]:
    """Return the order into which a transposition puts the axes; empty for other operators."""
    rank = len(event.input_shapes[0]) if event.input_shapes else 0
    if event.name == "aten::permute":
        return [axis % rank for axis in event.concrete_inputs[1]]
    if event.name != "aten::transpose":
        return []
    order = list(range(rank))
    one, other = event.concrete_inputs[1], event.concrete_inputs[2]
    order[one], order[other] = order[other], order[one]
    return order


class TorchEager:
    """Eager torch in inference mode, which stays on for the life of the process."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.stopwatch = HostStopwatch(threads)
        torch.set_num_threads(threads)
        self.inference = inference()

    def versions(self) -> dict[str, str]:
        """Return the versions of torch and numpy."""
        return {"torch": torch.__version__, "numpy": np.__version__}

    def load(self, path: str, inputs: Arrays, outputs: Arrays) -> TorchNetwork:  # noqa: ARG002
        """Read a pickled module, which the suite itself wrote into its cache."""
        return TorchNetwork(*read_module(path, inputs, self.threads))

    def guarded(self) -> AbstractContextManager[None]:
        """There is no device that could fail."""
        return nullcontext()

    def ceilings(self) -> dict[str, Any] | None:
        """Measure STREAM's triad, a = b + s·c, and a product of matrices."""

        def triad(shape: tuple[int]) -> Callable[[], None]:
            a, b, c = (torch.ones(shape) for _ in range(3))
            return partial(in_place, torch.add, b, c, alpha=3.0, out=a)

        def product(shape: tuple[int, int]) -> Callable[[], None]:
            a, b, y = (torch.ones(shape) for _ in range(3))
            return partial(in_place, torch.mm, a, b, out=y)

        return cpu_ceilings(triad, product, "fp32", self.stopwatch.total)


def in_place(do: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Do something that returns what it was given to write into."""
    do(*arguments, **options)


def inference() -> Any:
    """Turn on inference mode, which lasts as long as what is returned."""
    mode = torch.inference_mode()
    mode.__enter__()
    return mode


def read_module(
    path: str, inputs: Arrays, threads: int, device: str = "cpu"
) -> tuple[Any, Arguments]:
    """Return the module pickled at `path`, on a device, and its arguments.

    They are the `inputs`, unless the file brings its own, as that of a user's network does (see
    guidelines.export.exporter.formats). Torch keeps to so many threads.
    """
    found = torch.load(path, weights_only=False, map_location=device)
    arguments = Arguments(tuple(torch.from_numpy(x) for x in inputs.values()), {})
    if isinstance(found, dict):
        arguments = Arguments(found["args"], found["kwargs"])
        module = io.BytesIO(found["module"])
        scripted = found["scripted"]
        found = (
            torch.jit.load(module, map_location=device)  # type: ignore[no-untyped-call]
            if scripted
            else torch.load(module, weights_only=False, map_location=device)
        )
    # Modules that are imported for a user's network may have set them otherwise.
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    return found, arguments


def open_backend(settings: Settings) -> TorchEager:
    """Return eager torch set to so many threads."""
    return TorchEager(settings.threads)
