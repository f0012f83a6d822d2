"""Executed instructions instead of time, under an emulator that counts (../emulator/counter.c)."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from .backends import LoadedNetwork

# Process numbers that no kernel gives: asking for them marks what is to be counted.
BEGIN, END = 0x7E57BE61, 0x7E57E4D5
FIGURES = ("instructions", "l1d_misses", "l2_misses")
FORMAT = struct.Struct("=3Q")


def mark(number: int) -> None:
    """Tell the counter to begin or to end."""
    try:
        os.getpgid(number)
    except OSError:
        return


def counted(network: LoadedNetwork, times: int, path: str) -> dict[str, list[int]]:
    """Execute `times` times in a row; return what each execution counted, by figure.

    The counter writes its counts into the file `path` at each end. Raises RuntimeError when it
    counted nothing: then this program does not run under the counter.
    """
    counts: dict[str, list[int]] = {name: [] for name in FIGURES}
    with Path(path).open("rb", buffering=0) as file:
        for _ in range(times):
            mark(BEGIN)
            network.run()
            mark(END)
            file.seek(0)
            for name, value in zip(FIGURES, FORMAT.unpack(file.read(FORMAT.size) or bytes(24))):
                counts[name].append(value)
    if not all(counts["instructions"]):
        raise RuntimeError("no instruction was counted")
    return counts
