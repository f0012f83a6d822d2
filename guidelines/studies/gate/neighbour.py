"""A noisy neighbour, made on purpose: it streams memory, on and off at random.

It is a program of its own, which ends with the one that started it:
`python -m guideline_benchmarks.guidelines.studies.gate.neighbour SEED PARENT [CORE]`.
"""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

# Each phase is drawn evenly on a logarithmic scale, in seconds.
SHORTEST, LONGEST = 0.1, 30.0
# Far more than any cache holds.
ELEMENTS = 1 << 24


@contextmanager
def noisy_neighbour(core: int | None, seed: int) -> Iterator[None]:
    """Run a neighbour on a core, or wherever the system puts it if None, meanwhile."""
    command = [sys.executable, "-m", __name__, str(seed), str(os.getpid())]
    command += [] if core is None else [str(core)]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.kill()


def phases(seed: int) -> Iterator[float]:
    """Yield the seconds of phases without end, in turns busy and idle."""
    drawn = random.Random(seed)
    while True:
        yield math.exp(drawn.uniform(math.log(SHORTEST), math.log(LONGEST)))


def stream(seed: int, parent: int) -> None:
    """Copy memory in the busy phases, until the program that started this one is gone."""
    source, target = np.ones(ELEMENTS, np.float32), np.empty(ELEMENTS, np.float32)
    busy = True
    for seconds in phases(seed):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if os.getppid() != parent:
                return
            if busy:
                np.copyto(target, source)
            else:
                time.sleep(min(0.05, seconds))
        busy = not busy


if __name__ == "__main__":
    if len(sys.argv) > 3:
        os.sched_setaffinity(0, {int(sys.argv[3])})
    stream(int(sys.argv[1]), int(sys.argv[2]))
