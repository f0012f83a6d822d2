"""Executed instructions instead of time, under an emulator that counts (../emulator/counter.c)."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from .backends.interface import LoadedNetwork

# Places in a file to which nobody else goes: going there marks what is to be counted.
BEGIN, END = 0x7E57BE61, 0x7E57E4D5
ATTEMPTS = 1000
# As counter.c writes them.
FIGURES = ("instructions", "branches", "memory_bytes", "l1i_misses", "l1d_misses", "l2_misses")
FORMAT = struct.Struct("=6Q")


def bracketed(file: int, execute: Callable[[], None]) -> tuple[int, ...]:
    """Execute once between two marks; return what the counter then wrote into the open `file`."""
    os.lseek(file, BEGIN, os.SEEK_SET)
    execute()
    os.lseek(file, END, os.SEEK_SET)
    return FORMAT.unpack(os.pread(file, FORMAT.size, 0) or bytes(FORMAT.size))


def counted(network: LoadedNetwork, times: int, path: str) -> dict[str, list[int]]:
    """Execute `times` times in a row; return what each execution counted, by figure.

    The counter writes its counts into the file `path` at each end. Raises RuntimeError when it
    counts nothing: then this program does not run under the counter.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        # It begins some time after the first mark.
        if not any(bracketed(file, lambda: None)[0] for _ in range(ATTEMPTS)):
            raise RuntimeError("no instruction was counted")
        counts = [bracketed(file, network.run) for _ in range(times)]
    finally:
        os.close(file)
    return {name: list(numbers) for name, numbers in zip(FIGURES, zip(*counts))}
