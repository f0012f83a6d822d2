"""The ceilings of a machine, as measured beside the networks with the same runtime."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Annotated

import numpy as np
from pydantic import Field

from guideline_benchmarks.results.record.bounds import PositiveInt, Speed
from guideline_benchmarks.results.record.platform import Record


class Stream(Record):
    """How fast arrays are streamed that hold `working_set` bytes together: bytes moved a second."""

    working_set: PositiveInt
    bytes_per_second: Speed


class Ceilings(Record):
    """What one process could reach at most.

    `streams` come in order of their working sets; the last is too large for any cache. `products`
    are multiply-adds a second of a large matrix product, by precision. `kernel_ns` is what a GPU
    takes for a kernel that does next to nothing, one of many in a graph; None elsewhere.
    """

    streams: Annotated[list[Stream], Field(min_length=1)]
    products: Annotated[dict[str, Speed], Field(min_length=1)]
    kernel_ns: Speed | None = None

    @property
    def memory_bandwidth(self) -> float:
        """Bytes a second to and from memory, past all caches."""
        return self.streams[-1].bytes_per_second

    def bandwidth(self, working_set: float) -> float:
        """Return the bytes a second of a working set in bytes.

        Between two measured ones the logarithms are interpolated; beyond them the nearest counts.
        What a larger working set reaches, a smaller one can, too: where it was slower, starting
        each stream took the time.
        """
        sizes = np.log([stream.working_set for stream in self.streams])
        rates = np.log([stream.bytes_per_second for stream in self.streams])
        rates = np.maximum.accumulate(rates[::-1])[::-1]
        return float(np.exp(np.interp(np.log(max(working_set, 1.0)), sizes, rates)))


def typical(measured: Sequence[Ceilings]) -> Ceilings | None:
    """Return the median of what several processes of one run reached, None of none."""
    if not measured:
        return None
    rates: dict[int, list[float]] = {}
    products: dict[str, list[float]] = {}
    for one in measured:
        for stream in one.streams:
            rates.setdefault(stream.working_set, []).append(stream.bytes_per_second)
        for name, rate in one.products.items():
            products.setdefault(name, []).append(rate)
    kernels = [one.kernel_ns for one in measured if one.kernel_ns is not None]
    return Ceilings(
        streams=[
            Stream(working_set=size, bytes_per_second=median(found))
            for size, found in sorted(rates.items())
        ],
        products={name: median(found) for name, found in products.items()},
        kernel_ns=median(kernels) if kernels else None,
    )
