"""What a runtime really executes, read from its own account of it."""

from __future__ import annotations

import base64
from typing import Any

import onnx

from results.schema import Operators

_CONVOLUTIONS = {"Conv", "FusedConv", "NhwcFusedConv", "NhwcConv"}
# The inputs of a convolution are x, weights and bias; ONNX Runtime appends a fused addition.
_INPUTS_WITH_SUM = 4


def executed_operators(account: dict[str, Any]) -> Operators:
    """Return the operators of one execution from the worker's account (worker.backends).

    Raises ValueError or onnx's DecodeError when a graph cannot be read.
    """
    if "operators" in account:
        return Operators.model_validate(account["operators"])
    return count_operators(onnx.load_from_string(base64.b64decode(account["graph"])))


def count_operators(model: onnx.ModelProto) -> Operators:
    """Count convolutions, additions and ReLUs of a graph, fused ones included."""
    convolutions = adds = relus = 0
    for node in model.graph.node:
        inputs = [name for name in node.input if name]
        if node.op_type in _CONVOLUTIONS:
            convolutions += 1
            adds += len(node.input) == _INPUTS_WITH_SUM and bool(node.input[-1])
        elif node.op_type in ("Add", "Sum"):
            adds += len(inputs) - 1
        relus += node.op_type == "Relu" or _activation(node) == "Relu"
    return Operators(convolutions=convolutions, adds=adds, relus=relus)


def _activation(node: onnx.NodeProto) -> str | None:
    for attribute in node.attribute:
        if attribute.name == "activation":
            return str(attribute.s.decode())
    return None


def failure(error: float, tolerance: float, executed: Operators, claimed: Operators) -> str | None:
    """Say why a network must not be timed, or None when it does what its cell claims.

    `error` is its output's difference from torch's over the largest output.
    """
    if not error <= tolerance:
        return f"its output differs from torch's by {error:.2g} of the largest value"
    for name, wanted in claimed.model_dump().items():
        found = getattr(executed, name)
        if found != wanted:
            return f"it executes {found} {name} where the cell claims {wanted}"
    return None
