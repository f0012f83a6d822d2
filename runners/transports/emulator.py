"""A program in qemu-user on this machine, which may count what it executes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from guideline_benchmarks.results.cost_model.caches import Caches
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.emulator import install
from guideline_benchmarks.runners.emulator.install import plugin_words
from guideline_benchmarks.runners.emulator.qemu import QemuUser
from guideline_benchmarks.runners.events import Ready, Unavailable
from guideline_benchmarks.runners.transports.transport import unavailable_here
from guideline_benchmarks.runners.worker_process import WorkerProcess


@dataclass(frozen=True)
class Emulated:
    """Workers in an emulator (see runners.transports.transport.Transport).

    `archive` is the packed worker, `plugin` the words for the emulator's counter, if it counts.
    """

    emulator: QemuUser
    archive: Path
    plugin: str | None = None

    def counting(self, out: Path, caches: Caches | None) -> Emulated:
        """Return it with a counter that writes to `out`, and models `caches` if there are any."""
        return replace(self, plugin=plugin_words(self.emulator.counter, out, caches))

    @property
    def command(self) -> list[str]:
        """The words that start a worker.

        Its environment is empty, since what stands there moves all that the worker keeps in memory,
        and with it misses, by some percent.
        """
        kept = [f"{name}={os.environ[name]}" for name in ("TMPDIR",) if name in os.environ]
        return ["env", "-i", *kept, *self.emulator.command(self.plugin), str(self.archive)]

    def process(self) -> WorkerProcess:
        """Return a worker that is not started yet."""
        return WorkerProcess(self.command)

    def introduce(
        self, _process: WorkerProcess, files: Sequence[Path], _copying: Callable[[int, int], None]
    ) -> Mapping[Path, str]:
        """Return the names of files, which an emulated program sees as any other does."""
        return {path: str(path) for path in files}

    def unavailable(self, event: Unavailable) -> PlatformError:
        """Return the error for an emulated machine that cannot run the worker."""
        return unavailable_here(event)

    def seen(self, ready: Ready) -> Ready:
        """Return a greeting in which nothing is of the real machine.

        So counts of one emulator can be compared, wherever it ran.
        """
        versions = self.emulator.versions
        machine = ready.machine.model_copy(
            update={
                "hostname": self.emulator.hostname,
                "clusters": [],
                "cores": 1,
                "memory": 0,
                "governor": None,
                "virtualisation": f"emulated by qemu-user {versions.qemu}",
            }
        )
        runtimes = ready.runtimes | {"qemu": versions.qemu, "counter": versions.counter[:16]}
        return ready.model_copy(update={"machine": machine, "runtimes": runtimes})


def open_transport(platform: Platform, archive: Path, _claim: Claim) -> Emulated:
    """Return the emulator with the packed worker.

    Raises PlatformError when it is not set up, or lacks the platform's runtime.
    """
    emulator = install.installed(install.default_folder(), backend(platform.backend))
    return Emulated(emulator, archive)
