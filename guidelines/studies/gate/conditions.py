"""The conditions in which the gate is studied: alone, and beside noise that is made on purpose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from guideline_benchmarks.guidelines.studies.gate.neighbour import noisy_neighbour
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.runners.worker.machine import cores


@dataclass(frozen=True)
class Condition:
    """What runs beside the workers, `where`: on another core, on any, or nowhere.

    In `minutes` at least 95 % of the rows of two equal sides are to be SAME, and one pair is to
    spread by at most `spread` (a fraction) in the median cell; None where that is only reported.
    """

    name: str
    words: str
    where: str
    minutes: float | None
    spread: float | None

    @contextmanager
    def made(self, seed: int) -> Iterator[None]:
        """Make the noise meanwhile. Raises PlatformError where there is no other core for it."""
        if self.where == "nowhere":
            yield
            return
        with noisy_neighbour(_other_core() if self.where == "other core" else None, seed):
            yield


def _other_core() -> int:
    """Return a core that workers are not kept on."""
    others = sorted({*os.sched_getaffinity(0)} - {*cores.choose(None, 1)})
    if not others:
        raise PlatformError("A noisy neighbour needs a second core, and this machine has one.")
    return others[0]


QUIET = Condition("quiet", "quiet", "nowhere", 5.0, 0.006)
NEIGHBOUR = Condition(
    "neighbour", "beside a memory streamer on the other core", "other core", 10.0, 0.01
)
WANDERER = Condition("wanderer", "beside a streamer that may take any core", "any core", None, None)
CONDITIONS = (QUIET, NEIGHBOUR, WANDERER)
