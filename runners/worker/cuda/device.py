"""The first CUDA GPU, as torch reaches it: events, memory, graphs, and what goes wrong there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable

import torch

from ..backends.interface import DeviceLostError, NoDeviceError
from . import nvml
from .errors import first_sentence, lacks_memory, not_capturable, too_large

# Not all of it has types.
cuda: Any = torch.cuda
MEGABYTE = 1 << 20
KILO = 1000
# Executions before a graph is captured, in which libraries allocate and choose.
BEFORE_CAPTURE = 3
NEWER_CAPABILITY = 8


class CudaEvent:
    """A moment on the current stream."""

    def __init__(self) -> None:
        self.event = cuda.Event(enable_timing=True)

    def record(self) -> None:
        """Have the GPU take the time when it has done all that was handed over so far."""
        self.event.record()

    def reached(self) -> bool:
        """Whether the GPU has come to it."""
        return bool(self.event.query())

    def wait(self) -> None:
        """Return when the GPU has come to it."""
        self.event.synchronize()

    def ns_since(self, earlier: CudaEvent) -> int:
        """Return the time from an earlier event to this one."""
        milliseconds: float = earlier.event.elapsed_time(self.event)
        return round(milliseconds * 1e6)


class CudaDevice:
    """The first GPU that CUDA shows; raises NoDeviceError where none works."""

    name = "cuda"

    def __init__(self) -> None:
        try:
            cuda.init()
            # Cards for which this torch has no code are found, but execute nothing.
            torch.zeros(1, device="cuda").add_(1)
            cuda.synchronize()
            self.properties: Any = cuda.get_device_properties(0)
            size = max(self.properties.L2_cache_size, MEGABYTE)
            self.cache_sized = torch.empty(size, dtype=torch.int8, device="cuda")
        except Exception as error:
            # Some of what torch raises here is of no kind of its own.
            raise NoDeviceError(
                f"torch {torch.__version__} finds no CUDA GPU ({first_sentence(error)})"
                f"{advice(str(error))}"
            ) from None
        self.card: nvml.NvmlCard | None = nvml.card(str(self.properties.uuid))
        # Graphs whose capture failed: the allocator may still refer to them.
        self.failed: list[Any] = []

    def is_newer(self) -> bool:
        """Whether the card has compute capability 8 or more."""
        return int(self.properties.major) >= NEWER_CAPABILITY

    def facts(self) -> dict[str, Any]:
        """Return what identifies the card (see results.record.platform.Gpu)."""
        found = self.properties
        clocks = {
            "boost_mhz": getattr(found, "clock_rate", 0) // KILO or None,
            "memory_mhz": getattr(found, "memory_clock_rate", 0) // KILO or None,
            "ecc": None,
            "mig": None,
        }
        shown = self.card.facts() if self.card else {}
        return {
            "name": found.name,
            "uuid": str(found.uuid),
            "compute_capability": f"{found.major}.{found.minor}",
            "multiprocessors": found.multi_processor_count,
            "memory": found.total_memory,
            "l2_cache": found.L2_cache_size or MEGABYTE,
            **clocks,
            **{name: value for name, value in shown.items() if value is not None},
        }

    def event(self) -> CudaEvent:
        """Return a new event."""
        return CudaEvent()

    def flush(self) -> None:
        """Have the GPU overwrite as much memory as its second-level cache holds."""
        self.cache_sized.zero_()

    def wait(self) -> None:
        """Return when all that was handed over is done."""
        cuda.synchronize()

    def capture(self, execute: Callable[[], None]) -> Callable[[], None]:
        """Return what replays, as one CUDA graph, what `execute` hands over.

        `execute` runs a few times before. Raises RuntimeError when it cannot be captured.
        """
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            for _ in range(BEFORE_CAPTURE):
                execute()
        cuda.current_stream().wait_stream(side)
        graph = cuda.CUDAGraph()
        stream = cuda.current_stream()
        try:
            with cuda.graph(graph):
                execute()
        except RuntimeError as error:
            self.failed.append(graph)
            # What ends the capture only says that something failed before.
            cause = error.__context__ or error
            if lacks_memory(cause):
                raise cause from None
            raise not_capturable(cause, "platform cuda-eager") from None
        finally:
            # A failed capture leaves its own stream behind.
            cuda.set_stream(stream)
        return partial(replayed, graph, execute)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Say in one sentence what goes wrong with one network.

        Raises RuntimeError when it takes too much memory, DeviceLostError when the GPU works no
        more, and anything else as it is.
        """
        try:
            yield
        except RuntimeError as error:
            try:
                cuda.synchronize()
            except RuntimeError:
                said = first_sentence(error)
                raise DeviceLostError(f"the GPU does not work any more: {said}") from None
            # Not all that lacks memory is of the allocator's own kind of error.
            if not lacks_memory(error):
                raise
            cuda.empty_cache()
            free, total = cuda.mem_get_info()
            raise too_large(free, total) from None


def replayed(graph: Any, _: Callable[[], None]) -> None:
    """Replay a graph; what it was captured from must live as long, with all its memory."""
    graph.replay()


def advice(said: str) -> str:
    """Return what to do about a GPU that torch cannot use, as the end of a sentence; or ""."""
    if "not compiled with CUDA" in said:
        return ": install a torch that is built for CUDA, where there is an NVIDIA GPU"
    if "too old" in said:
        return ": update the driver, or install a torch that is built for it"
    if "out of memory" in said:
        return ": end other programs on it"
    if "no kernel image" in said:
        return ": install a torch that is built for this card"
    return ""
