"""The first CUDA GPU by NVIDIA's driver alone: as much of its interface as timing needs.

Backends without torch time with it. All is handed over on one stream; what a runtime is to execute
must be handed over on the same one, or events do not lie around it.
"""

from __future__ import annotations

import ctypes
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_void_p
from typing import Any, Callable

from ..backends.interface import DeviceLostError, NoDeviceError
from . import nvml
from .errors import first_sentence, lacks_memory, not_capturable, too_large

LIBRARY = "libcuda.so.1"
MEGABYTE, KILO = 1 << 20, 1000
# The driver's numbers (cuda.h): results, attributes of a device, flags.
SUCCESS, NOT_READY = 0, 600
CLOCK_KHZ, MULTIPROCESSORS, MEMORY_KHZ, L2_BYTES, MAJOR, MINOR = 13, 16, 36, 38, 75, 76
NON_BLOCKING, THIS_THREAD = 1, 1
# And executions before a graph is captured, in which libraries allocate and choose.
NAME_BYTES, UUID_BYTES, BEFORE_CAPTURE = 256, 16, 3
_handle, _number, _size = POINTER(c_void_p), POINTER(c_int), POINTER(c_size_t)
_address = ctypes.c_uint64
# Every function that is used, with its arguments; all return a result, 0 if all is well.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "cuGetErrorName": (c_int, POINTER(c_char_p)),
    "cuGetErrorString": (c_int, POINTER(c_char_p)),
    "cuInit": (c_uint,),
    "cuDriverGetVersion": (_number,),
    "cuDeviceGet": (_number, c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    # Unlike the first version, the second tells the parts of a divided card (MIG) apart.
    "cuDeviceGetUuid_v2": (c_char_p, c_int),
    "cuDeviceGetAttribute": (_number, c_int, c_int),
    "cuDeviceTotalMem_v2": (_size, c_int),
    "cuDevicePrimaryCtxRetain": (_handle, c_int),
    "cuCtxSetCurrent": (c_void_p,),
    "cuCtxSynchronize": (),
    "cuStreamCreate": (_handle, c_uint),
    "cuStreamBeginCapture_v2": (c_void_p, c_int),
    "cuStreamEndCapture": (c_void_p, _handle),
    "cuGraphInstantiateWithFlags": (_handle, c_void_p, ctypes.c_ulonglong),
    "cuGraphLaunch": (c_void_p, c_void_p),
    "cuGraphDestroy": (c_void_p,),
    "cuEventCreate": (_handle, c_uint),
    "cuEventRecord": (c_void_p, c_void_p),
    "cuEventQuery": (c_void_p,),
    "cuEventSynchronize": (c_void_p,),
    "cuEventElapsedTime": (POINTER(c_float), c_void_p, c_void_p),
    "cuEventDestroy_v2": (c_void_p,),
    "cuMemGetInfo_v2": (_size, _size),
    "cuMemAlloc_v2": (POINTER(_address), c_size_t),
    "cuMemFree_v2": (_address,),
    "cuMemsetD8Async": (_address, ctypes.c_ubyte, c_size_t, c_void_p),
    "cuMemcpyDtoDAsync_v2": (_address, _address, c_size_t, c_void_p),
}


class DriverError(RuntimeError):
    """What the driver says went wrong; `number` is its result."""

    def __init__(self, number: int, said: str) -> None:
        super().__init__(said)
        self.number = number


def load(name: str = LIBRARY) -> Any:
    """Return the driver's library, every function of which raises DriverError when it fails.

    Raises NoDeviceError where there is none, or one that is too old.
    """
    try:
        driver: Any = ctypes.CDLL(name)
    except OSError:
        raise NoDeviceError(
            f"NVIDIA's driver is not installed here (there is no {name}): install it, where there "
            "is an NVIDIA GPU"
        ) from None

    def checked(result: int, function: Any, arguments: tuple[Any, ...]) -> int:  # noqa: ARG001
        if result not in (SUCCESS, NOT_READY):
            raise DriverError(result, f"{function.__name__}: {words(driver, result)}")
        return result

    for name, arguments in FUNCTIONS.items():
        try:
            function = getattr(driver, name)
        except AttributeError:
            raise NoDeviceError(f"NVIDIA's driver is too old (no {name}): update it") from None
        function.argtypes, function.restype = arguments, c_int
        if not name.startswith("cuGetError"):
            function.errcheck = checked
    return driver


