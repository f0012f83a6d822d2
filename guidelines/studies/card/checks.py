"""Measure what samples on this machine's NVIDIA GPU depend on: clocks, cache, launches, ceilings.

`python -m guideline_benchmarks.guidelines.studies.card.checks` takes about a minute, prints a line
for each finding, and exits with 1 where something does not hold.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from scipy.stats import trim_mean

from guideline_benchmarks.guidelines.studies.card import findings, networks
from guideline_benchmarks.guidelines.studies.card.findings import Finding
from guideline_benchmarks.guidelines.studies.card.program import ended_in_a_sentence
from guideline_benchmarks.runners.worker.backends.interface import DeviceLostError
from guideline_benchmarks.runners.worker.cuda.errors import first_sentence
from guideline_benchmarks.runners.worker.cuda.stopwatch import after, repeated

SAMPLES, BLOCKS = 200, 10
# Parts of the cache's size that arrays have, and overwritings of it that leave nothing of them.
PARTS, THOROUGH = (1 / 8, 1 / 2), 8
# Products of matrices that take a card long, and little of its cache.
SMALL, PRODUCTS = 128, 200
# The work over which two clocks are compared, and a rest in which a card lowers its own.
LONG_NS, REST_SECONDS = 500_000_000, 2.0
LOOK_SECONDS = 0.005
SMI = ("nvidia-smi", "--query-gpu=clocks.sm", "--format=csv,noheader")
Look = Callable[[], Iterator[Finding]]


def events(backend: Any) -> Iterator[Finding]:
    """Look into the steps of the events' clock."""
    clock = backend.stopwatch.clock()
    yield findings.of_events(clock["overhead_ns"], clock["resolution_ns"])


