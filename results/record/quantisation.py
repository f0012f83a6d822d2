"""How a network was quantised, and how far its output may therefore lie from that in float."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from guideline_benchmarks.results.record.bounds import (
    STRICT,
    NonNegative,
    NonNegativeInt,
    WeightBits,
)

# The steps of a range in 8 bits.
STEPS = 255


@dataclass(frozen=True)
class Quantisation:
    """What a network's numbers were made into, once and before it is run (statically).

    `tool` is what did it, by name and version. `format` is how the file says so: pairs of operators
    that quantise and dequantise around operators in float ("QDQ"), which the runtime makes one of,
    or operators that are quantised themselves ("int8"). `activations` are the types of arrays, in
    one step each, `weights` those of weights, in one step for each channel and of so many
    `weight_bits`. Counted are `arrays` and `constants`, those quantised arrays and weights.

    `error` is what this alone does to the network's output, as a fraction of its largest value in
    float: found by a reference that computes with these very steps, without the runtime's kernels.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    tool: str
    format: Literal["QDQ", "int8"]
    activations: tuple[Literal["int8", "uint8"], ...]
    weights: tuple[Literal["int8", "uint8"], ...]
    weight_bits: WeightBits
    arrays: NonNegativeInt
    constants: NonNegativeInt
    error: NonNegative

    @property
    def tolerance(self) -> float:
        """How far an output may lie from that in float, as a fraction of the largest value.

        Beyond `error`: kernels may round otherwise than the reference, each array by a step at
        most. Such differences are independent, so their squares add up.
        """
        return self.error + math.sqrt(self.arrays) / STEPS
