"""Count what networks execute: a fresh emulated worker for each, several at the same time.

Counts, unlike times, do not suffer from neighbours; and in a process of its own a network's counts
do not depend on which others are in the run.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol as Interface

from results.cost_model.caches import Caches
from results.errors import PlatformError, SuiteError
from results.record.cells import Cell
from results.record.parts import Count
from results.record.platform import Fingerprint, Platform
from results.record.protocol import Protocol
from results.record.same_machine import refuse_other_machine
from results.record.schema import Run
from runners import measure, samples
from runners.emulator import count_cache
from runners.emulator.count_cache import CountCache
from runners.emulator.install import Emulator, plugin_words
from runners.events import Counted, Failed, Loaded, Ready, Stopped, Warm
from runners.worker_process import WorkerProcess

# Emulated executions take up to some twenty seconds, more on a busy machine.
PATIENCE_SECONDS = 1200.0


class CountWatcher(Interface):
    """Is told how far the counting is."""

    def counting(self, cell: Cell) -> None:
        """A worker starts on a network; called from several threads."""

    def count_stored(self, run: Run) -> None:
        """A network's counts are on disk; called once before the first, too."""


@dataclass(frozen=True)
class EmulatedLauncher:
    """How emulated workers are started: the emulator, the packed worker, and its digest."""

    emulator: Emulator
    archive: Path
    worker: str

    def command(self, out: Path | None = None, caches: Caches | None = None) -> list[str]:
        """Return the words that start a worker, whose counter writes to `out` if that is given.

        It models `caches`, if there are any.

        Its environment is empty, since what stands there moves all that the worker keeps in memory,
        and with it misses, by some percent.
        """
        plugin = plugin_words(self.emulator.counter, out, caches) if out else None
        kept = [f"{name}={os.environ[name]}" for name in ("TMPDIR",) if name in os.environ]
        return ["env", "-i", *kept, *self.emulator.command(plugin), str(self.archive)]


def identify(platform: Platform, launcher: EmulatedLauncher) -> Fingerprint:
    """Start a worker that counts nothing, and return the fingerprint of the emulated machine.

    Raises PlatformError when the worker cannot start.
    """
    with WorkerProcess(launcher.command()) as worker:
        ready = measure.greet(platform, Protocol(runs=1, processes=1), worker)
        return _fingerprint(ready, launcher)


def count(
    run: Run,
    files: Mapping[str, measure.ModelFiles],
    launcher: EmulatedLauncher,
    store: Callable[[Run], None],
    watcher: CountWatcher,
    cache: CountCache,
    reuse: bool = False,
) -> Run:
    """Count the networks that `run` lacks, the largest first, and return the completed run.

    `files` is by cell name. `store` is called with the run after every network. What is counted is
    kept in `cache`, and taken from there if `reuse` is asked for. Raises
    PlatformError when a worker dies, hangs or sends garbage, and BadInputError when the emulator is
    not the one that the run was begun with.
    """
    counted = {found.cell for found in run.counts}
    missing = [cell for cell in run.networks if cell.name not in counted]
    missing.sort(key=lambda cell: cell.multiply_adds, reverse=True)
    places = {cell.name: place for place, cell in enumerate(run.networks)}
    crew = _Crew()
    begun = run
    watcher.count_stored(run)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:

        def work(cell: Cell) -> Count:
            key = count_cache.key(begun, cell, files[cell.name])
            kept = cache.find(key, begun.protocol.runs) if reuse else None
            if kept is not None:
                return kept.model_copy(
                    update={"cell": cell.name, "session": len(begun.sessions) - 1}
                )
            watcher.counting(cell)
            fresh = _count(begun, cell, files, launcher, crew)
            # What cannot be kept for other runs is still this run's.
            with suppress(SuiteError):
                cache.keep(key, fresh)
            return fresh

        try:
            for future in as_completed([pool.submit(work, cell) for cell in missing]):
                counts = sorted([*run.counts, future.result()], key=lambda one: places[one.cell])
                run = run.model_copy(update={"counts": counts})
                store(run)
                watcher.count_stored(run)
        finally:
            crew.end()
            pool.shutdown(cancel_futures=True)
    return run


