"""The inputs that a network is run on: drawn from a seed, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from guideline_benchmarks.guidelines.export.exporter.errors import RefusedError, first_line

# What whole numbers are drawn from where nothing is said: indices and masks that are always valid,
# and pixels.
_RANGES = {"uint8": (0, 255), "int8": (-128, 127)}
_USUAL = (0, 1)
# An input of more numbers would take more than a gigabyte.
LARGEST = 2**28
# What a network gets of whose input nothing is said.
USUAL_IMAGE = (1, 3, 224, 224)


@dataclass(frozen=True)
class Wanted:
    """An input that a network takes: its name, shape, and what numpy calls its type."""

    name: str
    shape: tuple[int, ...]
    kind: str


class Values:
    """Values of inputs by name: those of the user's file, and else drawn from one seeded stream."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.seed = request["seed"]
        self.ranges = {item["name"]: (item["low"], item["high"]) for item in request["ranges"]}
        self.path = request["values"]
        self.given = _read(Path(self.path)) if self.path else {}

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Return the shape of the value given for an input, None for none."""
        return self.given[name].shape if name in self.given else None

    def of(self, inputs: list[Wanted]) -> dict[str, Any]:
        """Return an array for each input. Raises RefusedError for values that do not fit."""
        names = [wanted.name for wanted in inputs]
        for unknown in [n for n in (*self.ranges, *self.given) if n is not None and n not in names]:
            option = "--values" if unknown in self.given else "--range"
            raise RefusedError(
                f"{option} names {unknown}, and the network's inputs are {', '.join(names)}."
            )
        stream = np.random.RandomState(self.seed)
        return {wanted.name: self._value(wanted, stream) for wanted in inputs}

    def _value(self, wanted: Wanted, stream: Any) -> Any:
        if wanted.name not in self.given:
            limits = self.ranges.get(wanted.name, self.ranges.get(None))
            return drawn(wanted, limits, stream)
        found = self.given[wanted.name]
        if found.shape != wanted.shape:
            raise RefusedError(
                f"{self.path} holds {wanted.name} of shape {list(found.shape)}, and "
                f"{list(wanted.shape)} is asked for."
            )
        kind = np.dtype(wanted.kind)
        if not np.can_cast(found.dtype, kind, "same_kind"):
            raise RefusedError(
                f"{self.path} holds {wanted.name} as {found.dtype}, and the network takes "
                f"{wanted.kind}: convert it with .astype."
            )
        return found.astype(kind)

    def advice(self) -> str:
        """Say what else than drawn values could be tried."""
        if self.path:
            return f"for the values of {self.path}"
        return (
            "for random inputs: give data that it is made for with --values FILE.npz, or numbers "
            "that it can take with --range LOW,HIGH"
        )


def drawn(wanted: Wanted, limits: tuple[float, float] | None, stream: Any) -> Any:
    """Return random values for an input, between `limits` if there are any.

    Numbers with fractions are otherwise from a standard normal distribution, and whole numbers 0
    or 1, or any that 8 bits hold. Raises RefusedError for limits that the type cannot hold.
    """
    kind = np.dtype(wanted.kind)
    size = int(np.prod(wanted.shape))
    if size > LARGEST:
        raise RefusedError(f"The input {wanted.name} is too large: at most {LARGEST} numbers.")
    if kind.kind == "f":
        values = stream.standard_normal(size) if limits is None else stream.uniform(*limits, size)
    elif kind.kind == "b":
        values = stream.randint(0, 2, size)
    else:
        low, high = _RANGES.get(wanted.kind, _USUAL) if limits is None else limits
        least, most = np.iinfo(kind).min, np.iinfo(kind).max
        if not least <= low <= high <= most or low != int(low) or high != int(high):
            raise RefusedError(
                f"--range {low:g},{high:g} is no range of {wanted.kind}, the type of {wanted.name}."
            )
        values = stream.randint(int(low), int(high) + 1, size, dtype=np.int64)
    return values.astype(kind).reshape(wanted.shape)


def _read(path: Path) -> dict[str, Any]:
    """Return the arrays of a .npz file by name."""
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            raise RefusedError(
                f"{path} holds one array without a name: write it with numpy.savez({path.stem!r}, "
                "NAME=array), NAME being the input's."
            )
        with found:
            return {name: found[name] for name in found.files}
    except RefusedError:
        raise
    except FileNotFoundError:
        raise RefusedError(f"There is no file {path}, which --values names.") from None
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {first_line(error)}") from None
    except Exception:
        raise RefusedError(
            f"{path} is no .npz file of plain arrays: write it with numpy.savez."
        ) from None
