"""Outputs that a measurement can be proved by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from guideline_benchmarks.guidelines.export.exporter.errors import RefusedError

# How far two executions of one network may lie apart, as a fraction of the largest value: threads
# add up in another order each time.
SAME = 1e-4


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write arrays into a .npz file, called by their places: names may hold anything."""
    named: dict[str, Any] = {str(place): array for place, array in enumerate(arrays.values())}
    np.savez(path, **named)


def checked(model: str, outputs: dict[str, Any], values: Any) -> None:
    """Raise RefusedError unless outputs hold numbers, all of them finite."""
    if not outputs or not any(y.size for y in outputs.values()):
        raise RefusedError(f"{model} returns nothing: its output is empty.")
    for name, y in outputs.items():
        if y.dtype.kind == "f" and not np.isfinite(y).all():
            which = f" ({name})" if len(outputs) > 1 else ""
            raise RefusedError(
                f"{model} returns values that are not finite{which} {values.advice()}."
            )


def refuse_random(model: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Raise RefusedError when two executions on the same inputs gave different outputs."""
    for name, y in one.items():
        if not same(y, other[name]):
            which = f" ({name})" if len(one) > 1 else ""
            raise RefusedError(
                f"{model} returns something else each time{which}: a dropout that is always on, a "
                "random operator or a state that it keeps. Only what is repeatable can be proved "
                "and measured: switch that off."
            )


def same(y: Any, other: Any) -> bool:
    """Whether two outputs are the same, but for the order in which threads add up."""
    if y.shape != other.shape:
        return False
    if y.dtype.kind != "f":
        return bool((y == other).all())
    # Infinities and NaN are told otherwise.
    if not y.size or not (np.isfinite(y).all() and np.isfinite(other).all()):
        return True
    apart = np.abs(y.astype(np.float64) - other).max()
    return bool(apart <= SAME * (np.abs(y.astype(np.float64)).max() or 1.0))
