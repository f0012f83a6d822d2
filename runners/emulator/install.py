"""Set up the emulator in a cache folder: qemu-user, an aarch64 Python with ONNX Runtime, a counter.

Debian and Ubuntu only, since the programs come from their packages; root is not needed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from guideline_benchmarks.results.cost_model.caches import CORTEX_A57, Caches
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.runners.emulator import packages, qemu
from guideline_benchmarks.runners.emulator.qemu import QemuUser

PYTHON_PACKAGES = ("python3-minimal", "libpython3-stdlib", "libstdc++6")
RUNTIMES = ("numpy", "onnxruntime")
# Wheels for these versions of glibc are taken; the emulated one is newer.
MANYLINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28")
COUNTER = [Path(__file__).with_name(name) for name in ("counter.c", "multiply_add.c")]

# What the emulated system shows of its processor, also to ONNX Runtime, which chooses kernels by it
# (and would read this machine's files instead, and crash, if these were not there).
_CPUINFO = """\
processor\t: 0
BogoMIPS\t: 38.40
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd07
CPU revision\t: 3
"""
# The caches for data of that core.
_CACHES = (
    ("1", "Data", f"{CORTEX_A57.l1d.kib}K"),
    ("2", "Unified", f"{CORTEX_A57.l2.kib}K"),
)


@dataclass(frozen=True)
class Versions(qemu.Versions):
    """What the ARM emulator was made of: also the versions of what it executes."""

    python: str
    numpy: str
    onnxruntime: str


@dataclass(frozen=True)
class Emulator(QemuUser):
    """The ARM emulator in `folder`, as `install` left it."""

    versions: Versions

    program = "usr/bin/qemu-aarch64"
    called = "The ARM emulator"
    hostname = "emulated"

    @property
    def site(self) -> Path:
        """The folder of its Python packages."""
        return self.root / "opt" / "site"

    @property
    def python(self) -> Path:
        """The emulated interpreter."""
        return self.root / "usr" / "bin" / f"python{self.versions.python}"

    def command(self, plugin: str | None = None) -> list[str]:
        """Return the words that start the emulated Python (see QemuUser.command)."""
        return [
            *self.qemu_words(plugin),
            # The same name and version of a system on every machine.
            *("-cpu", "cortex-a57", "-r", "6.1.0", "-L", str(self.root)),
            *("-E", f"PYTHONHOME={self.root / 'usr'}"),
            *("-E", f"PYTHONPATH={self.site}"),
            # One thread is counted, so there should be no other.
            *("-E", "OPENBLAS_NUM_THREADS=1"),
            # The same objects in the same places, as far as Python goes.
            *("-E", "PYTHONHASHSEED=0"),
            str(self.python),
        ]


def default_folder() -> Path:
    """Return where the emulator is set up."""
    return cache_folder() / "arm-emulator"


def installed(folder: Path) -> Emulator:
    """Return the emulator in `folder`.

    Raises PlatformError when there is none, or one of other versions than this suite needs now.
    """
    try:
        versions = Versions(**json.loads((folder / "versions.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        raise PlatformError(
            "The ARM emulator is not set up: `make arm-emulator` (guidelines arm-emulator) does it."
        ) from None
    wanted = _wanted()
    if any(getattr(versions, name) != version for name, version in wanted.items()):
        raise PlatformError(
            "The ARM emulator was set up for other versions of this suite or its runtime: "
            "`make arm-emulator` (guidelines arm-emulator) sets it up anew."
        )
    found = Emulator(folder, versions)
    parts = (
        found.qemu / found.program,
        found.counter,
        found.python,
        *(found.site / r for r in RUNTIMES),
    )
    if not all(part.exists() for part in parts):
        raise PlatformError(
            f"The ARM emulator in {folder} is damaged: `make arm-emulator` (guidelines "
            "arm-emulator) sets it up anew."
        )
    return found


def install(folder: Path, tell: Callable[[str], None]) -> Emulator:
    """Set up the emulator in `folder` (about 270 MB), whole or not at all, and return it.

    One that is there already and fits is left as it is. `tell` gets a line before each step. Raises
    PlatformError, with what is missing, where it cannot be set up.
    """
    try:
        return installed(folder)
    except PlatformError:
        pass
    qemu.require_tools(Emulator.called)
    versions = qemu.make_folder(folder, lambda fresh: _fill(fresh, tell))
    return Emulator(folder, versions)


def _wanted() -> dict[str, str]:
    """Return the versions that an emulator must have to be this suite's."""
    runtimes = {name: importlib.metadata.version(name) for name in RUNTIMES}
    sources = b"".join(file.read_bytes() for file in COUNTER)
    return {**runtimes, "counter": hashlib.sha256(sources).hexdigest()}


def _fill(folder: Path, tell: Callable[[str], None]) -> Versions:
    made = Emulator(folder, Versions(qemu="", python="", **_wanted()))
    root = made.root
    made.unpack_qemu(tell)
    tell("Fetching Python for arm64, with its libraries")
    packages.unpack(PYTHON_PACKAGES, "arm64", root)
    if not (root / "lib").exists():
        # Newer releases keep everything below usr, and a link from where programs look.
        (root / "lib").symlink_to("usr/lib")
    interpreter = next((root / "usr" / "bin").glob("python3.*"))
    python = interpreter.name.removeprefix("python")
    made = Emulator(folder, replace(made.versions, python=python))
    tell(f"Fetching {' and '.join(RUNTIMES)} for Python {python} on aarch64")
    _install_runtimes(made)
    _describe_processor(made)
    tell("Compiling the counter")
    made.build_counter(COUNTER)
    tell("Compiling bytecode, so that emulated starts are quick")
    trees = [str(made.site), str(root / "usr" / "lib" / interpreter.name)]
    # Some of the standard library's own test data is meant not to compile.
    compile_all = [*made.command(), "-m", "compileall", "-q", *trees]
    made.output(compile_all, "the emulated Python fails", fine=(0, 1))
    return replace(made.versions, qemu=made.qemu_version())


def _install_runtimes(emulator: Emulator) -> None:
    """Install the runtimes, of the same versions as this environment's, where it finds them."""
    platforms = [word for name in MANYLINUX for word in ("--platform", f"{name}_aarch64")]
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in RUNTIMES]
    python = ["--python-version", emulator.versions.python, "--implementation", "cp"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(emulator.site)]
    problem = f"pip cannot install {' and '.join(wanted)} for aarch64"
    emulator.output([*pip, *python, "--only-binary=:all:", *platforms, *wanted], problem)


def _describe_processor(emulator: Emulator) -> None:
    files = {"proc/cpuinfo": _CPUINFO}
    for index, facts in enumerate(_CACHES):
        for name, fact in zip(("level", "type", "size"), facts, strict=True):
            files[f"sys/devices/system/cpu/cpu0/cache/index{index}/{name}"] = f"{fact}\n"
    emulator.write_root(files)


def plugin_words(counter: Path, out: Path, caches: Caches | None) -> str:
    """Return the argument of qemu's -plugin that has `counter` write its counts into `out`.

    Misses are counted of `caches`, if there are any.
    """
    words = [str(counter), f"out={out}"]
    for level in ("l1i", "l1d", "l2") if caches else ():
        cache = getattr(caches, level)
        words.append(f"{level}={cache.sets}:{cache.ways}")
    # A comma ends a word, two are one of the word's own.
    return ",".join(word.replace(",", ",,") for word in words)
