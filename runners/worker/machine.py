"""Facts of the machine the worker runs on, read from the system; never guessed.

A fact that the system does not show is None, an empty list or 0.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_SIZE_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3}


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _sysctl(name: str) -> str | None:
    try:
        command = ["/usr/sbin/sysctl", "-n", name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _cpuinfo() -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return fields


def _cpu_model(fields: dict[str, str]) -> str:
    if "model name" in fields:
        return fields["model name"]
    if "CPU part" in fields:
        return "ARM implementer {} part {}".format(fields["CPU implementer"], fields["CPU part"])
    return _sysctl("machdep.cpu.brand_string") or platform.processor() or "unknown"


def _caches() -> dict[str, int]:
    sizes: dict[str, int] = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (_read(str(index / name)) for name in ("level", "type", "size"))
        if level and kind and size:
            suffix = {"Data": "d", "Instruction": "i"}.get(kind, "")
            number = int(size.rstrip("KMG"))
            sizes["L" + level + suffix] = number * _SIZE_UNITS.get(size[-1], 1)
    return sizes


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _virtualisation(flags: list[str]) -> str | None:
    found = []
    if "hypervisor" in flags:
        product = _read("/sys/class/dmi/id/sys_vendor")
        found.append("virtual machine" + (f" ({product})" if product else ""))
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        found.append("container")
    return ", ".join(found) or None


def facts() -> dict[str, Any]:
    """Return what identifies this machine; sizes in bytes (see results.schema.Fingerprint)."""
    fields = _cpuinfo()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return {
        "hostname": platform.node(),
        "architecture": platform.machine(),
        "cpu_model": _cpu_model(fields),
        "cpu_features": sorted(flags),
        "cores": os.cpu_count() or 1,
        "caches": _caches(),
        "memory": _memory(),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
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


def pin() -> int | None:
    """Keep this process on one core, the last it may use; return it, or None if impossible."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    try:
        os.sched_setaffinity(0, {core})
    except OSError:
        return None
    return core


def peak_memory() -> int | None:
    """Return the largest resident size of this process so far, in bytes."""
    # Linux's getrusage counts the process that started this one, too; this does not.
    for line in (_read("/proc/self/status") or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024
