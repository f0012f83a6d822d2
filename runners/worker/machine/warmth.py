"""How warm a machine is and how fast its clock runs, for whoever watches: no record keeps it."""

from __future__ import annotations

from typing import Any

from .system import names, number

# What lies beyond is no temperature of a machine that runs, but a sensor that is not there.
LEAST_CELSIUS, MOST_CELSIUS = 1, 150
THERMAL = "sys/class/thermal"


def now(core: int | list[int] | None) -> dict[str, Any]:
    """Return `celsius` of the warmest sensor and `mhz` of a core; None for what is not shown.

    Of several cores it is the first; where a worker is pinned to none, no clock is shown.
    """
    first = core[0] if isinstance(core, list) else core
    clock = None if first is None else number(_clock(first))
    return {"celsius": _celsius(), "mhz": None if clock is None else clock // 1000}


def _clock(core: int) -> str:
    return f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq"


def _celsius() -> float | None:
    found = [number(f"{zone}/temp") for zone in names(THERMAL, "thermal_zone*")]
    degrees = [milli / 1000 for milli in found if milli is not None]
    return max((d for d in degrees if LEAST_CELSIUS <= d <= MOST_CELSIUS), default=None)
