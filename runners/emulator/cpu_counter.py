"""What counts instructions of this machine's own Python and runtime: qemu-x86_64, and a counter.

The libraries that are counted are this environment's; qemu shows them one processor everywhere,
so that they choose the same kernels on every x86-64 machine.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.results.store.whole_folder import make_folder
from guideline_benchmarks.runners.emulator.qemu import (
    VERSIONS,
    QemuUser,
    Versions,
    require_tools,
    write_versions,
)

ARCHITECTURE = "x86_64"
COUNTER = [Path(__file__).with_name(name) for name in ("counter_x86_64.c", "multiply_add.c")]
SETUP = "`make cpu-counter` (guidelines cpu-counter)"

# What programs see of the processor, as Linux calls it: all by which kernels are chosen. qemu knows
# no AVX-512. Without `erms`, copies are vector instructions and not a count of bytes.
FEATURES = (
    *("mmx", "sse", "sse2", "pni", "ssse3", "sse4_1", "sse4_2", "cx16", "lahf_lm"),
    *("popcnt", "abm", "movbe", "bmi1", "bmi2", "aes", "pclmulqdq"),
    *("xsave", "avx", "f16c", "fma", "avx2"),
)
# Whatever a program reads there of its machine, were it another number of cores, would move what
# lies in memory after it.
_FILES = {
    "proc/cpuinfo": f"""\
processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: x86-64 with AVX2
flags\t\t: {" ".join(FEATURES)}
""",
    **{f"sys/devices/system/cpu/{name}": "0\n" for name in ("online", "possible", "present")},
}


class CpuCounter(QemuUser):
    """qemu-x86_64 and its counter, around this program's own Python."""

    program = "usr/bin/qemu-x86_64"
    called = "The counter of platform cpu-counted"
    hostname = "counted"

    def command(self, plugin: str | None = None) -> list[str]:
        """Return the words that start this Python in it (see QemuUser.command)."""
        return [
            *self.qemu_words(plugin),
            *("-cpu", ",+".join(["qemu64,-svm", *FEATURES])),
            # The same name and version of a system on every machine.
            *("-r", "6.1.0", "-L", str(self.root)),
            # One thread is counted, so there should be no other.
            *("-E", "OPENBLAS_NUM_THREADS=1"),
            # The same objects in the same places, as far as Python goes.
            *("-E", "PYTHONHASHSEED=0"),
            # Freed memory goes to a list that is as quick to search whatever lies in it; or else
            # what a program did before an inference would change that by some 0.01 %.
            *("-E", "GLIBC_TUNABLES=glibc.malloc.tcache_count=127"),
            sys.executable,
        ]


def default_folder() -> Path:
    """Return where the counter is set up."""
    return cache_folder() / "cpu-counter"


def installed(folder: Path) -> CpuCounter:
    """Return the counter in `folder`.

    Raises PlatformError when there is none, or one of another version than this suite's, and on a
    machine of which it cannot count the kernels.
    """
    _refuse_other_machines()
    try:
        versions = Versions(**json.loads((folder / VERSIONS).read_bytes()))
    except (OSError, ValueError, TypeError):
        raise PlatformError(f"{CpuCounter.called} is not set up: {SETUP} does it.") from None
    found = CpuCounter(folder, versions)
    parts = (found.qemu / found.program, found.counter, found.root)
    if versions.counter != _digest() or not all(part.exists() for part in parts):
        raise PlatformError(
            f"{CpuCounter.called} is damaged or another version's: {SETUP} sets it up anew."
        )
    return found


def install(folder: Path, tell: Callable[[str], None]) -> CpuCounter:
    """Set up the counter in `folder` (about 50 MB), whole or not at all, and return it.

    One that is there already and fits is left as it is. `tell` gets a line before each step. Raises
    PlatformError, with what is missing, where it cannot be set up.
    """
    try:
        return installed(folder)
    except PlatformError:
        _refuse_other_machines()
    require_tools(CpuCounter.called)

    def fill(fresh: Path) -> Versions:
        made = CpuCounter(fresh, Versions(qemu="", counter=_digest()))
        made.unpack_qemu(tell)
        made.write_root(_FILES)
        # An empty one, or else this machine's caches would be seen.
        (made.root / "sys/devices/system/cpu/cpu0/cache").mkdir(parents=True)
        tell("Compiling the counter")
        made.build_counter(COUNTER)
        versions = Versions(qemu=made.qemu_version(), counter=_digest())
        write_versions(fresh, versions)
        return versions

    return CpuCounter(folder, make_folder(folder, fill))


def _digest() -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in COUNTER)).hexdigest()


def _refuse_other_machines() -> None:
    if (sys.platform, platform.machine()) != ("linux", ARCHITECTURE):
        raise PlatformError(
            "Platform cpu-counted counts the kernels of x86-64 Linux alone, and this is "
            f"{platform.system()} on {platform.machine()}: use platform arm-emulated."
        )