class _Crew:
    """Workers at work in several threads, which can all be ended at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: set[WorkerProcess] = set()
        self._ended = False

    @contextmanager
    def worker(self, command: list[str]) -> Iterator[WorkerProcess]:
        """Start a worker. Raises PlatformError when it cannot start, or the crew was ended."""
        with WorkerProcess(command) as worker:
            with self._lock:
                if self._ended:
                    raise PlatformError("The counting was ended.")
                self._workers.add(worker)
            try:
                yield worker
            finally:
                with self._lock:
                    self._workers.discard(worker)

    def end(self) -> None:
        """End all workers now and refuse new ones."""
        with self._lock:
            self._ended = True
            for worker in self._workers:
                worker.kill()


def _count(
    run: Run,
    cell: Cell,
    files: Mapping[str, measure.ModelFiles],
    launcher: EmulatedLauncher,
    crew: _Crew,
) -> Count:
    started = measure.now()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        staged, linked = _staged(launcher, files[cell.name], folder)
        out = folder / "counts"
        with crew.worker(staged.command(out, run.protocol.modelled_caches)) as worker:
            ready = measure.set_up(run, worker, {cell.name: linked}, cells=[cell])
            refuse_other_machine(run.fingerprint, _fingerprint(ready, launcher))
            found = samples.prove(run, cell, worker.receive(PATIENCE_SECONDS, Loaded, Failed))
            worker.receive(PATIENCE_SECONDS, Warm)
            result = Count(
                cell=cell.name,
                session=len(run.sessions) - 1,
                started=started,
                proof=found,
                instructions=[],
            )
            if found.failure is None:
                times = run.protocol.runs
                worker.send({"do": "count", "cell": 0, "times": times, "path": str(out)})
                figures = worker.receive(times * PATIENCE_SECONDS, Counted)
                result = result.model_copy(update=_figures(figures, run.protocol.caches))
            worker.send({"do": "stop"})
            worker.receive(PATIENCE_SECONDS, Stopped)
    return result


def _staged(
    launcher: EmulatedLauncher, files: measure.ModelFiles, folder: Path
) -> tuple[EmulatedLauncher, measure.ModelFiles]:
    """Return a launcher and files that are reached by links in `folder`.

    A program keeps the names of its files in memory, so that their length moves what lies behind
    them. These are as long for every user and every network.
    """
    links = {
        "emulator": launcher.emulator.folder,
        "worker": launcher.archive,
        "model": files.model,
        "expected": files.expected,
    }
    for name, target in links.items():
        (folder / name).symlink_to(target.resolve())
    emulator = replace(launcher.emulator, folder=folder / "emulator")
    staged = replace(launcher, emulator=emulator, archive=folder / "worker")
    return staged, measure.ModelFiles(folder / "model", folder / "expected")


def _figures(found: Counted, caches: bool) -> dict[str, list[int]]:
    figures = found.model_dump(exclude={"event", "cell"})
    return figures if caches else {"instructions": found.instructions}


def _fingerprint(ready: Ready, launcher: EmulatedLauncher) -> Fingerprint:
    """Return the fingerprint of the emulated machine, in which nothing is of the real one.

    So counts of one emulator can be compared, wherever it ran.
    """
    versions = launcher.emulator.versions
    machine = ready.machine.model_dump() | {
        "hostname": "emulated",
        "clusters": [],
        "cores": 1,
        "memory": 0,
        "governor": None,
        "virtualisation": f"emulated by qemu-user {versions.qemu}",
    }
    runtimes = ready.runtimes | {"qemu": versions.qemu, "counter": versions.counter[:16]}
    return Fingerprint(**machine, runtimes=runtimes, worker=launcher.worker)
