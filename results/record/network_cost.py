"""What a network costs, layer by layer, as networks.layer_cost counts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from guideline_benchmarks.results.record.bounds import (
    STRICT,
    NonNegative,
    NonNegativeInt,
    PositiveInt,
)


@dataclass(frozen=True)
class CountedLayer:
    """One operator that multiplies and adds, as often as it runs; sizes in elements.

    `name` is where it stands in the network, `activations` are the elements of its output.
    `memory_access_bound` is the least memory access cost that its multiply-adds allow (Eq. 1), None
    for what is neither a convolution nor a fully connected layer.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    operator: str
    inputs: tuple[tuple[NonNegativeInt, ...], ...]
    outputs: tuple[tuple[NonNegativeInt, ...], ...]
    multiply_adds: NonNegativeInt
    weights: NonNegativeInt
    activations: NonNegativeInt
    memory_access_cost: NonNegativeInt
    memory_access_bound: NonNegative | None = None


@dataclass(frozen=True)
class NetworkCost:
    """The sum over a network's layers; memory in elements of `element_bytes` bytes each.

    `weights` are all of the network's, those of batch norms and biases included, each once.
    `uncounted` are operators that multiply and add, too, but that nobody counts, with how often
    each ran.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    layers: tuple[CountedLayer, ...]
    weights: NonNegativeInt
    element_bytes: PositiveInt
    multiply_adds: NonNegativeInt
    activations: NonNegativeInt
    memory_access_cost: NonNegativeInt
    memory_access_bytes: NonNegativeInt
    memory_access_bound: NonNegative
    uncounted: dict[str, PositiveInt] = field(default_factory=dict)
