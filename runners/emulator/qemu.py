"""qemu-user in a folder, with a plugin that counts: what all that is made of it has in common.

qemu comes from packages of Debian or Ubuntu, unpacked without root (see packages).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.store.files import CACHE, write_file
from guideline_benchmarks.runners.emulator import packages

HIGHEST_PLUGIN_VERSION = 12
NO_PLUGINS = (
    "The qemu-user of this release takes no plugins, so it cannot count: set the emulator up on "
    "Debian, or on Ubuntu 22.04 or 24.04, or in a container of theirs."
)


@dataclass(frozen=True)
class Versions:
    """What an emulator was made of; another one is set up when any of it changes.

    `qemu` is its version, `counter` the SHA-256 of the plugin's sources.
    """

    qemu: str
    counter: str


VERSIONS = "versions.json"


@dataclass(frozen=True)
class QemuUser(ABC):
    """qemu-user in `folder`, as it was set up, and what it takes to start a program in it.

    `program` is qemu's own, `called` what messages call the whole, `hostname` what stands in a
    record in place of this machine's.
    """

    folder: Path
    versions: Versions

    program: ClassVar[str]
    called: ClassVar[str]
    hostname: ClassVar[str]

    @property
    def qemu(self) -> Path:
        """The root folder of the emulator's own programs and libraries."""
        return self.folder / "qemu"

    @property
    def root(self) -> Path:
        """The root folder of the emulated system."""
        return self.folder / "root"

    @property
    def counter(self) -> Path:
        """The compiled plugin."""
        return self.folder / "counter.so"

    @abstractmethod
    def command(self, plugin: str | None = None) -> list[str]:
        """Return the words that start a Python in it; its arguments follow.

        `plugin` is handed to qemu's -plugin.
        """

    def qemu_words(self, plugin: str | None) -> list[str]:
        """Return the words that start qemu; its options follow.

        It is started by the loader that it came with, so that this machine's own libraries need
        not fit. Raises PlatformError where that is missing.
        """
        places = [place for place in (self.qemu, self.qemu / "usr") if place.exists()]
        loader = next((path for place in places for path in place.glob("lib*/ld-linux-*")), None)
        if loader is None:
            raise PlatformError(NO_PLUGINS)
        libraries = [str(path) for place in places for path in place.glob("lib/*-linux-gnu")]
        words = [str(loader), "--library-path", ":".join(libraries), str(self.qemu / self.program)]
        return [*words, *(("-plugin", plugin) if plugin else ())]

    def qemu_version(self) -> str:
        """Ask qemu for its version."""
        said = self.output([*self.qemu_words(None), "--version"], "qemu does not start")
        return said.splitlines()[0].partition("version ")[2]

    def unpack_qemu(self, tell: Callable[[str], None]) -> None:
        """Unpack qemu-user for this machine, and remove the programs of other processors."""
        architecture = self.output(["dpkg", "--print-architecture"], "dpkg does not work")
        tell(f"Fetching qemu-user for {architecture}, with its libraries")
        packages.unpack(["qemu-user"], architecture, self.qemu)
        program = self.qemu / self.program
        for other in program.parent.glob("qemu-*"):
            if other != program:
                other.unlink()

    def build_counter(self, sources: Sequence[Path]) -> None:
        """Compile the plugin for the version of the interface that this qemu takes."""
        compiler = ["cc", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", *map(str, sources)]
        compiler += ["-o", str(self.counter)]
        for version in range(1, HIGHEST_PLUGIN_VERSION + 1):
            command = [*compiler, f"-DPLUGIN_VERSION={version}"]
            self.output(command, "the counter cannot be compiled")
            words = [*self.command(f"{self.counter},out=/dev/null"), "-c", ""]
            if subprocess.run(words, capture_output=True, check=False).returncode == 0:
                return
        raise PlatformError(NO_PLUGINS)

    def write_root(self, files: Mapping[str, str]) -> None:
        """Write files of the emulated system, which programs in it see before this machine's."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def output(self, command: Sequence[str], problem: str, fine: Sequence[int] = (0,)) -> str:
        """Return what a command prints; raise PlatformError, naming the `problem`, if it fails."""
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode not in fine:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise PlatformError(f"{self.called}: {problem}: {said[-1] if said else 'silence'}.")
        return done.stdout.strip()


def require_tools(called: str) -> None:
    """Raise PlatformError, naming what is missing, where no emulator can be set up."""
    for tool in ("apt-get", "dpkg", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise PlatformError(
                f"{called} is made of Debian's or Ubuntu's packages, and there is no "
                f"{tool} here: set it up on one of those, or in a container of theirs."
            )
    if shutil.which("cc") is None:
        raise PlatformError(
            f"{called}'s counter must be compiled, and there is no C compiler (cc) here: "
            "install one, say with apt install gcc libc6-dev."
        )


def write_versions(folder: Path, versions: Versions) -> None:
    """Write into an emulator's folder what it is made of."""
    write_file(folder / VERSIONS, json.dumps(asdict(versions)), CACHE)
