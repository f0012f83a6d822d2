"""The cores of this machine in clusters of like ones, and which of them a worker is kept on."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .arm_cores import core_name
from .system import number, processors, read, sysctl

KILO = 1000
LARGEST_QUOTA = 1 << 16
_SIBLINGS = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


class NoSuchCoreError(Exception):
    """The worker was asked to run on a core that it cannot have."""


def clusters() -> list[dict[str, Any]]:
    """Return the clusters of this machine, the fastest first (see results.record.schema.Cluster).

    Cores are alike that have the same name, clock, and capacity in the eyes of the kernel. What the
    system does not show is None, or an empty list.
    """
    if platform.system() == "Darwin":
        return _performance_levels()
    groups: dict[tuple[str, int, int, int], list[int]] = {}
    for fields in processors():
        cpu = int(fields["processor"])
        folder = f"sys/devices/system/cpu/cpu{cpu}"
        files = ("cpu_capacity", "cpufreq/cpuinfo_max_freq", "cpufreq/cpuinfo_min_freq")
        capacity, highest, lowest = (number(f"{folder}/{name}") or 0 for name in files)
        groups.setdefault((_name(fields), capacity, highest, lowest), []).append(cpu)
    # Where nothing tells them apart, the last: fast cores are mostly numbered after slow ones.
    fastest_first = sorted(groups, key=lambda kind: (*kind[1:3], groups[kind]), reverse=True)
    return [
        {
            "core": name,
            "count": len(groups[name, capacity, highest, lowest]),
            "cpus": groups[name, capacity, highest, lowest],
            "min_mhz": lowest // KILO or None,
            "max_mhz": highest // KILO or None,
        }
        for name, capacity, highest, lowest in fastest_first
    ]


def _name(fields: dict[str, str]) -> str:
    if "CPU part" in fields:
        return core_name(fields.get("CPU implementer", ""), fields["CPU part"])
    return fields.get("model name") or platform.processor() or platform.machine()


def _performance_levels() -> list[dict[str, Any]]:
    """Return macOS's levels of cores, which it lists from the fastest down and does not number."""
    found: list[dict[str, Any]] = []
    for level in range(int(sysctl("hw.nperflevels") or 0)):
        name, count = (sysctl(f"hw.perflevel{level}.{what}") for what in ("name", "logicalcpu"))
        if name and count:
            clock = {"min_mhz": None, "max_mhz": None}
            found.append({"core": name, "count": int(count), "cpus": [], **clock})
    return found


def numbers(text: str) -> list[int]:
    """Return the numbers that "4", "4-7" or "0,2" names in order, none for anything else."""
    found: set[int] = set()
    for part in text.split(","):
        ends = _RANGE.fullmatch(part)
        if ends is None:
            return []
        first, last = ends.groups()
        found.update(range(int(first), int(last or first) + 1))
    return sorted(found)


def choose(wanted: str | None, threads: int | None) -> list[int]:
    """Return the cores to keep a worker of so many threads on, or none where none can be kept.

    `wanted` names a core ("4"), several ("4-7") or a cluster by the name of its cores; None is the
    fastest cluster. Threads are kept on the last of them, one each, since a move from one core to
    another costs time; None is as many as can be. Raises NoSuchCoreError when what is wanted is not
    there, or when there are fewer cores of one kind than threads: two threads that share a core
    would be timed as waiting.
    """
    if not hasattr(os, "sched_getaffinity"):
        if wanted is not None:
            raise NoSuchCoreError("this system does not keep a program on a core of its choice")
        return []
    there = allowed()
    groups = [(found["core"], sorted(there & {*found["cpus"]})) for found in clusters()]
    groups = [(name, cpus) for name, cpus in groups if cpus] or [("", sorted(there))]
    if wanted is None:
        return _last(groups[0][1], threads)
    named = next((cpus for name, cpus in groups if name.lower() == wanted.lower()), [])
    cpus = numbers(wanted) or named
    if not cpus or not there.issuperset(cpus):
        named_all = ", ".join(
            f"{_range(cpus)} ({name})" if name else _range(cpus) for name, cpus in groups
        )
        raise NoSuchCoreError(f"it is not among the cores there, which are {named_all}")
    if threads != 1 and not any({*cpus} <= {*alike} for _, alike in groups):
        raise NoSuchCoreError(f"threads need cores of one kind, and {_range(cpus)} are of several")
    return _last(cpus, threads)


def _last(cpus: list[int], threads: int | None) -> list[int]:
    """Return the last of some cores, one for each thread. Raises NoSuchCoreError for too few."""
    if threads == 1:
        return cpus[-1:]
    # Hardware threads of one core share what it counts with.
    distinct = {(read(_SIBLINGS.format(cpu)) or str(cpu)).strip(): cpu for cpu in cpus}
    least = min(len(distinct), _quota())
    threads = threads or max(1, least)
    if max(1, least) < threads:
        given = " whose time this container is given" if least < len(distinct) else ""
        raise NoSuchCoreError(
            f"{threads} threads need as many cores of one kind, and there {_are(least)}{given}"
        )
    return sorted(distinct.values())[-threads:]


def _are(number: int) -> str:
    return "is 1" if number == 1 else f"are {number}"


def _range(cpus: list[int]) -> str:
    """Return numbers in a row as "4-7", others one by one."""
    if len(cpus) > 1 and cpus == list(range(cpus[0], cpus[-1] + 1)):
        return f"{cpus[0]}-{cpus[-1]}"
    return ",".join(map(str, cpus))


def pin(wanted: str | None, threads: int | None) -> int | list[int] | None:
    """Keep this process on the cores that `choose` returns; return them, a single one as itself.

    None if the system keeps it on none. Raises NoSuchCoreError as `choose` does.
    """
    cpus = choose(wanted, threads)
    if not cpus:
        return None
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        if wanted is not None:
            raise NoSuchCoreError(f"core {wanted} cannot be had: {error.strerror}") from None
        return None
    return cpus[0] if len(cpus) == 1 else cpus


def allowed() -> set[int]:
    """Return the cores that this process may run on; none where the system keeps that to itself."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def usable() -> int:
    """Return how many cores this process may use: those allowed, as far as its quota goes."""
    return max(1, min(len(allowed()) or os.cpu_count() or 1, _quota()))


def _quota() -> int:
    """Return how many cores' time a container is given, rounded down; LARGEST_QUOTA for any."""
    given = (read("sys/fs/cgroup/cpu.max") or "").split()
    if not given:
        files = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        given = [read(f"sys/fs/cgroup/cpu/{name}") or "" for name in files]
    if len(given) == 2 and all(part.isdecimal() and int(part) for part in given):
        return int(given[0]) // int(given[1])
    return LARGEST_QUOTA


@contextmanager
def released(cpus: set[int]) -> Iterator[None]:
    """Let this process use some cores for a while, those that it might before it was kept on some.

    On a system that keeps it on none, nothing changes.
    """
    if not cpus:
        yield
        return
    kept = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, kept)
