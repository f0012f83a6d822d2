"""How executions on a GPU are timed: by its own events, one execution between two of them.

A GPU works off what the host hands it, in order. An event that is handed over takes the time when
the GPU comes to it. So a sample begins when the GPU has done what was handed over before; if the
host is slower than the GPU, it holds the time in which the GPU waits for the host, too. Where
launching belongs to what is measured (operator by operator), one execution comes before a sample,
as in a loop of them. Where it does not (a graph), so many come before it that the host has handed
over the whole sample before the GPU begins with it; a sample for which it was late is taken again,
a few times.

Hot samples follow executions of the same network. Cold ones follow writes over a buffer as large
as the second-level cache, so that nothing of the network is left in it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import Any, Callable, Protocol

from ..backends.interface import DeviceLostError
from .errors import first_sentence

Enqueue = Callable[[], None]

CLOCK_READINGS = 200
LAUNCHES = 11
# The host is ahead if it is so many times in a row.
AHEAD_IN_A_ROW = 3
MOST_LEAD_INS = 32
# A sample for which the host was late is taken so often.
MOST_LATE = 3
# Samples taken while the clock is below this fraction of its highest are taken again, as in
# NVIDIA's nvbench; so often, and so often in a process.
LEAST_CLOCK = 0.75
MOST_RETAKES, MOST_DISCARDED = 5, 100


class Event(Protocol):
    """A moment of a GPU's own clock."""

    def record(self) -> None:
        """Have the GPU take the time when it has done all that was handed over so far."""

    def reached(self) -> bool:
        """Whether the GPU has come to it."""

    def wait(self) -> None:
        """Return when the GPU has come to it."""

    def ns_since(self, earlier: Any) -> int:
        """Return the time from an earlier event to this one; the GPU has come to both."""


class Device(Protocol):
    """A GPU that works off, in order, what it is handed."""

    # What the driver tells of it, if it tells anything.
    card: Any

    def facts(self) -> dict[str, Any]:
        """Return what identifies it (see results.record.platform.Gpu)."""

    def event(self) -> Event:
        """Return a new event."""

    def flush(self) -> None:
        """Have it overwrite as much memory as its second-level cache holds."""

    def wait(self) -> None:
        """Return when all that was handed over is done."""


class Card(Protocol):
    """What the driver tells of a GPU."""

    def sm_mhz(self) -> int | None:
        """Return the clock of its multiprocessors now."""

    def state(self) -> dict[str, Any]:
        """Return how it is now (see results.record.card.CardState)."""


class GpuNetwork(Protocol):
    """A network that is handed to a GPU."""

    # Whether launching it is no part of what is measured.
    hides_launch: bool
    # The same network operator by operator, where that is another way to run it.
    eager: Enqueue | None

    def enqueue(self) -> None:
        """Hand over one execution; return before it is done."""


