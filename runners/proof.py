"""What a runtime really executes, read from its own account of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict

import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from guideline_benchmarks.results.decomposition.operators import parts
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.cells import Operators
from guideline_benchmarks.results.record.consistency import same_operators
from guideline_benchmarks.results.record.instructions import adds_without_saturating
from guideline_benchmarks.results.record.parts import OperatorCall
from guideline_benchmarks.results.record.platform import Machine
from guideline_benchmarks.runners.events import Executed

_CONVOLUTIONS = {"Conv", "FusedConv", "NhwcFusedConv", "NhwcConv"}
_SUMS = {"Add", "Sum"}
# Where the inputs of what rounds to 8 bits have the zero of its output.
_ZERO_PLACES = {"QLinearConv": 7, "QLinearAdd": 7, "QuantizeLinear": 2}
# The inputs of a convolution are x, weights and bias; ONNX Runtime appends a fused addition.
_INPUTS_WITH_SUM = 4


def executed_operators(account: Executed) -> Operators:
    """Return the operators of one execution from the worker's account of it.

    Raises PlatformError when the account holds no graph that can be read.
    """
    if account.operators is not None:
        return account.operators
    return count_operators(_graph(account))


def otherwise(account: Executed, precision: str) -> list[str]:
    """Say which operators of an execution do not run as was asked for.

    Raises PlatformError as executed_operators does.
    """
    if account.operators is not None or precision != "int8":
        return account.otherwise
    names = {node.op_type for node in _graph(account).graph.node}
    return [f"{name} in float" for name in sorted(names & {*_CONVOLUTIONS, *_SUMS, "Relu"})]


def _graph(account: Executed) -> onnx.ModelProto:
    try:
        return onnx.load_from_string(base64.b64decode(account.graph or "", validate=True))
    except (ValueError, DecodeError):
        raise PlatformError("The worker sent a graph that cannot be read.") from None


def count_operators(model: onnx.ModelProto) -> Operators:
    """Count convolutions, additions and ReLUs of a graph, fused ones included.

    What rounds to steps that begin at zero cuts off what is below, and so is a ReLU, too.
    """
    lowest = _zeros(model)
    convolutions = adds = relus = 0
    for node in model.graph.node:
        inputs = [name for name in node.input if name]
        if node.op_type in _CONVOLUTIONS:
            convolutions += 1
            adds += len(node.input) == _INPUTS_WITH_SUM and bool(node.input[-1])
        elif node.op_type in _SUMS:
            adds += len(inputs) - 1
        convolutions += node.op_type == "QLinearConv"
        adds += node.op_type == "QLinearAdd"
        relus += node.op_type == "Relu" or _activation(node) == "Relu"
        place = _ZERO_PLACES.get(node.op_type, len(node.input))
        relus += place < len(node.input) and node.input[place] in lowest
    return Operators(convolutions=convolutions, adds=adds, relus=relus)


def _zeros(model: onnx.ModelProto) -> set[str]:
    """Return the constants that are the lowest number of their type of 8 bits."""
    lowest = {onnx.TensorProto.UINT8: 0, onnx.TensorProto.INT8: -128}
    found = set()
    for tensor in model.graph.initializer:
        here = tensor.data_location == onnx.TensorProto.DEFAULT
        if tensor.data_type in lowest and here and list(tensor.dims) in ([], [1]):
            value = int(numpy_helper.to_array(tensor).reshape(()))
            found |= {tensor.name} if value == lowest[tensor.data_type] else set()
    return found


def _activation(node: onnx.NodeProto) -> str | None:
    for attribute in node.attribute:
        if attribute.name == "activation":
            return str(attribute.s.decode())
    return None


def failure(
    error: float | None, tolerance: float, executed: Operators, claimed: Operators | None
) -> str | None:
    """Say why a network must not be timed, or None when it does what its cell claims.

    `error` is its output's difference from the reference (torch's, or the unoptimised graph's) over
    the largest output, None if infinite. Without a claim about operators only the output counts.
    """
    if error is None:
        return "its output has another shape than the reference, or is not finite"
    if error > tolerance:
        return f"its output differs from the reference by {error:.2g} of the largest value"
    if claimed is None:
        return None
    for name, wanted in asdict(claimed).items():
        found = getattr(executed, name)
        if found != wanted:
            return f"it executes {found} {name} where the cell claims {wanted}"
    return None


def why_quantised_differs(machine: Machine) -> str:
    """Say, after a comma, why 8-bit kernels may give other values than their graph unfused."""
    if not adds_without_saturating(machine.architecture, machine.cpu_features):
        return (
            ", which is its own quantised graph unfused: this CPU has no VNNI, without which "
            "kernels for int8 weights saturate, so that the network's answers are wrong in "
            "deployment here, too. Quantise its weights to 7 bits (reduce_range)"
        )
    return ", which is its own quantised graph unfused: its fused kernels round in other places"


def changed(
    calls: Sequence[OperatorCall] | None, before: Sequence[OperatorCall] | None
) -> str | None:
    """Say why profiles of two processes cannot be put together, or None; order does not matter."""
    if before is None or same_operators(calls or [], before):
        return None
    return "it executes other operators than in the process before"


def uncategorised(calls: Sequence[OperatorCall] | None) -> str | None:
    """Say why a profiled network cannot be taken apart, or None when every operator is known."""
    if not calls:
        return "its profile shows no operator"
    try:
        parts(calls)
    except BadInputError as error:
        return str(error).removesuffix(".")
    return None
