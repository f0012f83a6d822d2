"""What --input and --range say of a network's inputs, read and checked."""

from __future__ import annotations

import math
import re
from typing import Any

from guideline_benchmarks.results.errors import BadInputError

# An input of more numbers would take more than a gigabyte.
LARGEST_INPUT = 2**28
# The name may hold anything, as in "serving_default_images:0=1,224,224,3".
_INPUT = re.compile(r"^(?:(?P<name>.+)=)?(?P<shape>[\d,]*)(?::(?P<kind>[A-Za-z]\w*))?$")
_RANGE = re.compile(r"^(?:(?P<name>.+)=)?(?P<low>[^,=]+),(?P<high>[^,=]+)$")
_ALIASES = {"float": "float32", "half": "float16", "double": "float64", "int": "int64",
            "long": "int64", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}  # fmt: skip
KINDS = ("float32", "float16", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8",
         "uint16", "uint32", "uint64", "bool")  # fmt: skip


def parse_input(text: str) -> dict[str, Any]:
    """Return what one --input says: [NAME=]SIZE,SIZE,…[:TYPE] as name, shape and kind.

    Name and kind are None where not given. Raises BadInputError for anything else.
    """
    found = _INPUT.match(text)
    shape = _sizes(found["shape"]) if found else None
    if found is None or shape is None or not (shape or found["name"]):
        raise BadInputError(
            f"--input {text} is no shape: give sizes above 0, say 1,3,224,224, and for one of "
            "several inputs its name and type, say mask=1,224,224:bool."
        )
    if math.prod(shape) > LARGEST_INPUT:
        raise BadInputError(f"--input {text} is too large: it may hold {LARGEST_INPUT} numbers.")
    kind = found["kind"] and _ALIASES.get(found["kind"], found["kind"])
    if kind is not None and kind not in KINDS:
        raise BadInputError(
            f"--input {text} names the type {found['kind']}: choose of {', '.join(KINDS)}."
        )
    return {"name": found["name"], "shape": shape, "kind": kind}


def _sizes(text: str) -> list[int] | None:
    """Return sizes above 0, none of which stand for a single number; None for anything else."""
    if not text:
        return []
    parts = text.split(",")
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        return None
    return [int(part) for part in parts]


def parse_range(text: str) -> dict[str, Any]:
    """Return what one --range says: [NAME=]LOW,HIGH as name (None for all), low and high.

    Raises BadInputError for anything else.
    """
    found = _RANGE.match(text)
    try:
        low, high = float(found["low"]), float(found["high"])  # type: ignore[index]
        fits = math.isfinite(low) and math.isfinite(high) and low <= high
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise BadInputError(f"--range {text} is no range: give the lowest and highest, say 0,1.")
    return {"name": found and found["name"], "low": low, "high": high}