class GpuStopwatch:
    """Times executions on one GPU; samples below `least_mhz` do not count."""

    def __init__(self, device: Device, card: Card | None, least_mhz: float | None) -> None:
        self.device = device
        self.card = card
        self.least_mhz = least_mhz
        self.discarded = 0
        self.start, self.end = device.event(), device.event()
        # What comes before a hot and before a cold sample, by network.
        self.lead_ins: dict[int, tuple[Enqueue, Enqueue]] = {}

    def about(self) -> dict[str, Any]:
        """Say which card it is, and what its events can tell apart."""
        return {"gpu": self.device.facts(), "clock": self.clock()}

    def clock(self) -> dict[str, Any]:
        """Return the median interval between two events without anything in between, and a step.

        The step is the least difference between such intervals, or between those of writes over
        the cache: empty ones may all be of one length but for one that was disturbed.
        """
        flush = self.device.flush
        empty, written = (
            [self.interval(enqueue, flush)[0] for _ in range(CLOCK_READINGS)]
            for enqueue in (lambda: None, flush)
        )
        steps = [step for found in (empty, written) for step in differences(found)]
        return {"overhead_ns": round(median(empty)), "resolution_ns": min(steps, default=None)}

    def interval(self, enqueue: Enqueue, lead_in: Enqueue) -> tuple[int, bool]:
        """Return the GPU's time of one execution after a lead-in.

        And whether the host had handed all of it over before the GPU began.
        """
        lead_in()
        self.start.record()
        enqueue()
        self.end.record()
        ahead = not self.start.reached()
        self.end.wait()
        return max(1, self.end.ns_since(self.start)), ahead

    def once(self, network: GpuNetwork) -> int:
        """Execute once after an execution that does not count; return the time."""
        return self.interval(network.enqueue, network.enqueue)[0]

    def prepare(self, network: GpuNetwork) -> dict[str, Any]:
        """Find how long the host takes to launch it, and which lead-ins hide that."""
        launches = []
        for _ in range(LAUNCHES):
            self.device.wait()
            start = time.perf_counter_ns()
            network.enqueue()
            launches.append(time.perf_counter_ns() - start)
        self.device.wait()
        self.lead_ins[id(network)] = self.hot_lead_in(network), self.cold_lead_in(network)
        return {"launch_ns": round(median(launches))}

    def hot_lead_in(self, network: GpuNetwork) -> Enqueue:
        """Return what comes before a hot sample: executions of the same network.

        As many as bring the host ahead of the GPU, where launching is no part of the sample. Of a
        network that takes the host longer than the GPU none do: there it is one, and before it as
        many writes over the cache as do.
        """
        if not network.hides_launch:
            return repeated(network.enqueue, 1)
        writes = [after(lead_in, network.enqueue) for lead_in in doubling(self.device.flush)]
        return self.first_ahead(network, [*doubling(network.enqueue), *writes])

    def cold_lead_in(self, network: GpuNetwork) -> Enqueue:
        """Return what comes before a cold sample: writes over the cache.

        As many as bring the host ahead of the GPU, or one that is done before the host begins.
        """
        if network.hides_launch:
            return self.first_ahead(network, doubling(self.device.flush))
        return after(self.device.flush, self.device.wait)

    def first_ahead(self, network: GpuNetwork, lead_ins: Sequence[Enqueue]) -> Enqueue:
        """Return the first lead-in that brings the host ahead of the GPU; the last if none does."""
        for lead_in in lead_ins:
            tried = (self.interval(network.enqueue, lead_in) for _ in range(AHEAD_IN_A_ROW))
            if all(ahead for _, ahead in tried):
                return lead_in
        return lead_ins[-1]

    def sample(self, network: GpuNetwork, lead_in: bool) -> dict[str, Any]:  # noqa: ARG002
        """Take a hot and a cold sample, and a hot one operator by operator where that differs.

        Raises DeviceLostError when the GPU fails.
        """
        discarded = 0
        try:
            while True:
                found = self.take(network)
                mhz = self.card.sm_mhz() if self.card else None
                slow = mhz is not None and self.least_mhz is not None and mhz < self.least_mhz
                if not slow or discarded == MOST_RETAKES or self.discarded == MOST_DISCARDED:
                    break
                discarded += 1
                self.discarded += 1
        except RuntimeError as error:
            said = first_sentence(error)
            raise DeviceLostError(f"the GPU failed in the middle of a round: {said}") from None
        return {**found, "sm_mhz": mhz, "discarded": discarded}

    def take(self, network: GpuNetwork) -> dict[str, Any]:
        """Take one sample of each kind."""
        hot_lead_in, cold_lead_in = self.lead_ins[id(network)]
        hot, hidden = self.hidden(network, hot_lead_in)
        cold, _ = self.hidden(network, cold_lead_in)
        beside = {"cold": cold}
        if network.eager:
            beside["eager"], _ = self.interval(network.eager, network.eager)
        return {"ns": hot, "beside": beside, "launch_shows": network.hides_launch and not hidden}

    def hidden(self, network: GpuNetwork, lead_in: Enqueue) -> tuple[int, bool]:
        """Return a sample as `interval` does, taken again if the host was late, and may not be."""
        for _ in range(MOST_LATE):
            found = self.interval(network.enqueue, lead_in)
            if found[1] or not network.hides_launch:
                break
        return found

    def loop(self, network: GpuNetwork, times: int) -> list[int]:
        """Hand over so many executions back to back, with an event after each."""
        events = [self.device.event() for _ in range(times + 1)]
        events[0].record()
        for event in events[1:]:
            network.enqueue()
            event.record()
        events[-1].wait()
        return [max(1, event.ns_since(before)) for before, event in zip(events, events[1:])]

    def total(self, do: Enqueue, times: int) -> int:
        """Hand something over so many times in a row; return the GPU's time of all."""
        return self.interval(repeated(do, times), do)[0]

    def state(self) -> dict[str, Any]:
        """Say how the card is now."""
        return {"card": self.card.state()} if self.card else {}


def differences(lengths: Sequence[int]) -> list[int]:
    """Return by how much lengths differ from the next shorter ones; equal ones count once."""
    known = sorted(set(lengths))
    return [longer - length for length, longer in zip(known, known[1:])]


def repeated(do: Enqueue, times: int) -> Enqueue:
    """Return what does something so many times."""

    def all_of_it() -> None:
        for _ in range(times):
            do()

    return all_of_it


def doubling(do: Enqueue) -> list[Enqueue]:
    """Return what does something once, twice, and so on up to MOST_LEAD_INS times."""
    counts = [1]
    while counts[-1] < MOST_LEAD_INS:
        counts.append(2 * counts[-1])
    return [repeated(do, times) for times in counts]


def after(first: Enqueue, then: Enqueue) -> Enqueue:
    """Return what does one thing after another."""

    def both() -> None:
        first()
        then()

    return both


def stopwatch_of(device: Device) -> GpuStopwatch:
    """Return the stopwatch of a GPU, which knows from when on its clock is too low."""
    boost = device.facts()["boost_mhz"]
    return GpuStopwatch(device, device.card, boost and LEAST_CLOCK * boost)
