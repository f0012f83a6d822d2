"""Count what networks execute: a fresh emulated worker for each, several at the same time.

Counts, unlike times, do not suffer from neighbours; and in a process of its own a network's counts
do not depend on which others are in the run.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol as Interface

from guideline_benchmarks.results.errors import PlatformError, SuiteError
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.parts import Count
from guideline_benchmarks.results.record.same_machine import refuse_other_machine
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.runners import measure, samples
from guideline_benchmarks.runners.emulator import count_cache
from guideline_benchmarks.runners.emulator.count_cache import CountCache
from guideline_benchmarks.runners.events import Counted, Failed, Loaded, Stopped, Warm
from guideline_benchmarks.runners.launcher import Launcher, ModelFiles, fingerprint, set_up
from guideline_benchmarks.runners.transports.emulator import Emulated
from guideline_benchmarks.runners.worker.machine.cores import usable
from guideline_benchmarks.runners.worker_process import WorkerProcess

# Emulated executions take up to some twenty seconds, more on a busy machine.
PATIENCE_SECONDS = 1200.0


class CountWatcher(Interface):
    """Is told how far the counting is."""

    def counting(self, cell: Cell) -> None:
        """A worker starts on a network; called from several threads."""

    def count_stored(self, run: Run) -> None:
        """A network's counts are on disk; called once before the first, too."""


def count(
    run: Run,
    files: Mapping[str, ModelFiles],
    launcher: Launcher,
    store: Callable[[Run], None],
    watcher: CountWatcher,
    cache: CountCache,
    reuse: bool = False,
) -> Run:
    """Count the networks that `run` lacks, the largest first, and return the completed run.

    The launcher's transport must be the emulator, which alone counts. `files` is by cell name.
    `store` is called with the run after every network. What is counted is kept in `cache`, and
    taken from there if `reuse` is asked for.

    Raises PlatformError when a worker dies, hangs or sends garbage, and BadInputError when the
    emulator is not the one that the run was begun with.
    """
    counted = {found.cell for found in run.counts}
    missing = [cell for cell in run.networks if cell.name not in counted]
    missing.sort(key=lambda cell: cell.multiply_adds, reverse=True)
    places = {cell.name: place for place, cell in enumerate(run.networks)}
    crew = _Crew()
    begun = run
    watcher.count_stored(run)
    with ThreadPoolExecutor(max_workers=usable()) as pool:

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
    def starting(self, process: WorkerProcess) -> Iterator[WorkerProcess]:
        """Start a worker. Raises PlatformError when it cannot start, or the crew was ended."""
        with process as worker:
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
    files: Mapping[str, ModelFiles],
    launcher: Launcher,
    crew: _Crew,
) -> Count:
    started = measure.now()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "counts"
        staged, linked = _staged(launcher, files[cell.name], folder)
        counting = staged.counting(out, run.protocol.modelled_caches)
        launcher = replace(launcher, transport=counting)
        with crew.starting(counting.process()) as worker:
            ready = set_up(run, worker, {cell.name: linked}, launcher, cells=[cell])
            refuse_other_machine(run.fingerprint, fingerprint(ready, launcher))
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


def _staged(launcher: Launcher, files: ModelFiles, folder: Path) -> tuple[Emulated, ModelFiles]:
    """Return a launcher's emulator, and files, as they are reached by links in `folder`.

    A program keeps the names of its files in memory, so that their length moves what lies behind
    them. These are as long for every user and every network.
    """
    emulated = launcher.transport
    assert isinstance(emulated, Emulated)
    links = {
        "emulator": emulated.emulator.folder,
        "worker": emulated.archive,
        "model": files.model,
        "expected": files.expected,
        **({"values": files.values} if files.values else {}),
    }
    for name, target in links.items():
        (folder / name).symlink_to(target.resolve())
    emulator = replace(emulated.emulator, folder=folder / "emulator")
    staged = Emulated(emulator, folder / "worker")
    values = folder / "values" if files.values else None
    return staged, ModelFiles(folder / "model", folder / "expected", values)


def _figures(found: Counted, caches: bool) -> dict[str, list[int]]:
    figures = found.model_dump(exclude={"event", "cell"})
    return figures if caches else {"instructions": found.instructions}
