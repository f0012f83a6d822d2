"""Faults at random moments: connections cut, servers and the driver killed, the disk filled."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from guideline_benchmarks.guidelines.studies.fleet import loopback
from guideline_benchmarks.guidelines.studies.fleet.loopback import Board

# Seconds that a server stays away, and that the disk stays full.
AWAY, FULL = (0.5, 5.0), 3.0


@dataclass
class Driver:
    """The command that drives the fleet, started again whenever it is killed."""

    command: Sequence[str]
    environment: dict[str, str]
    log: Path

    def start(self) -> None:
        """Start it, in a session of its own."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End the driver alone, as `kill -9` does, and start it again."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()


def cut(board: Board) -> None:
    """End all connections of a board; what they held goes on on it until it notices."""
    board.hang_up()


def restart(board: Board, seconds: float) -> None:
    """Kill a board's server with all its connections, and start it again after a while."""
    board.hang_up()
    board.server.kill()
    board.server.wait()
    time.sleep(seconds)
    board.server = loopback.serve(board.folder)


def fill(folder: Path) -> None:
    """Fill the disk that a folder lies on, and empty it again after a while."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(1 << 20))
    time.sleep(FULL)
    filler.unlink()


def inject(
    count: int,
    boards: Sequence[Board],
    driver: Driver,
    disk: Path | None,
    gap: float,
    seed: int,
    going: Callable[[], bool],
) -> Counter[str]:
    """Make so many faults, `gap` seconds apart on average, while the fleet is at work.

    Disks are filled where there is one to fill. Returns how many there were of each kind.
    """
    random, made = Random(seed), Counter[str]()
    # The driver's end and a full disk are faults of all boards at once.
    kinds = ["connection cut"] * 10 + ["sshd killed and restarted"] * 7 + ["driver killed"] * 2
    kinds += ["disk filled"] if disk else []
    while made.total() < count and going():
        time.sleep(random.expovariate(1 / gap))
        kind, board = random.choice(kinds), random.choice(boards)
        if kind == "connection cut":
            cut(board)
        elif kind == "sshd killed and restarted":
            restart(board, random.uniform(*AWAY))
        elif kind == "driver killed":
            driver.kill()
        elif disk:
            fill(disk)
        made[kind] += 1
    return made


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has ended."""
    return process.poll() is not None


def resident(process: subprocess.Popen[bytes]) -> int:
    """Return the most memory in bytes that a running process has taken so far, 0 if it ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    peak = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak[0]) * 1024 if peak else 0


def is_root() -> bool:
    """Whether this program may mount a disk to fill."""
    return os.getuid() == 0
