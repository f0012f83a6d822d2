"""Keeps a device to one measurement: by the board's own lock, this machine's, or labgrid's."""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from guideline_benchmarks.guidelines.session.fleet.jobs import Job
from guideline_benchmarks.guidelines.session.fleet.stopping import pause
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.store.files import cache_folder, flocked, make_cache_folder
from guideline_benchmarks.runners import worker_archive
from guideline_benchmarks.runners.claim import Claim, local_lock
from guideline_benchmarks.runners.transports import ssh

LABGRID = "labgrid-client"
ASK_SECONDS = 1.0
# Less than is waited for at the end of all.
CLIENT_SECONDS = 20.0


@dataclass(frozen=True)
class DeviceLock:
    """How a fleet holds one of its devices; `claim` is what a board is told."""

    claim: Claim

    @contextmanager
    def held(self, job: Job, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the device of a job; `waiting` is told what is waited for.

        A board is held by the worker on it, so nothing is done for one here. Raises PlatformError
        where somebody else holds the device, and StoppedError when the fleet is to end.
        """
        if job.labgrid is not None:
            _acquire(job.labgrid)
        if job.platform.ssh is not None:
            yield
        elif job.platform.counts:
            with _this_machine(fcntl.LOCK_SH, waiting):
                yield
        else:
            with _this_machine(fcntl.LOCK_EX, waiting), local_lock(self.claim):
                yield

    def release(self, job: Job) -> None:
        """Let the device of a job go, where it can be reached."""
        with suppress(PlatformError):
            if job.labgrid is not None:
                _labgrid(job.labgrid, "release")
            elif job.platform.ssh is not None:
                archive = worker_archive.build(cache_folder())
                ssh.open_transport(job.platform, archive, self.claim).release()


def lock_of(job: Job, token: str, breaks: bool) -> DeviceLock:
    """Return the lock of a job's device for the fleet of that token.

    Each device has a token of its own, so that a board which is two devices of a fleet by mistake
    is noticed. Where labgrid keeps a place, the board's own lock goes with each worker.
    """
    own = hashlib.sha256(f"{token} {job.record.device}".encode()).hexdigest()[:32]
    kept = job.labgrid is None and job.platform.ssh is not None
    return DeviceLock(Claim.of_this_process(kept=kept, token=own, breaks=breaks))


@contextmanager
def _this_machine(how: int, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold this machine against what would disturb: a timed device alone, counted ones together."""
    make_cache_folder(cache_folder())
    handle = os.open(cache_folder() / "this-machine.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not flocked(handle, how):
            waiting("another device is measured on this machine")
            pause(ASK_SECONDS)
        yield
    finally:
        os.close(handle)


def _acquire(place: str) -> None:
    """Take a place of labgrid's; raises PlatformError when somebody else has it."""
    code, said = _labgrid(place, "acquire")
    # It refuses also who has it already, as a fleet does that goes on.
    if code and not _is_mine(place):
        raise PlatformError(f"labgrid does not give the place {place}: {said[-1].rstrip('.')}.")


def _is_mine(place: str) -> bool:
    """Whether this user on this machine, as labgrid's client calls them, has a place."""
    host = os.environ.get("LG_HOSTNAME", socket.gethostname())
    user = os.environ.get("LG_USERNAME", getpass.getuser())
    _, said = _labgrid(place, "show")
    return f"acquired: {host}/{user}" in [line.strip() for line in said]


def _labgrid(place: str, verb: str) -> tuple[int, list[str]]:
    """Return the exit code of labgrid's client, and the lines that it said, errors at last."""
    # Of an environment that is not activated, the programs are on no path.
    ways = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    client = shutil.which(LABGRID, path=ways)
    if client is None:
        raise PlatformError(f"There is no {LABGRID} here: pip install labgrid.")
    try:
        done = subprocess.run(
            [client, "-p", place, verb], capture_output=True, text=True, timeout=CLIENT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise PlatformError(f"labgrid's coordinator does not answer for place {place}.") from None
    lines = f"{done.stdout}\n{done.stderr}".strip().splitlines()
    return done.returncode, lines or [f"exit code {done.returncode}"]
