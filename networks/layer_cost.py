"""What layers cost, analytically: multiply-adds, memory access cost and weights.

Standard library only, since whatever exports a user's network needs it, too. Equations are those of
the paper, section 2.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerCost:
    """One convolution, or one fully connected layer seen as a 1×1 convolution of a 1×1 image.

    c1 and c2 are its input and output channels, `groups` its groups, `kernel_area` its kernel's
    height × width, `input_positions` and `output_positions` height × width before and after it.
    Everything is for the whole batch. A `transposed` one applies its kernel at each position of its
    input.
    """

    c1: int
    c2: int
    groups: int
    kernel_area: int
    input_positions: int
    output_positions: int
    batch: int = 1
    transposed: bool = False

    @property
    def weights(self) -> int:
        """Weights in elements: k·c1·c2/g, k the kernel's area; biases are not counted."""
        return self.kernel_area * self.c1 * self.c2 // self.groups

    @property
    def kernel_positions(self) -> int:
        """How often the kernel is applied to one image."""
        return self.input_positions if self.transposed else self.output_positions

    @property
    def multiply_adds(self) -> int:
        """B = h·w·c1·c2/g, times the kernel's area (Eq. 2; Eq. 1 for g = 1)."""
        return self.batch * self.kernel_positions * self.weights

    @property
    def memory_access_cost(self) -> int:
        """MAC in elements: h·w·(c1 + c2) + c1·c2/g (Eq. 1 and 2, with the kernel's area)."""
        feature_maps = self.input_positions * self.c1 + self.output_positions * self.c2
        return self.batch * feature_maps + self.weights

    @property
    def memory_access_bound(self) -> float:
        """The least MAC in elements that this many multiply-adds allow ungrouped (Eq. 1).

        2·sqrt(h·w·B) + B/(h·w) for a 1×1 convolution of one image; reached when c1 = c2, g = 1.
        """
        per_image = self.multiply_adds / self.batch
        other = self.output_positions if self.transposed else self.input_positions
        maps = 2 * math.sqrt(other * per_image / self.kernel_area)
        return self.batch * maps + per_image / max(1, self.kernel_positions)


@dataclass(frozen=True)
class CountedLayer:
    """One operator that multiplies and adds, as often as it runs; sizes in elements.

    `name` is where it stands in the network, `activations` are the elements of its output.
    `memory_access_bound` is that of Eq. (1), None for what is neither a convolution nor a fully
    connected layer.
    """

    name: str
    operator: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    multiply_adds: int
    weights: int
    activations: int
    memory_access_cost: int
    memory_access_bound: float | None = None


@dataclass(frozen=True)
class Cost:
    """The sum over a network's layers; memory in elements of `element_bytes` bytes each.

    `weights` are all of the network's, those of batch norms and biases included, each once.
    `uncounted` are the operators that multiply and add, too, but that nobody counts, with how often
    each ran.
    """

    layers: tuple[CountedLayer, ...]
    weights: int
    element_bytes: int
    uncounted: dict[str, int] = field(default_factory=dict)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all layers."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activations(self) -> int:
        """Elements of the outputs of all layers."""
        return sum(layer.activations for layer in self.layers)

    @property
    def memory_access_cost(self) -> int:
        """Memory access cost of all layers, in elements (Eq. 1 and 2)."""
        return sum(layer.memory_access_cost for layer in self.layers)

    @property
    def memory_access_bytes(self) -> int:
        """Memory access cost of all layers, in bytes."""
        return self.memory_access_cost * self.element_bytes

    @property
    def memory_access_bound(self) -> float:
        """Sum of the lower bounds of Eq. (1), in elements, of the layers that have one."""
        return math.fsum(layer.memory_access_bound or 0.0 for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it (see results.record.network_cost.NetworkCost)."""
        totals = ("multiply_adds", "activations", "memory_access_cost", "memory_access_bytes",
                  "memory_access_bound")  # fmt: skip
        return {**asdict(self), **{name: getattr(self, name) for name in totals}}


def convolution(
    name: str, operator: str, inputs: tuple[Shape, ...], output: Shape, layer: LayerCost
) -> CountedLayer:
    """Return a convolution, or a fully connected layer, as a counted layer."""
    return CountedLayer(
        name,
        operator,
        inputs,
        (output,),
        layer.multiply_adds,
        layer.weights,
        math.prod(output),
        layer.memory_access_cost,
        layer.memory_access_bound,
    )


def product(
    name: str,
    operator: str,
    operands: tuple[Shape, Shape],
    output: Shape,
    inner: int,
    weights: int,
) -> CountedLayer:
    """Return a product of matrices: each element of the output sums `inner` products.

    `weights` are the elements of an operand that is made of weights, 0 if neither is. With them, it
    is a fully connected layer, and so has a bound: h·w = 1, the rows being the batch (Eq. 1).
    """
    size = math.prod(output)
    rows, multiply_adds = 1, size * inner
    bound = None
    if weights and len(operands[1]) <= 2 and size:
        rows = max(1, multiply_adds // max(1, math.prod(operands[1])))
        each = multiply_adds / rows
        bound = 2 * rows * math.sqrt(each) + each
    elements = math.prod(operands[0]) + math.prod(operands[1]) + size
    return CountedLayer(
        name, operator, operands, (output,), multiply_adds, weights, size, elements, bound
    )


def counted_names(names: Any) -> dict[str, int]:
    """Return how often each name stands in some."""
    return dict(sorted(Counter(names).items()))
