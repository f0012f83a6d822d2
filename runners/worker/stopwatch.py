"""How executions are timed: by the machine's own clock here, by a GPU's in gpu_stopwatch."""

from __future__ import annotations

import time
from typing import Any, Callable, Protocol

from .backends.interface import LoadedNetwork


class Stopwatch(Protocol):
    """Times executions of a backend's networks; all times are in ns."""

    def about(self) -> dict[str, Any]:
        """Say what the times are of, beyond the machine: {} or {"gpu", "clock"} (see `Ready`)."""

    def once(self, network: Any) -> int:
        """Execute once; return the time."""

    def prepare(self, network: Any) -> dict[str, Any]:
        """Make ready to take samples of a warm network; return what was found: {"launch_ns"}."""

    def sample(self, network: Any, lead_in: bool) -> dict[str, Any]:
        """Execute, after an execution that does not count if `lead_in`: {"ns"} (see `Sample`)."""

    def loop(self, network: Any, times: int) -> list[int]:
        """Execute so many times in a bare loop; return the laps."""

    def state(self) -> dict[str, Any]:
        """Say how the device is now: {} or {"card"} (see `RoundDone`)."""


class HostStopwatch:
    """The clock of this process, for networks that are done when `run` returns.

    Of several `threads`, it also tells the processor time that they all took.
    """

    def __init__(self, threads: int = 1) -> None:
        self.several = threads > 1

    def about(self) -> dict[str, Any]:
        """There is nothing to say."""
        return {}

    def once(self, network: LoadedNetwork) -> int:
        """Execute once; return the wall time in ns."""
        start = time.perf_counter_ns()
        network.run()
        return time.perf_counter_ns() - start

    def prepare(self, network: LoadedNetwork) -> dict[str, Any]:  # noqa: ARG002
        """A warm network is ready."""
        return {}

    def sample(self, network: LoadedNetwork, lead_in: bool) -> dict[str, Any]:
        """Execute once, or once more before that."""
        if lead_in:
            network.run()
        if not self.several:
            return {"ns": self.once(network)}
        before = time.process_time_ns()
        ns = self.once(network)
        return {"ns": ns, "cpu_ns": time.process_time_ns() - before}

    def loop(self, network: LoadedNetwork, times: int) -> list[int]:
        """Time a bare loop, without the harness."""
        run = network.run
        clock = time.perf_counter_ns
        laps = [clock()]
        for _ in range(times):
            run()
            laps.append(clock())
        return [after - before for before, after in zip(laps, laps[1:])]

    def total(self, do: Callable[[], None], times: int) -> int:
        """Do something so many times in a row; return the time of all."""
        start = time.perf_counter_ns()
        for _ in range(times):
            do()
        return time.perf_counter_ns() - start

    def state(self) -> dict[str, Any]:
        """There is nothing to say."""
        return {}
