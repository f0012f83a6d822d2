"""Dask's scheduler and workers: those of this program, a worker a device, or a cluster's.

This is the only file that knows Dask. Each device is a resource of which its worker has one unit
and each task takes one, so that there are never two tasks on one device.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guideline_benchmarks.guidelines.session.fleet.attempt import Outcome, Task, attempt
from guideline_benchmarks.results.errors import PlatformError

if TYPE_CHECKING:
    from distributed import Client

INSTALL = "pip install 'guideline-benchmarks[fleet]', or make fleet"
# Attempts that Dask makes: it is patience that ends them, not their number.
RETRIES = 10**9
CONNECT_SECONDS = 30
CONFIGURATION = {
    "distributed.scheduler.work-stealing": False,
    # Of a worker that was killed the task is never given up.
    "distributed.scheduler.allowed-failures": 10**9,
    # What looks at each worker's threads a hundred times a second would disturb what is timed here.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "30s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "60s",
    "distributed.dashboard.link": "http://127.0.0.1:{port}/status",
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
}


class Engine:
    """Gives tasks to the workers of devices, and tells what became of them."""

    def __init__(self, client: Client, address: str) -> None:
        self.client = client
        self.address = address
        self._futures: dict[Path, Any] = {}
        self._last: dict[str, Any] = {}

    @property
    def dashboard(self) -> str:
        """The address of Dask's own page, "" where it has none."""
        return str(self.client.dashboard_link or "")

    def submit(self, tasks: Sequence[Task]) -> None:
        """Give tasks to their devices' workers; when all of a device have ended, it is let go."""
        of_device: dict[str, list[Any]] = {}
        for task in tasks:
            device = task.job.record.device
            future = self.client.submit(
                attempt,
                task,
                key=f"{device}/{task.job.record.name}",
                pure=False,
                retries=RETRIES,
                resources={device: 1},
            )
            self._futures[task.folder] = future
            of_device.setdefault(device, []).append((task, future))
        for device, given in of_device.items():
            self._last[device] = self.client.submit(
                _let_go,
                given[-1][0],
                [future for _, future in given],
                key=f"{device}/let go",
                pure=False,
                resources={device: 1},
            )

    def running(self) -> bool:
        """Whether any task has not ended. Raises PlatformError when the scheduler is lost."""
        states = {future.status for future in (*self._futures.values(), *self._last.values())}
        if self.client.status not in ("running", "connecting") or states & {"cancelled", "lost"}:
            raise PlatformError(f"The scheduler at {self.address} is gone.")
        return "pending" in states

    def give_up(self, task: Task) -> None:
        """Do not wait for a task any more whose device no worker measures."""
        self._last.pop(task.job.record.device, None)
        self._futures.pop(task.folder).cancel()

    def failures(self) -> dict[Path, str]:
        """Return what ended in an error of Dask's own, by the folders of the records."""
        return {
            folder: f"{type(future.exception()).__name__}: {_first_line(future.exception())}."
            for folder, future in self._futures.items()
            if future.status == "error"
        }

    def without_worker(self, devices: Sequence[str]) -> dict[str, str]:
        """Return why some devices have no worker that may measure them, by their names."""
        # Dask's default leaves most workers out.
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        reasons = {}
        for device in devices:
            several = sum(worker["resources"].get(device, 0) for worker in workers)
            if several != 1:
                how_many = "no worker has" if several == 0 else f"there are {several:g} units of"
                reasons[device] = f"At {self.address} {how_many} the resource {device}=1."
        return reasons


def _let_go(task: Task, _outcomes: Sequence[Outcome]) -> None:
    task.lock.release(task.job)


@contextmanager
def own_engine(devices: Sequence[str]) -> Iterator[Engine]:
    """Give a scheduler and a worker for each device, all in this program.

    Raises PlatformError where Dask is not installed.
    """
    dask = _dask()
    from distributed import Client, Scheduler, SpecCluster, Worker

    workers = {
        device: {
            "cls": Worker,
            "options": {
                "nthreads": 1,
                "resources": {device: 1},
                "memory_limit": 0,
                "dashboard": False,
            },
        }
        for device in devices
    }
    scheduler = {
        "cls": Scheduler,
        "options": {
            "protocol": "inproc://",
            "dashboard": True,
            "dashboard_address": "127.0.0.1:0",
        },
    }
    with (
        dask.config.set(CONFIGURATION),
        SpecCluster(workers=workers, scheduler=scheduler) as cluster,
        Client(cluster) as client,
    ):
        yield Engine(client, "this program")


@contextmanager
def existing_engine(address: str) -> Iterator[Engine]:
    """Give the cluster whose scheduler is at an address, "tcp://host:8786".

    Raises PlatformError where Dask is not installed or the scheduler does not answer.
    """
    dask = _dask()
    from distributed import Client

    with dask.config.set(CONFIGURATION):
        try:
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, ImportError) as error:
            raise PlatformError(
                f"The scheduler at {address} does not answer ({_first_line(error)}): is it there, "
                "and can it be reached from here?"
            ) from None
        with client:
            yield Engine(client, address)


def _dask() -> Any:
    """Return Dask, quiet; raises PlatformError where it is not installed."""
    try:
        import dask
        import distributed  # noqa: F401
    except ImportError as error:
        raise PlatformError(f"A fleet needs {error.name}: {INSTALL}.") from None
    # What it says of tasks that failed, the states say, in one sentence.
    for name in logging.root.manager.loggerDict:
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return dask


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