def words(driver: Any, result: int) -> str:
    """Return a result in the driver's own words, with its name."""
    said, name = c_char_p(), c_char_p()
    if driver.cuGetErrorString(result, byref(said)) or driver.cuGetErrorName(result, byref(name)):
        return f"error {result}"
    return f"{(said.value or b'').decode()} ({(name.value or b'').decode()})"


def handle_from(function: Callable[..., Any], *arguments: Any) -> c_void_p:
    """Return the handle that a function of the driver writes to its first argument."""
    handle = c_void_p()
    function(byref(handle), *arguments)
    return handle


def number_from(kind: Any, function: Callable[..., Any], *arguments: Any) -> int:
    """Return the number of this kind that a function of the driver writes to its first argument."""
    found = kind()
    function(byref(found), *arguments)
    return int(found.value)


def let_go(owner: object, release: Callable[..., Any], what: Any) -> None:
    """Have the driver release what belongs to `owner` with it, unless the process ends first."""
    weakref.finalize(owner, release, what).atexit = False


class DriverEvent:
    """A moment on the device's stream."""

    def __init__(self, driver: Any, stream: c_void_p) -> None:
        self.driver, self.stream = driver, stream
        self.handle = handle_from(driver.cuEventCreate, 0)
        let_go(self, driver.cuEventDestroy_v2, self.handle)

    def record(self) -> None:
        """Have the GPU take the time when it has done all that was handed over so far."""
        self.driver.cuEventRecord(self.handle, self.stream)

    def reached(self) -> bool:
        """Whether the GPU has come to it."""
        return bool(self.driver.cuEventQuery(self.handle) == SUCCESS)

    def wait(self) -> None:
        """Return when the GPU has come to it."""
        self.driver.cuEventSynchronize(self.handle)

    def ns_since(self, earlier: DriverEvent) -> int:
        """Return the time from an earlier event to this one."""
        milliseconds = c_float()
        self.driver.cuEventElapsedTime(byref(milliseconds), earlier.handle, self.handle)
        return round(milliseconds.value * 1e6)


class Memory:
    """So many bytes of a GPU's memory, freed with this object; DriverError if there are too few."""

    def __init__(self, driver: Any, size: int) -> None:
        self.size, self.address = size, number_from(_address, driver.cuMemAlloc_v2, size)
        let_go(self, driver.cuMemFree_v2, self.address)


