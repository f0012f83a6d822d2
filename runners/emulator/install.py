"""Set up the emulator in a cache folder: qemu-user, an aarch64 Python with ONNX Runtime, a counter.

Debian and Ubuntu only, since the programs come from their packages; root is not needed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from guideline_benchmarks.results.cost_model.caches import CORTEX_A57, Caches
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.store.files import CACHE, cache_folder, file_error, write_file
from guideline_benchmarks.runners.emulator import packages

PYTHON_PACKAGES = ("python3-minimal", "libpython3-stdlib", "libstdc++6")
RUNTIMES = ("numpy", "onnxruntime")
# Wheels for these versions of glibc are taken; the emulated one is newer.
MANYLINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28")
QEMU = Path("usr/bin/qemu-aarch64")
COUNTER = [Path(__file__).with_name(name) for name in ("counter.c", "multiply_add.c")]
HIGHEST_PLUGIN_VERSION = 12
NO_PLUGINS = (
    "The qemu-user of this release takes no plugins, so it cannot count: set the emulator up on "
    "Debian, or on Ubuntu 22.04 or 24.04, or in a container of theirs."
)

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
class Versions:
    """What an emulator was made of; another one is set up when any of it changes."""

    qemu: str
    python: str
    numpy: str
    onnxruntime: str
    counter: str


@dataclass(frozen=True)
class Emulator:
    """An emulator in `folder`, as `install` left it."""

    folder: Path
    versions: Versions

    @property
    def qemu(self) -> Path:
        """The root folder of the emulator's own programs and libraries."""
        return self.folder / "qemu"

    @property
    def root(self) -> Path:
        """The root folder of the emulated system."""
        return self.folder / "root"

    @property
    def site(self) -> Path:
        """The folder of its Python packages."""
        return self.root / "opt" / "site"

    @property
    def counter(self) -> Path:
        """The compiled plugin."""
        return self.folder / "counter.so"

    @property
    def python(self) -> Path:
        """The emulated interpreter."""
        return self.root / "usr" / "bin" / f"python{self.versions.python}"

    def command(self, plugin: str | None = None) -> list[str]:
        """Return the words that start the emulated Python; its arguments follow.

        `plugin` is handed to qemu's -plugin. qemu is started by the loader that it came with, so
        that this machine's own libraries need not fit.
        """
        return [
            *self._qemu_words(),
            *(("-plugin", plugin) if plugin else ()),
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

    def qemu_version(self) -> str:
        """Ask qemu for its version."""
        said = _output([*self._qemu_words(), "--version"], "qemu does not start")
        return said.splitlines()[0].partition("version ")[2]

    def _qemu_words(self) -> list[str]:
        places = [place for place in (self.qemu, self.qemu / "usr") if place.exists()]
        loader = next((path for place in places for path in place.glob("lib*/ld-linux-*")), None)
        if loader is None:
            raise PlatformError(NO_PLUGINS)
        libraries = [str(path) for place in places for path in place.glob("lib/*-linux-gnu")]
        return [str(loader), "--library-path", ":".join(libraries), str(self.qemu / QEMU)]


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
    parts = (found.qemu / QEMU, found.counter, found.python, *(found.site / r for r in RUNTIMES))
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
    _require_tools()
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        fresh.mkdir(parents=True)
        found = _fill(fresh, tell)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.replace(folder)
    except OSError as error:
        raise file_error(folder, error, CACHE) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Emulator(folder, found)


def _wanted() -> dict[str, str]:
    """Return the versions that an emulator must have to be this suite's."""
    runtimes = {name: importlib.metadata.version(name) for name in RUNTIMES}
    sources = b"".join(file.read_bytes() for file in COUNTER)
    return {**runtimes, "counter": hashlib.sha256(sources).hexdigest()}


def _require_tools() -> None:
    for tool in ("apt-get", "dpkg", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise PlatformError(
                "The ARM emulator is made of Debian's or Ubuntu's packages, and there is no "
                f"{tool} here: set it up on one of those, or in a container of theirs."
            )
    if shutil.which("cc") is None:
        raise PlatformError(
            "The ARM emulator's counter must be compiled, and there is no C compiler (cc) here: "
            "install one, say with apt install gcc libc6-dev."
        )


def _fill(folder: Path, tell: Callable[[str], None]) -> Versions:
    qemu, root = folder / "qemu", folder / "root"
    architecture = _output(["dpkg", "--print-architecture"], "dpkg does not work")
    tell(f"Fetching qemu-user for {architecture}, with its libraries")
    packages.unpack(["qemu-user"], architecture, qemu)
    for other in (qemu / QEMU.parent).glob("qemu-*"):
        if other.name != QEMU.name:
            other.unlink()
    tell("Fetching Python for arm64, with its libraries")
    packages.unpack(PYTHON_PACKAGES, "arm64", root)
    if not (root / "lib").exists():
        # Newer releases keep everything below usr, and a link from where programs look.
        (root / "lib").symlink_to("usr/lib")
    interpreter = next((root / "usr" / "bin").glob("python3.*"))
    python = interpreter.name.removeprefix("python")
    tell(f"Fetching {' and '.join(RUNTIMES)} for Python {python} on aarch64")
    _install_runtimes(python, root / "opt" / "site")
    _describe_processor(root)
    made = Emulator(folder, Versions(qemu="", python=python, **_wanted()))
    tell("Compiling the counter")
    _build_counter(made)
    tell("Compiling bytecode, so that emulated starts are quick")
    trees = [str(root / "opt" / "site"), str(root / "usr" / "lib" / interpreter.name)]
    # Some of the standard library's own test data is meant not to compile.
    compile_all = [*made.command(), "-m", "compileall", "-q", *trees]
    _output(compile_all, "the emulated Python fails", fine=(0, 1))
    versions = replace(made.versions, qemu=made.qemu_version())
    write_file(folder / "versions.json", json.dumps(asdict(versions)), CACHE)
    return versions


def _install_runtimes(python: str, site: Path) -> None:
    """Install the runtimes, of the same versions as this environment's, into `site`."""
    platforms = [word for name in MANYLINUX for word in ("--platform", f"{name}_aarch64")]
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in RUNTIMES]
    target = ["--python-version", python, "--implementation", "cp", "--only-binary=:all:"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(site)]
    problem = f"pip cannot install {' and '.join(wanted)} for aarch64"
    _output([*pip, *target, *platforms, *wanted], problem)


def _describe_processor(root: Path) -> None:
    cpu = root / "sys" / "devices" / "system" / "cpu" / "cpu0"
    files = {root / "proc" / "cpuinfo": _CPUINFO}
    for index, facts in enumerate(_CACHES):
        for name, fact in zip(("level", "type", "size"), facts, strict=True):
            files[cpu / "cache" / f"index{index}" / name] = f"{fact}\n"
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def _build_counter(emulator: Emulator) -> None:
    """Compile the plugin for the version of the interface that this qemu takes."""
    compiler = ["cc", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", *map(str, COUNTER)]
    compiler += ["-o", str(emulator.counter)]
    for version in range(1, HIGHEST_PLUGIN_VERSION + 1):
        command = [*compiler, f"-DPLUGIN_VERSION={version}"]
        _output(command, "the counter cannot be compiled")
        words = [*emulator.command(f"{emulator.counter},out=/dev/null"), "-c", ""]
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return
    raise PlatformError(NO_PLUGINS)


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


def _output(command: Sequence[str], problem: str, fine: Sequence[int] = (0,)) -> str:
    """Return what a command prints; raise PlatformError, naming the `problem`, if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode not in fine:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise PlatformError(f"The ARM emulator: {problem}: {said[-1] if said else 'silence'}.")
    return done.stdout.strip()
