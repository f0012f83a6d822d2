"""What NVIDIA's driver tells of a card, by its own library; nothing of the card is changed.

Needs the Python package nvidia-ml-py. A fact that the driver does not show is None.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable

MEGA_MILLI = 1000
# Reasons why a clock is not at its highest, in plain words; idle is no reason to worry.
REASONS = {
    0x0002: "a clock limit that was set",
    0x0004: "power cap",
    0x0008: "hardware slow-down",
    0x0010: "sync boost",
    0x0020: "temperature (software)",
    0x0040: "temperature (hardware)",
    0x0080: "power brake",
    0x0100: "display clocks",
}
# The driver gave some functions new names; the old ones go with CUDA 14.
CLOCK_REASONS = (
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetCurrentClocksThrottleReasons",
)
TEMPERATURE = ("nvmlDeviceGetTemperature", "nvmlDeviceGetTemperatureV")
# By version: without one, the package raises an error of another kind where the driver is older.
PROCESSES = tuple(
    (f"nvmlDeviceGet{kind}RunningProcesses_v3", f"nvmlDeviceGet{kind}RunningProcesses_v2")
    for kind in ("Compute", "MPSCompute", "Graphics")
)
# What the driver's commonest refusals mean, by their numbers.
REFUSALS = {
    9: "NVIDIA's driver is not loaded",
    12: "NVIDIA's driver is not installed",
    18: "NVIDIA's driver was updated, and the machine not started anew since",
}


class NoCardError(Exception):
    """The driver, its library or the card is not there; the text says what."""


class NoPackageError(NoCardError):
    """The Python package that asks the driver is not there; a card may be."""


@dataclass(frozen=True)
class CardProcess:
    """A program on a card: its name without its folder, and the card's memory it holds, bytes."""

    pid: int
    name: str | None
    memory: int | None


class NvmlCard:
    """One card, as the driver knows it, or a part of one (MIG).

    Of a part, the driver tells its name, memory and programs; all else is asked of the whole card.
    """

    def __init__(self, library: Any, handle: Any) -> None:
        self.library = library
        self.handle = handle
        self.whole = handle
        # A number of C, which only bool tells from 0.
        if bool(self.ask("nvmlDeviceIsMigDeviceHandle")):
            whole = self.ask("nvmlDeviceGetDeviceHandleFromMigDeviceHandle")
            self.whole = handle if whole is None else whole

    def ask(self, name: str, *arguments: Any) -> Any:
        """Return what the library's function of that name says of the card, None if it does not."""
        return self.ask_of(self.whole, name, *arguments)

    def ask_of(self, handle: Any, name: str, *arguments: Any) -> Any:
        """Return what that function says of this part or of the whole; None if it does not."""
        try:
            return text(getattr(self.library, name)(handle, *arguments))
        except (self.library.NVMLError, AttributeError):
            return None

    def first(self, handle: Any, names: Sequence[str], *arguments: Any) -> Any:
        """Return the answer of the first of these functions that gives one, None if none does."""
        answers = (self.ask_of(handle, name, *arguments) for name in names)
        return next((answer for answer in answers if answer is not None), None)

    def facts(self) -> dict[str, Any]:
        """Return the settings of the card: highest clocks (MHz), ECC, MIG."""
        sm, memory = self.library.NVML_CLOCK_SM, self.library.NVML_CLOCK_MEM
        ecc, mig = self.ask("nvmlDeviceGetEccMode"), self.ask("nvmlDeviceGetMigMode")
        return {
            "boost_mhz": self.ask("nvmlDeviceGetMaxClockInfo", sm) or None,
            "memory_mhz": self.ask("nvmlDeviceGetMaxClockInfo", memory) or None,
            "ecc": None if ecc is None else bool(ecc[0]),
            "mig": None if mig is None else bool(mig[0]),
        }

    def driver(self) -> str | None:
        """Return the version of the driver."""
        try:
            return str(text(self.library.nvmlSystemGetDriverVersion()))
        except self.library.NVMLError:
            return None

    def index(self) -> int | None:
        """Return the number of the whole card, as nvidia-smi counts them."""
        index: int | None = self.ask("nvmlDeviceGetIndex")
        return index

    def name(self) -> str | None:
        """Return the card's name."""
        name: str | None = self.ask_of(self.handle, "nvmlDeviceGetName")
        return name

    def memory(self) -> int | None:
        """Return the size of the card's memory in bytes."""
        info = self.ask_of(self.handle, "nvmlDeviceGetMemoryInfo")
        return None if info is None else int(info.total)

    def bus_bits(self) -> int | None:
        """Return how many bits the bus to the card's memory has."""
        bits: int | None = self.ask("nvmlDeviceGetMemoryBusWidth") or None
        return bits

    def sm_mhz(self) -> int | None:
        """Return the clock of the multiprocessors now."""
        clock: int | None = self.ask("nvmlDeviceGetClockInfo", self.library.NVML_CLOCK_SM)
        return clock

    def limits(self) -> dict[str, Any]:
        """Return the clock for programs and the power (MHz, W) that are set, and the maker's."""
        # The multiprocessors' clock is set by this name only.
        graphics = self.library.NVML_CLOCK_GRAPHICS
        return {
            "set_mhz": self.ask("nvmlDeviceGetApplicationsClock", graphics) or None,
            "maker_mhz": self.ask("nvmlDeviceGetDefaultApplicationsClock", graphics) or None,
            "limit_w": self.watts("nvmlDeviceGetEnforcedPowerLimit"),
            "maker_w": self.watts("nvmlDeviceGetPowerManagementDefaultLimit"),
        }

    def state(self) -> dict[str, Any]:
        """Return how the card is now (see results.record.card.CardState)."""
        return {
            "sm_mhz": self.sm_mhz(),
            "memory_mhz": self.ask("nvmlDeviceGetClockInfo", self.library.NVML_CLOCK_MEM),
            "temperature_c": self.temperature_c(),
            "power_w": self.watts("nvmlDeviceGetPowerUsage"),
            "throttle": self.clock_reasons(),
        }

    def temperature_c(self) -> int | None:
        """Return the temperature of the card now."""
        sensor = self.library.NVML_TEMPERATURE_GPU
        temperature: int | None = self.first(self.whole, TEMPERATURE, sensor)
        return temperature

    def margin_c(self) -> int | None:
        """Return how many degrees warmer the card may be before it slows down."""
        margin: int | None = self.ask("nvmlDeviceGetMarginTemperature")
        if margin is not None:
            return margin
        library, now = self.library, self.temperature_c()
        kinds = (
            library.NVML_TEMPERATURE_THRESHOLD_GPU_MAX,
            library.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN,
        )
        limits = [self.ask("nvmlDeviceGetTemperatureThreshold", kind) for kind in kinds]
        known = [limit for limit in limits if limit]
        return min(known) - now if known and now is not None else None

    def watts(self, name: str) -> float | None:
        """Return what a function says that answers in mW, in W."""
        power = self.ask(name)
        return None if power is None else power / MEGA_MILLI

    def clock_reasons(self) -> list[str] | None:
        """Return why the clock is not higher now; None if the driver does not say."""
        mask = self.first(self.whole, CLOCK_REASONS)
        if mask is None:
            return None
        return [reason for bit, reason in REASONS.items() if mask & bit]

    def busy(self) -> int | None:
        """Return the percent of the last moments (at most a second) in which something ran."""
        rates = self.ask("nvmlDeviceGetUtilizationRates")
        return None if rates is None else int(rates.gpu)

    def persistence(self) -> bool | None:
        """Return whether the driver keeps the card ready while no program uses it."""
        mode = self.ask("nvmlDeviceGetPersistenceMode")
        return None if mode is None else bool(mode)

    def may_compute(self) -> bool | None:
        """Return whether programs may compute on the card at all."""
        mode = self.ask("nvmlDeviceGetComputeMode")
        return None if mode is None else mode != self.library.NVML_COMPUTEMODE_PROHIBITED

    def processes(self) -> list[CardProcess] | None:
        """Return the other programs on the card, those that hold most of its memory first."""
        shown = [self.first(self.handle, names) for names in PROCESSES]
        if all(kind is None for kind in shown):
            return None
        # One that computes and draws is in two lists.
        found = {entry.pid: entry for kind in shown for entry in kind or ()}
        found.pop(os.getpid(), None)
        programs = [
            CardProcess(pid, process_name(self.library, pid), entry.usedGpuMemory)
            for pid, entry in found.items()
        ]
        return sorted(programs, key=lambda program: -(program.memory or 0))


