"""The arrays that networks read and write, and how an output is compared with what is expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .backends.interface import Array, Arrays

CACHE_LINE = 64


def aligned(shape: Sequence[int], kind: Any = np.float32) -> Array:
    """Return zeros of that shape and type that begin on a cache line."""
    wanted = np.dtype(kind)
    size = int(np.prod(shape)) * wanted.itemsize
    raw = np.zeros(size + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    found: Array = raw[start : start + size].view(wanted).reshape(shape)
    return found


def kept_outputs(path: str, names: Sequence[str]) -> Arrays:
    """Return the outputs expected of a network, a .npy of its only one or a .npz in their order."""
    found = np.load(path, mmap_mode="r")
    if isinstance(found, np.ndarray):
        return dict(zip(names, [found]))
    with found:
        return {name: found[str(place)] for place, name in enumerate(names)}


class Buffers:
    """One stream of input and one buffer of output for all networks of float32 that bring none.

    See "Caches" in docs/protocol.md. A network that brings its own values has arrays of its own.
    """

    def __init__(self, cells: Sequence[Mapping[str, Any]], seed: int) -> None:
        self.expected = [kept_outputs(cell["expected"], cell["outputs"]) for cell in cells]
        plain = [index for index, cell in enumerate(cells) if not cell["values"]]
        shapes = [shape for index in plain for shape in cells[index]["inputs"].values()]
        # RandomState's numbers are frozen for good, so boards and desktops draw the same input.
        self.x = aligned([largest(int(np.prod(shape)) for shape in shapes)])
        self.x[:] = np.random.RandomState(seed).standard_normal(self.x.size)
        wanted = [y for index in plain for y in self.expected[index].values()]
        self.y = aligned([largest(int(y.size) for y in wanted)])

    def inputs(self, cell: Mapping[str, Any]) -> Arrays:
        """Return the inputs of a network."""
        if not cell["values"]:
            shapes = cell["inputs"].items()
            return {name: self.x[: int(np.prod(shape))].reshape(shape) for name, shape in shapes}
        found = {}
        for name, values in kept_outputs(cell["values"], list(cell["inputs"])).items():
            found[name] = aligned(values.shape, values.dtype)
            found[name][...] = values
        return found

    def outputs(self, index: int, cell: Mapping[str, Any]) -> Arrays:
        """Return where network number `index` may write, spoilt (see `spoil`)."""
        wanted = self.expected[index]
        if cell["values"]:
            targets = {name: aligned(y.shape, y.dtype) for name, y in wanted.items()}
        else:
            targets = {name: self.y[: y.size].reshape(y.shape) for name, y in wanted.items()}
        spoil(targets, wanted)
        return targets


def largest(sizes: Iterable[int]) -> int:
    """Return the largest of some sizes, 0 of none."""
    return max(sizes, default=0)


def spoil(targets: Arrays, expected: Arrays) -> None:
    """Fill outputs with what is wrong everywhere, so that what is never written is seen."""
    for name, target in targets.items():
        if target.dtype.kind == "f":
            target.fill(np.nan)
        else:
            target[...] = np.invert(expected[name])


def output_error(y: Array, expected: Array) -> float | None:
    """Return the largest difference over the largest expected value.

    Of truth values and whole numbers, such as places of maxima, it is the fraction that differs.
    None for another shape, and for values that are not finite (say, never written).
    """
    if y.shape != expected.shape:
        return None
    if not y.size:
        return 0.0
    if is_exact(expected.dtype):
        return float((y != expected).mean())
    y, expected = (array.astype(np.float64, copy=False) for array in (y, expected))
    if not np.isfinite(y).all():
        return None
    scale = float(np.abs(expected).max()) or 1.0
    return float(np.abs(y - expected).max()) / scale


def is_exact(kind: Any) -> bool:
    """Whether values of a type are truth values or places, which are right or wrong.

    Whole numbers of 8 bits are quantised ones, which may be off by a step as others are by a bit.
    """
    return kind.kind == "b" or (kind.kind in "iu" and kind.itemsize > 1)


def worst_error(found: Arrays, expected: Arrays) -> float | None:
    """Return the largest error of several outputs by name; None if one is missing or infinite."""
    if set(found) != set(expected):
        return None
    return worst([output_error(found[name], wanted) for name, wanted in expected.items()])


def worst(errors: Sequence[float | None]) -> float | None:
    """Return the largest of several output errors, None if one of them is infinite."""
    known = [error for error in errors if error is not None]
    return max(known) if len(known) == len(errors) else None
