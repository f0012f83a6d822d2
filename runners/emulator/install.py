"""Set up the emulator in a cache folder: qemu-user, an aarch64 Python, a counter, and runtimes.

Debian and Ubuntu only, since the programs come from their packages; root is not needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from guideline_benchmarks.results.cost_model.caches import CORTEX_A57, Caches
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.record.backends import Backend
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.results.store.whole_folder import make_folder
from guideline_benchmarks.runners.emulator import packages, qemu, wheels
from guideline_benchmarks.runners.emulator.qemu import QemuUser

PYTHON_PACKAGES = ("python3-minimal", "libpython3-stdlib", "libstdc++6")
COUNTER = [Path(__file__).with_name(name) for name in ("counter.c", "multiply_add.c")]
# What `guidelines arm-emulator` fetches unless another is asked for.
DEFAULT_BACKEND = "onnxruntime-cpu"

# What the emulated system shows of its processor, also to runtimes, which choose kernels by it
# (and would read this machine's files instead, and ONNX Runtime crash, if these were not there).
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
_CPU = "sys/devices/system/cpu"
# The caches for data of that core, of which ncnn makes its tiles. The second stands also where
# other machines have more: an index that is missing here would be read of this machine.
_L2 = {"level": "2", "type": "Unified", "size": f"{CORTEX_A57.l2.kib}K"}
_CACHES = (
    {"level": "1", "type": "Data", "size": f"{CORTEX_A57.l1d.kib}K"},
    *(_L2, _L2, _L2, _L2),
)
# One core, which shares nothing.
_CORES = {
    **{f"{_CPU}/{name}": "0" for name in ("online", "possible", "present")},
    **{
        f"{_CPU}/cpu0/topology/{name}": mask
        for name, mask in (
            *(("core_cpus", "1"), ("core_cpus_list", "0")),
            *(("thread_siblings", "1"), ("thread_siblings_list", "0")),
        )
    },
}


@dataclass(frozen=True)
class Versions(qemu.Versions):
    """What the ARM emulator was made of, its runtimes apart: also the version of its Python."""

    python: str


@dataclass(frozen=True)
class Emulator(QemuUser):
    """The ARM emulator in `folder`, as `install` left it, with the runtime of `backend`."""

    versions: Versions
    backend: Backend

    program = "usr/bin/qemu-aarch64"
    called = "The ARM emulator"
    hostname = "emulated"

    @property
    def site(self) -> Path:
        """The folder of its Python packages: those of its backend, and no others."""
        return self.root / "opt" / self.backend.name

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

    def compile_all(self, tree: Path) -> None:
        """Compile the modules below a folder, so that emulated starts are quick."""
        words = [*self.command(), "-m", "compileall", "-q", str(tree)]
        # Some of the standard library's own test data is meant not to compile.
        self.output(words, "the emulated Python fails", fine=(0, 1))


def default_folder() -> Path:
    """Return where the emulator is set up."""
    return cache_folder() / "arm-emulator"


def installed(folder: Path, backend: Backend) -> Emulator:
    """Return the emulator in `folder`, with the runtime of `backend`.

    Raises PlatformError when there is none, or one of other versions than this suite needs now.
    """
    found = _without_runtime(folder, backend)
    missing = wheels.missing(backend, found.site)
    if missing:
        raise PlatformError(
            f"The ARM emulator has no {missing}: {set_up_by(backend)} fetches it, of the version "
            "that is installed here."
        )
    return found


def set_up_by(backend: Backend) -> str:
    """Return the words that set up the emulator with the runtime of `backend`."""
    asked = () if backend.name == DEFAULT_BACKEND else (backend.name,)
    make = " ".join(["make arm-emulator", *(f"BACKEND={name}" for name in asked)])
    command = " ".join(["guidelines arm-emulator", *(f"--backend {name}" for name in asked)])
    return f"`{make}` ({command})"


def install(folder: Path, backend: Backend, tell: Callable[[str], None]) -> Emulator:
    """Set up the emulator in `folder`, with the runtime of `backend`, and return it.

    That takes about 130 MB, and as much for each runtime; each is whole or not there. What is there
    already and fits is left as it is. `tell` gets a line before each step. Raises PlatformError,
    with what is missing, where it cannot be set up.
    """
    wanted = wheels.wanted(backend)
    try:
        emulator = _without_runtime(folder, backend)
    except PlatformError:
        qemu.require_tools(Emulator.called)
        versions = make_folder(folder, lambda fresh: _fill(fresh, backend, tell))
        emulator = Emulator(folder, versions, backend)
    if wheels.missing(backend, emulator.site):
        tell(f"Fetching {' and '.join(wanted)} for Python {emulator.versions.python} on aarch64")
        make_folder(emulator.site, lambda fresh: _fetch(emulator, wanted, fresh))
    return emulator


def _without_runtime(folder: Path, backend: Backend) -> Emulator:
    """Return the emulator in `folder`, whether it has the runtime or not; see `installed`."""
    try:
        versions = Versions(**json.loads((folder / qemu.VERSIONS).read_bytes()))
    except (OSError, ValueError):
        raise PlatformError(
            f"The ARM emulator is not set up: {set_up_by(backend)} does it."
        ) from None
    except TypeError:
        versions = Versions("", "", "")
    if versions.counter != _digest():
        raise PlatformError(
            "The ARM emulator was set up for another version of this suite: "
            f"{set_up_by(backend)} sets it up anew."
        )
    found = Emulator(folder, versions, backend)
    if not all(part.exists() for part in (found.qemu / found.program, found.counter, found.python)):
        raise PlatformError(
            f"The ARM emulator in {folder} is damaged: {set_up_by(backend)} sets it up anew."
        )
    return found


def _digest() -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in COUNTER)).hexdigest()


def _fill(folder: Path, backend: Backend, tell: Callable[[str], None]) -> Versions:
    made = Emulator(folder, Versions(qemu="", python="", counter=_digest()), backend)
    root = made.root
    made.unpack_qemu(tell)
    tell("Fetching Python for arm64, with its libraries")
    packages.unpack(PYTHON_PACKAGES, "arm64", root)
    if not (root / "lib").exists():
        # Newer releases keep everything below usr, and a link from where programs look.
        (root / "lib").symlink_to("usr/lib")
    interpreter = next((root / "usr" / "bin").glob("python3.*"))
    python = interpreter.name.removeprefix("python")
    made = replace(made, versions=replace(made.versions, python=python))
    _describe_processor(made)
    tell("Compiling the counter")
    made.build_counter(COUNTER)
    tell("Compiling bytecode, so that emulated starts are quick")
    made.compile_all(root / "usr" / "lib" / interpreter.name)
    versions = replace(made.versions, qemu=made.qemu_version())
    qemu.write_versions(folder, versions)
    return versions


def _fetch(emulator: Emulator, wanted: list[str], site: Path) -> None:
    pip = wheels.pip_command(wanted, emulator.versions.python, site)
    emulator.output(pip, f"pip cannot install {' and '.join(wanted)} for aarch64")
    emulator.compile_all(site)


def _describe_processor(emulator: Emulator) -> None:
    files = {"proc/cpuinfo": _CPUINFO, **{name: f"{text}\n" for name, text in _CORES.items()}}
    for index, facts in enumerate(_CACHES):
        for name, fact in {**facts, "shared_cpu_map": "1"}.items():
            files[f"{_CPU}/cpu0/cache/index{index}/{name}"] = f"{fact}\n"
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