def process_name(library: Any, pid: int) -> str | None:
    """Return a program's name without its folder and options; None where it cannot be seen."""
    try:
        command = str(text(library.nvmlSystemGetProcessName(pid)))
    # A name that is not UTF-8, which the package cannot read, is a ValueError.
    except (library.NVMLError, AttributeError, ValueError):
        return None
    return command.split(" -")[0].replace("\\", "/").rstrip("/ ").rpartition("/")[2] or None


def text(answer: Any) -> Any:
    """Return an answer of the library, text as str: older versions of the package give bytes."""
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer


def library() -> Any:
    """Return NVIDIA's library, initialised.

    Raises NoPackageError without the Python package, NoCardError where no driver answers.
    """
    try:
        found = importlib.import_module("pynvml")
    except ImportError:
        raise NoPackageError("the Python package nvidia-ml-py is not installed") from None
    try:
        found.nvmlInit()
    except found.NVMLError as error:
        raise NoCardError(refusal(error)) from None
    return found


def refusal(error: Any) -> str:
    """Say in plain words what an error of the library means, without a full stop."""
    said = f"NVIDIA's driver does not answer: {error}".rstrip(".")
    return REFUSALS.get(getattr(error, "value", -1), said)


def count(found: Any) -> int:
    """Return how many cards the driver knows; raises NoCardError where it knows none."""
    try:
        known = int(found.nvmlDeviceGetCount())
    except found.NVMLError as error:
        raise NoCardError(refusal(error)) from None
    if not known:
        raise NoCardError("NVIDIA's driver knows none")
    return known


def cards(found: Any) -> list[NvmlCard]:
    """Return the cards that answer, in the driver's order.

    Raises NoCardError where the driver knows none.
    """
    answering = []
    for index in range(count(found)):
        try:
            answering.append(NvmlCard(found, found.nvmlDeviceGetHandleByIndex(index)))
        except found.NVMLError:
            # It is lost, or kept from this user; the others can still be used.
            continue
    return answering


def card(uuid: str, connect: Callable[[], Any] = library) -> NvmlCard | None:
    """Return the card, or part of one, of that UUID; None where the driver's library is silent."""
    try:
        found = connect()
    except NoCardError:
        return None
    for prefix in ("", "GPU-", "MIG-"):
        try:
            # All versions of the package take bytes, older ones nothing else.
            return NvmlCard(found, found.nvmlDeviceGetHandleByUUID(f"{prefix}{uuid}".encode()))
        except found.NVMLError:
            continue
    return None
