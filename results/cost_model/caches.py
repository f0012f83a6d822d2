"""Caches as the emulator models them: what a core has, as far as its fingerprint tells."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from guideline_benchmarks.results.record.bounds import PositiveInt
from guideline_benchmarks.results.record.platform import Fingerprint, Record

LINE = 64
KIB = 1024


class Cache(Record):
    """One cache: its size in KiB, and its ways, which divide it into a power of 2 of sets."""

    kib: Annotated[int, Field(ge=1, le=2**17)]
    ways: PositiveInt

    @model_validator(mode="after")
    def _has_sets(self) -> Self:
        if self.ways not in possible_ways(self.kib):
            raise ValueError(f"{self.ways} ways do not divide {self.kib} KiB into 2, 4, 8 … sets")
        return self

    @property
    def sets(self) -> int:
        """The number of sets of `ways` lines of 64 bytes."""
        return self.kib * KIB // LINE // self.ways

    def __str__(self) -> str:
        return f"{self.kib} KiB {self.ways}-way"


class Caches(Record):
    """The first-level instruction and data caches, and the second-level cache of a core."""

    l1i: Cache
    l1d: Cache
    l2: Cache

    def __str__(self) -> str:
        return f"L1i {self.l1i}, L1d {self.l1d}, L2 {self.l2}"


def possible_ways(kib: int) -> list[int]:
    """Return the numbers of ways that divide a cache of so many KiB into a power of 2 of sets."""
    lines = kib * KIB // LINE
    least = lines // (lines & -lines)
    return [least << step for step in range((lines & -lines).bit_length())]


# As in the Snapdragon 810's fast cluster.
CORTEX_A57 = Caches(
    l1i=Cache(kib=48, ways=3), l1d=Cache(kib=32, ways=2), l2=Cache(kib=2048, ways=16)
)

# Ways of L1i, L1d and L2, as Arm's technical reference manuals have them.
_WAYS = {
    "Cortex-A53": (2, 4, 16),
    "Cortex-A55": (4, 4, 4),
    "Cortex-A57": (3, 2, 16),
    "Cortex-A72": (3, 2, 16),
    "Cortex-A76": (4, 4, 8),
    "Cortex-A77": (4, 4, 8),
    "Cortex-A78": (4, 4, 8),
    "Neoverse-N1": (4, 4, 8),
}
_USUAL_WAYS = (4, 4, 8)


def caches_of(fingerprint: Fingerprint) -> tuple[Caches, list[str]]:
    """Return the caches of the fastest core of a machine, and what of them had to be assumed.

    Sizes are those that the machine shows. It does not show ways, which are known of some cores. A
    size that is not shown is that of the Cortex-A57.
    """
    core = fingerprint.clusters[0].core if fingerprint.clusters else fingerprint.cpu_model
    known = _WAYS.get(core)
    assumed = [] if known else [f"how {core} divides its caches into ways"]
    found = {}
    for level, ways in zip(("L1i", "L1d", "L2"), known or _USUAL_WAYS, strict=True):
        usual: Cache = getattr(CORTEX_A57, level.lower())
        size = fingerprint.caches.get(level, 0) // KIB
        if not size:
            assumed.append(f"the size of {level}")
        kib = size or usual.kib
        nearest = min(possible_ways(kib), key=lambda n: abs(math.log(n / ways)))
        found[level.lower()] = Cache(kib=kib, ways=nearest)
    return Caches(**found), assumed
