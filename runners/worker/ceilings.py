"""What a machine can reach at most, with the same runtime that runs the networks.

Arrays are streamed whose working sets fit one cache after the other, and none of them; and two
large square matrices are multiplied. Of several tries the fastest counts: it is a ceiling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Callable, NamedTuple

from .machine.host import memory

LEAST_NS, MOST_TIMES, TRIES = 4_000_000, 200, 5
FLOAT_BYTES = 4
# On a GPU: from what any second-level cache holds to what none does, or a part of the card's
# memory; and matrices that keep any card busy.
GPU_SMALLEST, GPU_LARGEST, GPU_OF_MEMORY, GPU_ROWS = 2**21, 2**31, 8, 8192
# The bytes that small arrays, copied again and again, move in one go.
COPIED = 2**28
# On a CPU: from what a first-level cache does not hold to what no cache does, unless the machine
# has too little memory; and matrices whose product takes some hundredths of a second on one core.
SMALLEST, LARGEST, OF_MEMORY, ROWS = 3 * 2**16, 3 * 2**26, 16, 768

Time = Callable[[Callable[[], None], int], int]


class Work(NamedTuple):
    """Something that is done again and again, and how much it is: bytes, or multiply-adds."""

    do: Callable[[], None]
    amount: int


def rate(work: Work, time: Time) -> float:
    """Return how much of it is done in a second at most.

    `time` returns the ns that something takes, done so many times in a row.
    """
    once = max(1, min(time(work.do, 1) for _ in range(2)))
    times = max(1, min(MOST_TIMES, LEAST_NS // once))
    fastest = min(time(work.do, times) for _ in range(TRIES))
    return work.amount * times / max(1, fastest) * 1e9


def ceilings(
    stream: Callable[[int], Work],
    working_sets: Iterable[int],
    products: Mapping[str, Callable[[], Work]],
    time: Time,
) -> dict[str, Any] | None:
    """Return the ceilings (see results.record.ceilings.Ceilings), without what cannot be measured.

    `stream` makes the work of a working set in bytes, `products` the matrix product of each
    precision. Each is made when the one before is gone, so that no two take memory at a time.
    None where no stream or no product can be measured.
    """
    streams = {size: attempted(partial(stream, size), time) for size in working_sets}
    rates = {name: attempted(make, time) for name, make in products.items()}
    found = {
        "streams": [
            {"working_set": size, "bytes_per_second": found}
            for size, found in streams.items()
            if found
        ],
        "products": {name: found for name, found in rates.items() if found},
    }
    return found if all(found.values()) else None


def cpu_ceilings(
    adding: Callable[[tuple[int]], Callable[[], None]],
    multiplying: Callable[[tuple[int, int]], Callable[[], None]],
    precision: str,
    time: Time,
) -> dict[str, Any] | None:
    """Return the ceilings of this machine's CPU with one runtime (see `ceilings`).

    `adding` returns what adds two arrays of a shape, as many bytes as in STREAM's triad, and
    `multiplying` what multiplies two matrices of a shape, in that precision.
    """

    def stream(working_set: int) -> Work:
        size = working_set // (3 * FLOAT_BYTES)
        return Work(adding((size,)), 3 * FLOAT_BYTES * size)

    def product() -> Work:
        return Work(multiplying((ROWS, ROWS)), ROWS**3)

    return ceilings(stream, cpu_working_sets(memory()), {precision: product}, time)


def attempted(make: Callable[[], Work], time: Time) -> float | None:
    """Return the rate of some work, None where there is too little memory or no code for it."""
    try:
        return rate(make(), time)
    except (RuntimeError, MemoryError):
        return None


def cpu_working_sets(memory: int) -> list[int]:
    """Return the working sets in bytes for a machine with so many bytes of memory, 0 if unknown."""
    return working_sets(SMALLEST, min(LARGEST, memory // OF_MEMORY) if memory else LARGEST)


def gpu_working_sets(memory: int) -> list[int]:
    """Return the working sets in bytes for a card with so many bytes of memory."""
    return working_sets(GPU_SMALLEST, min(GPU_LARGEST, memory // GPU_OF_MEMORY))


def working_sets(least: int, most: int) -> list[int]:
    """Return sizes in bytes from `least` on, each four times the one before, up to `most`."""
    sizes = [least]
    while sizes[-1] * 4 <= most:
        sizes.append(sizes[-1] * 4)
    return sizes