class DriverDevice:
    """The first GPU that CUDA shows, with one stream; raises NoDeviceError where none works."""

    def __init__(self, driver: Any = None) -> None:
        self.driver = driver or load()
        try:
            self.driver.cuInit(0)
            self.number = number_from(c_int, self.driver.cuDeviceGet, 0)
            # Runtimes work in the primary context, too.
            context = handle_from(self.driver.cuDevicePrimaryCtxRetain, self.number)
            self.driver.cuCtxSetCurrent(context)
            # As runtimes make theirs: waiting for the default stream would forbid to capture it.
            self.stream = handle_from(self.driver.cuStreamCreate, NON_BLOCKING)
            self.cache_sized = Memory(self.driver, self.attribute(L2_BYTES) or MEGABYTE)
        except DriverError as error:
            raise NoDeviceError(
                f"CUDA finds no GPU that works ({error}): see whether nvidia-smi shows one, and "
                "whether CUDA_VISIBLE_DEVICES hides it"
            ) from None
        self.card: nvml.NvmlCard | None = nvml.card(self.uuid())

    def attribute(self, which: int) -> int:
        """Return an attribute of the GPU, by the driver's number for it."""
        return number_from(c_int, self.driver.cuDeviceGetAttribute, which, self.number)

    def uuid(self) -> str:
        """Return what tells the card from all others."""
        found = ctypes.create_string_buffer(UUID_BYTES)
        self.driver.cuDeviceGetUuid_v2(found, self.number)
        return str(uuid.UUID(bytes=found.raw))

    def cuda_major(self) -> int:
        """Return the newest major version of CUDA that the driver serves."""
        return number_from(c_int, self.driver.cuDriverGetVersion) // KILO

    def facts(self) -> dict[str, Any]:
        """Return what identifies the card (see results.record.platform.Gpu)."""
        shown = self.card.facts() if self.card else {}
        name = ctypes.create_string_buffer(NAME_BYTES)
        self.driver.cuDeviceGetName(name, NAME_BYTES, self.number)
        return {
            "name": name.value.decode(),
            "uuid": self.uuid(),
            "compute_capability": f"{self.attribute(MAJOR)}.{self.attribute(MINOR)}",
            "multiprocessors": self.attribute(MULTIPROCESSORS),
            "memory": number_from(c_size_t, self.driver.cuDeviceTotalMem_v2, self.number),
            "l2_cache": self.attribute(L2_BYTES) or MEGABYTE,
            "boost_mhz": self.attribute(CLOCK_KHZ) // KILO or None,
            "memory_mhz": self.attribute(MEMORY_KHZ) // KILO or None,
            "ecc": None,
            "mig": None,
            **{fact: value for fact, value in shown.items() if value is not None},
        }

    def event(self) -> DriverEvent:
        """Return a new event."""
        return DriverEvent(self.driver, self.stream)

    def flush(self) -> None:
        """Have the GPU overwrite as much memory as its second-level cache holds."""
        cache = self.cache_sized
        self.driver.cuMemsetD8Async(cache.address, 0, cache.size, self.stream)

    def copy(self, target: Memory, source: Memory) -> None:
        """Have the GPU copy all of `source`."""
        self.driver.cuMemcpyDtoDAsync_v2(target.address, source.address, source.size, self.stream)

    def wait(self) -> None:
        """Return when all that was handed over is done."""
        self.driver.cuCtxSynchronize()

    def capture(self, execute: Callable[[], None]) -> Callable[[], None]:
        """Return what replays, as one CUDA graph, what `execute` hands over on the stream.

        `execute` runs a few times before. Raises RuntimeError when it cannot be captured.
        """
        for _ in range(BEFORE_CAPTURE):
            execute()
        self.wait()
        graph = c_void_p()
        try:
            self.driver.cuStreamBeginCapture_v2(self.stream, THIS_THREAD)
            try:
                execute()
            finally:
                # It also ends a capture that failed.
                self.driver.cuStreamEndCapture(self.stream, byref(graph))
            whole = handle_from(self.driver.cuGraphInstantiateWithFlags, graph, 0)
        except RuntimeError as error:
            raise not_capturable(error, 'a platform with mode = "eager"') from None
        self.driver.cuGraphDestroy(graph)

        def replay(_: Callable[[], None] = execute) -> None:
            # What it was captured from must live as long, with all its memory.
            self.driver.cuGraphLaunch(whole, self.stream)

        return replay

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Say in one sentence what goes wrong with one network.

        Raises RuntimeError when it takes too much memory, DeviceLostError when the GPU works no
        more, and anything else as it is.
        """
        try:
            yield
        except Exception as error:
            said = first_sentence(error)
            try:
                self.wait()
            except DriverError:
                raise DeviceLostError(f"the GPU does not work any more: {said}") from None
            if not lacks_memory(error):
                raise
            free, total = c_size_t(), c_size_t()
            self.driver.cuMemGetInfo_v2(byref(free), byref(total))
            raise too_large(free.value, total.value) from None