def clocks(backend: Any) -> Iterator[Finding]:
    """Time the same long work by events and by the host."""
    flush, stopwatch = backend.device.flush, backend.stopwatch
    once = max(1, stopwatch.total(flush, 100) // 100)
    began = time.perf_counter_ns()
    by_events = stopwatch.total(flush, max(1, LONG_NS // once))
    yield findings.of_clocks(by_events, time.perf_counter_ns() - began)


def flush(backend: Any, part: float) -> Iterator[Finding]:
    """Time the reading of an array from the cache, and after one and many overwritings of it.

    Small products come between, which hide the host's time and leave the cache as it is.
    """
    device = backend.device
    cache = device.cache_sized.numel()
    array = torch.ones(int(cache * part) // 4, device=device.name)
    total = torch.zeros((), device=device.name)
    large = torch.empty(THOROUGH * cache, dtype=torch.int8, device=device.name)
    small, product = (torch.ones(SMALL, SMALL, device=device.name) for _ in range(2))

    def read_array() -> None:
        torch.sum(array, 0, out=total)

    def multiply() -> None:
        torch.mm(small, small, out=product)

    def overwrite() -> None:
        large.zero_()

    read = device.capture(read_array)
    cached = after(read, device.capture(repeated(multiply, PRODUCTS)))
    lead_ins = (cached, after(cached, device.flush), after(cached, overwrite))

    def block() -> tuple[float, float, float]:
        rounds = [
            [backend.stopwatch.interval(read, lead_in)[0] for lead_in in lead_ins]
            for _ in range(SAMPLES // BLOCKS)
        ]
        hot, flushed, thorough = (float(trim_mean(of, 0.25)) for of in zip(*rounds, strict=True))
        return hot, flushed, thorough

    yield findings.of_flush(part, [block() for _ in range(BLOCKS)])


def samples_of(backend: Any, network: Any) -> list[dict[str, Any]]:
    """Return SAMPLES samples of a network."""
    return [backend.stopwatch.sample(network, lead_in=True) for _ in range(SAMPLES)]


def launches(backend: Any, loaded: Mapping[str, Any]) -> Iterator[Finding]:
    """Count the samples in which the host's time shows."""
    shown = {}
    for name, network in loaded.items():
        shown[name] = sum(sample["launch_shows"] for sample in samples_of(backend, network))
    yield findings.of_launches(shown, SAMPLES)


def clock_readings(backend: Any, network: Any) -> Iterator[Finding]:
    """Read the multiprocessors' clock while samples are taken, and after each as they do."""
    card = backend.device.card
    if not card:
        yield findings.of_clock_readings([], [], "not asked")
    said: list[str] = []
    with looking(card.sm_mhz) as during:
        beside = threading.Thread(target=lambda: said.append(nvidia_smi()))
        beside.start()
        seen: list[int | None] = []
        while beside.is_alive() or len(seen) < SAMPLES:
            seen.append(backend.stopwatch.sample(network, lead_in=True)["sm_mhz"])
    yield findings.of_clock_readings(during, [mhz for mhz in seen if mhz], said[0])


@contextmanager
def looking(read: Callable[[], int | None]) -> Iterator[list[int]]:
    """Read something again and again beside, into the list."""
    found: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_SECONDS):
            value = read()
            if value:
                found.append(value)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def nvidia_smi() -> str:
    """Return the clock that nvidia-smi shows now, or why it shows none."""
    if not shutil.which(SMI[0]):
        return "not installed"
    done = subprocess.run(SMI, capture_output=True, text=True, check=False)
    return " ".join((done.stdout or done.stderr).split())


def waking(backend: Any, network: Any) -> Iterator[Finding]:
    """Take samples after a rest."""
    time.sleep(REST_SECONDS)
    yield findings.of_waking(samples_of(backend, network))


def ceilings(backend: Any) -> Iterator[Finding]:
    """Hold the ceilings against what the card is built for; say the others as they are."""
    found, facts = backend.ceilings(), backend.device.facts()
    card = backend.device.card
    if not found:
        yield Finding("ceilings", "none could be measured", "some", False)
        return
    largest = found["streams"][-1]["bytes_per_second"]
    yield findings.of_bandwidth(largest, facts["memory_mhz"], card and card.bus_bits())
    for precision, rate in found["products"].items():
        if precision == "fp32":
            capability = facts["compute_capability"]
            cores = facts["multiprocessors"]
            yield findings.of_product(rate, cores, facts["boost_mhz"], capability)
        else:
            what = f"a product of matrices in {precision}"
            yield Finding(what, f"{rate / 1e12:.4g} T multiply-adds/s")
    yield Finding("a kernel that does next to nothing, in a graph", f"{found['kernel_ns']:.0f} ns")


def profiler(backend: Any, network: Any) -> Iterator[Finding]:
    """Time a graph before and after the profiler is used in this process."""

    def time_ns() -> float:
        return float(trim_mean([sample["ns"] for sample in samples_of(backend, network)], 0.25))

    before = time_ns()
    network.profile()
    yield findings.of_profiler(before, time_ns())


def looks(backend: Any, loaded: Mapping[str, Any]) -> list[Look]:
    """Return what is looked into, in order; the last of the networks is the longest."""
    longest = list(loaded.values())[-1]
    return [
        partial(events, backend),
        partial(clocks, backend),
        *(partial(flush, backend, part) for part in PARTS),
        partial(launches, backend, loaded),
        partial(clock_readings, backend, longest),
        partial(waking, backend, longest),
        partial(ceilings, backend),
        # Whatever it leaves behind comes after all else.
        partial(profiler, backend, longest),
    ]


def found_by(look: Look) -> Iterator[Finding]:
    """Yield the findings of a look; what goes wrong in it is one."""
    try:
        yield from look()
    except (RuntimeError, DeviceLostError) as error:
        yield Finding("a look that failed", first_sentence(error), holds=False)


def main() -> None:
    """Look into this machine's card. Raises PlatformError without one; exits with 1, see above."""
    files = networks.exported(networks.CELLS)
    backend = networks.backend()
    all_hold = True
    for look in looks(backend, networks.load(backend, files)):
        for found in found_by(look):
            # At once, for whoever ends it.
            print(findings.line(found), flush=True)
            all_hold = all_hold and found.holds is not False
    sys.exit(not all_hold)


if __name__ == "__main__":
    with ended_in_a_sentence():
        main()
