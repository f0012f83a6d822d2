"""Dask's scheduler and workers: those of this program, a worker a device, or a cluster's.

This is the only file that knows Dask. Each device is a resource of which its worker has one unit
and each task takes one, so that there are never two tasks on one device.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guideline_benchmarks.guidelines.session.fleet.attempt import Outcome, Task, attempt
from guideline_benchmarks.results.errors import BadInputError, PlatformError

if TYPE_CHECKING:
    from distributed import Client

OWN = "this program"
SUITE = "guideline_benchmarks"
INSTALL = "pip install 'guideline-benchmarks[fleet]', or make fleet"
# Where the page of this program's own scheduler is; a cluster's is where its scheduler is.
OWN_PAGE = {"distributed.dashboard.link": "http://127.0.0.1:{port}/status"}
# Attempts that Dask makes: it is patience that ends them, not their number.
RETRIES = 10**9
CONNECT_SECONDS = 10
CONFIGURATION = {
    "distributed.scheduler.work-stealing": False,
    # Of a worker that was killed the task is never given up.
    "distributed.scheduler.allowed-failures": 10**9,
    # What looks at each worker's threads a hundred times a second would disturb what is timed here.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "30s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "60s",
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
}


class Engine:
    """Gives tasks to the workers of devices, and tells what became of them."""

    def __init__(self, client: Client, address: str) -> None:
        self.client = client
        self.address = address
        # Of each device, its records' by their folders, and what lets it go.
        self._futures: dict[str, dict[Path | None, Any]] = {}

    @property
    def dashboard(self) -> str:
        """The address of Dask's own page, "" where it has none."""
        return str(self.client.dashboard_link or "")

    def submit(self, device: str, tasks: Sequence[Task]) -> None:
        """Give a device's worker its tasks, one after the other; at last the device is let go."""
        given: dict[Path | None, Any] = {}
        last = None
        for task in tasks:
            # Each waits for the one before: else a device that is gone would be asked for another.
            what = f"{device}/{task.job.record.name}"
            last = self._submitted(what, device, attempt, task, last, retries=RETRIES)
            given[task.folder] = last
        given[None] = self._submitted(f"{device}/let go", device, _let_go, tasks[-1], last)
        self._futures[device] = given

    def _submitted(self, what: str, device: str, *call: Any, **options: Any) -> Any:
        # Of what has the same key, a cluster does but one, and gives all who asked its result.
        key = f"{what}-{uuid.uuid4().hex}"
        return self.client.submit(*call, key=key, pure=False, resources={device: 1}, **options)

    @property
    def is_own(self) -> bool:
        """Whether its workers are this program's; a cluster's do not hear when this is to end."""
        return self.address == OWN

    def has(self, device: str) -> bool:
        """Whether a device's tasks are given."""
        return device in self._futures

    def unfinished(self) -> set[str]:
        """Return the devices of which a task that was given has not ended.

        Raises PlatformError when the scheduler is lost.
        """
        states = {
            device: {one.status for one in given.values()}
            for device, given in self._futures.items()
        }
        lost = {"cancelled", "lost"} & set().union(*states.values())
        if self.client.status not in ("running", "connecting") or lost:
            raise self._gone()
        return {device for device, found in states.items() if "pending" in found}

    def take_back(self, device: str) -> None:
        """Let no worker begin with a device's tasks any more; what one is at, it ends.

        Raises PlatformError when the scheduler is lost.
        """
        given = self._futures.pop(device, None)
        if given is None:
            return
        try:
            self.client.cancel([*given.values()])
        except OSError:
            raise self._gone() from None

    def outcomes(self) -> list[Outcome]:
        """Return how records ended; an error of Dask's own is a failure, too."""
        return [
            _outcome(folder, future)
            for given in self._futures.values()
            for folder, future in given.items()
            if folder is not None and future.done()
        ]

    def without_worker(self, devices: Sequence[str]) -> dict[str, str]:
        """Return why some devices have no worker that may measure them, by their names.

        Raises PlatformError when the scheduler is lost.
        """
        if self.is_own or not devices:
            # Of its own each device has one.
            return {}
        # Dask's default leaves most workers out.
        try:
            workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        except (OSError, KeyError):
            # What is known of a scheduler is nothing while it cannot be reached.
            raise self._gone() from None
        reasons = {}
        for device in devices:
            several = sum(worker["resources"].get(device, 0) for worker in workers)
            if several != 1:
                wrong = f"there are {several:g} units of the resource {device}, and must be 1"
                if several == 0:
                    wrong = f"no worker has the resource {device}=1"
                reasons[device] = f"At {self.address} {wrong}."
        return reasons

    def _gone(self) -> PlatformError:
        return PlatformError(f"The scheduler at {self.address} is gone.")


def _outcome(folder: Path, future: Any) -> Outcome:
    if future.status != "error":
        found: Outcome = future.result()
        return found
    error = future.exception()
    return Outcome(folder, failure=f"{type(error).__name__}: {_in_a_line(error)}.")


def _let_go(task: Task, _last: Outcome) -> None:
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
        dask.config.set(CONFIGURATION | OWN_PAGE),
        SpecCluster(workers=workers, scheduler=scheduler) as cluster,
        Client(cluster) as client,
    ):
        yield Engine(client, OWN)


@contextmanager
def existing_engine(address: str) -> Iterator[Engine]:
    """Give the cluster whose scheduler is at an address, "tcp://host:8786".

    Raises BadInputError for what is no address, PlatformError where Dask is not installed or the
    scheduler does not answer.
    """
    if re.fullmatch(r"(tcp|tls|wss?)://.+:\d+", address) is None:
        raise BadInputError(f"{address} is no scheduler's address: write it as tcp://host:8786.")
    dask = _dask()
    from distributed import Client

    with dask.config.set(CONFIGURATION):
        try:
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except OSError as error:
            raise PlatformError(
                f"The scheduler at {address} does not answer ({_in_a_line(error)}): is it there, "
                "and can it be reached from here?"
            ) from None
        with client:
            _refuse_other_suites(client, address)
            yield Engine(client, address)


def _refuse_other_suites(client: Client, address: str) -> None:
    """Raise PlatformError where a cluster cannot read what it would be given."""
    versions = client.get_versions(packages=[SUITE])
    here = versions["client"]["packages"][SUITE]
    workers = {f"the worker at {name}": one for name, one in versions["workers"].items()}
    for who, one in {f"the scheduler at {address}": versions["scheduler"], **workers}.items():
        there = one["packages"][SUITE]
        if there != here:
            raise PlatformError(
                f"{SUITE} {here} is installed here and {there or 'none'} where {who} runs: start "
                "the cluster from an environment with the same."
            )


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


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
