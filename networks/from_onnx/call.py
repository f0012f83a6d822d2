"""A node of an ONNX graph as its operator's function sees it: values, settings and shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from onnx import NodeProto, helper
from torch import Tensor, fx, nn

from guideline_benchmarks.networks.onnx_free import operator

# Where a node of torch.fx keeps a tensor of its value's shape and type, on the device "meta".
LIKE = "like"


class UnknownOperatorError(ValueError):
    """An operator, or a use of one, that no torch module is made of; its text is a sentence."""

    def __init__(self, node: NodeProto, use: str = "") -> None:
        named = f"node {node.name!r}" if node.name else f"the node of {node.output[0]!r}"
        where = f" {use}" if use else ""
        super().__init__(f"The operator {operator(node)}{where} is not known in torch ({named}).")


@dataclass(frozen=True)
class Call:
    """A node with the values of its inputs, None for one that is left out.

    A value is a tensor where it is constant. Elsewhere it is a proxy for one (torch.fx): a function
    of torch's that is called with it is written down, and returns another. `layer` applies a module
    to a value, and `written` a function to values and numbers; it takes what torch.fx could not see
    in the call.
    """

    node: NodeProto
    inputs: tuple[Tensor | None, ...]
    opset: int
    layer: Callable[[nn.Module, Tensor], Tensor]
    written: Callable[..., Any]

    @property
    def x(self) -> Tensor:
        """The first input. Raises UnknownOperatorError where it is left out."""
        return self.value(0)

    @property
    def attributes(self) -> dict[str, Any]:
        """The node's attributes by name; texts as bytes."""
        return {one.name: helper.get_attribute_value(one) for one in self.node.attribute}

    def attribute(self, name: str, default: Any) -> Any:
        """Return an attribute, or what it is where it is left out."""
        return self.attributes.get(name, default)

    def text(self, name: str, default: str) -> str:
        """Return an attribute that is a text."""
        return str(self.attribute(name, default.encode()).decode())

    def setting(self, name: str, place: int, default: Any = None) -> Any:
        """Return what is an attribute in early opsets, and a constant input in later ones.

        Raises UnknownOperatorError where the input is computed.
        """
        if self.optional(place) is None:
            return self.attribute(name, default)
        return self.constant(place).tolist()

    def unknown(self, use: str) -> UnknownOperatorError:
        """Return an error that says in which use this operator is not known."""
        return UnknownOperatorError(self.node, use)

    def optional(self, place: int) -> Tensor | None:
        """Return an input, None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def value(self, place: int) -> Tensor:
        """Return an input. Raises UnknownOperatorError where it is left out."""
        found = self.optional(place)
        if found is None:
            raise self.unknown(f"without input {place}")
        return found

    def constant(self, place: int) -> Tensor:
        """Return an input that is constant. Raises UnknownOperatorError where it is computed."""
        found = self.value(place)
        if not is_constant(found):
            raise self.unknown(f"with a computed input {place}")
        return found

    def optional_constant(self, place: int) -> Tensor | None:
        """Return a constant input, None where it is left out, as `constant` does."""
        return None if self.optional(place) is None else self.constant(place)

    @property
    def rank(self) -> int:
        """The number of axes of the first input."""
        return like(self.x).dim()

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the first input."""
        return tuple(like(self.x).shape)

    def axis(self, default: int) -> int:
        """Return the attribute `axis`, counted from the first axis of the first input."""
        axis = int(self.attribute("axis", default))
        return axis if axis >= 0 else axis + self.rank

    def given(self) -> list[Tensor]:
        """Return all inputs that are not left out."""
        return [value for value in self.inputs if value is not None]


def is_constant(value: Tensor) -> bool:
    """Whether a value is known before the network runs (see Call)."""
    return isinstance(value, Tensor)


def like(value: Tensor) -> Tensor:
    """Return a tensor of a value's shape and type."""
    found: Tensor = value.node.meta[LIKE] if isinstance(value, fx.Proxy) else value
    return found


def torch_type(kind: int) -> torch.dtype:
    """Return torch's type of an element, by ONNX's number of it."""
    found: torch.dtype = getattr(torch, str(helper.tensor_dtype_to_np_dtype(kind)))
    return found


def filled(layer: nn.Module, **tensors: Tensor | None) -> nn.Module:
    """Return a layer with its tensors, in evaluation mode; None stands for one that it lacks.

    It is to be made on torch's device "meta", where it draws no weights.
    """
    given = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    layer.load_state_dict(given, assign=True)
    return layer.requires_grad_(False).eval()
