"""Facts of the machine the worker runs on, read from the system; never guessed.

A fact that the system does not show is None, an empty list or 0.
"""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

from .cores import clusters
from .system import names, number, processors, read, sysctl

_SIZE_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3}
# How firmware calls a virtual machine: Azure's, Google's, Amazon's but whole machines, and so on.
_VIRTUAL = re.compile(r"QEMU|KVM|Virtual|VMware|Compute Engine|Amazon EC2 (?!\S*metal)")


def _cpu_model(groups: list[dict[str, Any]]) -> str:
    names = dict.fromkeys(group["core"] for group in groups if group["cpus"])
    brand = sysctl("machdep.cpu.brand_string") if platform.system() == "Darwin" else None
    return " + ".join(names) or brand or platform.processor() or "unknown"


def _caches(cpu: int) -> dict[str, int]:
    """Return the caches of a core, the sizes by level."""
    if platform.system() == "Darwin":
        return _caches_of_macos()
    sizes: dict[str, int] = {}
    for index in names(f"sys/devices/system/cpu/cpu{cpu}/cache", "index*"):
        level, kind, size = (read(f"{index}/{name}") for name in ("level", "type", "size"))
        if level and kind and size:
            suffix = {"Data": "d", "Instruction": "i"}.get(kind, "")
            count = int(size.rstrip("KMG"))
            sizes["L" + level + suffix] = count * _SIZE_UNITS.get(size[-1], 1)
    return sizes


def _caches_of_macos() -> dict[str, int]:
    """Return the caches of the fastest cores."""
    names = {"L1d": "l1dcachesize", "L1i": "l1icachesize", "L2": "l2cachesize", "L3": "l3cachesize"}
    found = {
        level: sysctl(f"hw.perflevel0.{name}") or sysctl(f"hw.{name}")
        for level, name in names.items()
    }
    return {level: int(size) for level, size in found.items() if size and int(size)}


def memory() -> int:
    """Return the size of the machine's memory in bytes."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _virtualisation(flags: list[str]) -> str | None:
    found = []
    vendor = read("sys/class/dmi/id/sys_vendor")
    # Only x86 has such a flag; elsewhere the firmware's name or the device tree tells.
    named = f"{vendor or ''} {read('sys/class/dmi/id/product_name') or ''}"
    if "linux,dummy-virt" in (read("proc/device-tree/compatible") or ""):
        found.append("virtual machine (QEMU)")
    elif "hypervisor" in flags or _VIRTUAL.search(named):
        found.append("virtual machine" + (f" ({vendor})" if vendor else ""))
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        found.append("container")
    return ", ".join(found) or None


def facts() -> dict[str, Any]:
    """Return what identifies this machine; sizes in bytes (see results.record.schema.Machine)."""
    fields = next(iter(processors()), {})
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    groups = clusters()
    # Of several kinds of cores the fastest is measured, if nothing else is asked for.
    fastest = next((cpu for group in groups for cpu in group["cpus"]), 0)
    return {
        "hostname": platform.node(),
        "architecture": platform.machine(),
        "cpu_model": _cpu_model(groups),
        "clusters": groups,
        "cpu_features": sorted(flags),
        "cores": os.cpu_count() or 1,
        "caches": _caches(fastest),
        "memory": memory(),
        "governor": read(f"sys/devices/system/cpu/cpu{fastest}/cpufreq/scaling_governor"),
        "virtualisation": _virtualisation(flags),
        "os": platform.platform(),
        "python": platform.python_version(),
    }


def load_average() -> float | None:
    """Return the 1-minute load average, or None where the system has none."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def available_memory() -> int | None:
    """Return the bytes that programs may still take, None where the system does not say.

    Of the machine and of the container that this process is in, the lesser.
    """
    found = []
    for line in (read("proc/meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024)
    most, taken = (number(f"sys/fs/cgroup/memory.{what}") for what in ("max", "current"))
    if most is not None and taken is not None:
        found.append(max(0, most - taken))
    return min(found, default=None)


def memory_left() -> dict[str, int | None]:
    """Return what this process took at most, and what others may still take (see `Warm`)."""
    return {"peak_memory": peak_memory(), "available_memory": available_memory()}


def peak_memory() -> int | None:
    """Return the largest resident size of this process so far, in bytes."""
    # Linux's getrusage counts the process that started this one, too; this does not.
    for line in (read("proc/self/status") or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024
