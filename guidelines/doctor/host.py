"""What will make this machine's figures unreliable, in plain words, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from guideline_benchmarks.guidelines.doctor.advice import Advice
from guideline_benchmarks.runners.worker.machine import cores, host

PROBE_SECONDS = 1.0
# A spinning process that is kept waiting longer than this was interrupted by something else.
GAP_NS = 100_000

BUSY_PERCENT = 5.0
STEAL_PERCENT = 0.5
LOST_PERCENT = 0.5
LEAST_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Conditions:
    """The state of a machine, as far as it shows; None where it does not.

    `usable` of its `cores` may be used here. `busy` holds other processes' names and CPU use in
    percent of one core; `steal` is the percent of CPU time that a hypervisor gave to others, `lost`
    the percent that a spinning process lost to anything else. Memory in bytes.
    """

    cores: int
    usable: int
    load: float | None
    governor: str | None
    virtualisation: str | None
    free_memory: int
    swapped: int
    on_battery: bool | None
    steal: float | None
    lost: float
    busy: Sequence[tuple[str, float]]
    can_pin: bool


def observe() -> Conditions:
    """Look at this machine for a little over two seconds."""
    facts = host.facts()
    busy = _busy_processes()
    before = psutil.cpu_times()
    lost = _lost_percent()
    steal = _steal_percent(before, psutil.cpu_times())
    return Conditions(
        cores=facts["cores"],
        usable=cores.usable(),
        load=host.load_average(),
        governor=facts["governor"],
        virtualisation=facts["virtualisation"],
        free_memory=psutil.virtual_memory().available,
        swapped=psutil.swap_memory().used,
        on_battery=_on_battery(),
        steal=steal,
        lost=lost,
        busy=busy,
        can_pin=hasattr(psutil.Process(), "cpu_affinity"),
    )


def _on_battery() -> bool | None:
    """Return whether the machine runs on its battery; None without one, or if none is shown."""
    try:
        battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    except OSError:
        return None
    return None if battery is None else not battery.power_plugged


def _busy_processes() -> list[tuple[str, float]]:
    """Return other processes that use more than BUSY_PERCENT of a core, the busiest first."""
    own = psutil.Process().pid
    processes = [process for process in psutil.process_iter(["name"]) if process.pid != own]
    for process in processes:
        _quietly(process.cpu_percent)
    time.sleep(PROBE_SECONDS)
    used = [(process.info["name"] or "?", _quietly(process.cpu_percent)) for process in processes]
    return sorted((p for p in used if p[1] > BUSY_PERCENT), key=lambda p: -p[1])


def _quietly(ask: Callable[[], float]) -> float:
    try:
        return ask()
    except psutil.Error:
        return 0.0


def _lost_percent() -> float:
    """Spin for PROBE_SECONDS; return the percent of them spent in gaps above GAP_NS."""
    lost, last = 0, time.perf_counter_ns()
    end = last + int(PROBE_SECONDS * 1e9)
    while last < end:
        now = time.perf_counter_ns()
        if now - last > GAP_NS:
            lost += now - last
        last = now
    return 100 * lost / (PROBE_SECONDS * 1e9)


def _steal_percent(before: object, after: object) -> float | None:
    if not hasattr(before, "steal"):
        return None
    stolen = getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)
    return float(100 * stolen / PROBE_SECONDS)


def advice(seen: Conditions) -> list[Advice]:
    """Return what is wrong with a machine's conditions, the worst first."""
    found = []
    if seen.busy:
        names = ", ".join(f"{name} ({percent:.0f} %)" for name, percent in seen.busy[:3])
        found.append(
            Advice(
                f"Other programs are using the processor: {names}.",
                "End them, or wait until they are done.",
            )
        )
    if seen.load is not None and seen.load > seen.cores - 0.5:
        found.append(
            Advice(
                f"The load average is {seen.load:.1f} on {seen.cores} core(s).",
                "Wait until it is well below the number of cores.",
            )
        )
    if seen.steal is not None and seen.steal > STEAL_PERCENT:
        found.append(
            Advice(
                f"The hypervisor takes {seen.steal:.1f} % of a core away.",
                "Measure on a dedicated machine, or add processes: --processes 10.",
            )
        )
    if seen.lost > LOST_PERCENT:
        found.append(
            Advice(
                f"A spinning program lost {seen.lost:.1f} % of its time to others.",
                "Close what runs in the background; trust medians and ratios most.",
            )
        )
    if seen.virtualisation:
        found.append(
            Advice(
                f"This is a {seen.virtualisation}: neighbours share caches and memory.",
                "Trust ratios more than times; compare runs made side by side.",
            )
        )
    if seen.usable == 1:
        found.append(
            Advice(
                "One core may be used: the progress display and the system share it.",
                "Use --quiet, or a machine with two cores or more.",
            )
        )
    if not seen.can_pin:
        found.append(
            Advice(
                "This system cannot keep a process on one core.",
                "Expect wider intervals; close other programs.",
            )
        )
    if seen.governor not in (None, "performance"):
        found.append(
            Advice(
                f"The frequency governor is {seen.governor}: the clock will vary.",
                "As root: cpupower frequency-set --governor performance.",
            )
        )
    if seen.on_battery:
        found.append(
            Advice("The machine runs on its battery and may slow its clock.", "Plug it in.")
        )
    if seen.free_memory < LEAST_FREE_BYTES:
        found.append(
            Advice(
                f"Only {seen.free_memory / 1e9:.1f} GB of memory are free.",
                "Close programs, or measure one guideline at a time.",
            )
        )
    if seen.swapped:
        found.append(
            Advice(
                f"{seen.swapped / 1e6:.0f} MB of memory are swapped out.",
                "Free memory, then swapoff and swapon.",
            )
        )
    return found


def unknowns(seen: Conditions) -> list[str]:
    """Return what the system does not let anyone see."""
    hidden = {
        "the frequency governor": seen.governor,
        "time stolen by a hypervisor": seen.steal,
        "the load average": seen.load,
    }
    return [what for what, value in hidden.items() if value is None]
