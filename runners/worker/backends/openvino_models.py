"""Operators of OpenVINO's models, before they are compiled; and a model of one product in int8."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino
from openvino import opset13

CONVOLUTIONS = {"Convolution", "GroupConvolution"}
# The steps of a range in 8 bits, and such a range that its steps are 1.
LEVELS, LOWEST, HIGHEST = 256, 0.0, 255.0


def kind(op: Any) -> str:
    """Return what an operator of a model counts as.

    Adding a constant is none of a cell's additions: every convolution's bias is one.
    """
    name = str(op.get_type_name())
    if name in CONVOLUTIONS:
        return "convolution"
    if name == "Add" and any(is_constant(op.input_value(i).get_node()) for i in range(2)):
        return "bias"
    return name


def is_relu(op: Any) -> bool:
    """Whether an operator of a model is a ReLU."""
    return bool(op.get_type_name() == "Relu")


def done_by(relu: Any) -> set[str]:
    """Return the names of what may do a ReLU's work: itself, or what rounds to steps from zero."""
    rounding = [op for op in users(relu) if rounds_from_zero(op)]
    following = [after for op in rounding for after in users(op)]
    return {op.get_friendly_name() for op in (relu, *rounding, *following)}


def users(op: Any) -> list[Any]:
    """Return the operators that take an operator's only output."""
    return [port.get_node() for port in op.output(0).get_target_inputs()]


def rounds_from_zero(op: Any) -> bool:
    """Whether an operator rounds to steps of which none is below zero."""
    if op.get_type_name() != "FakeQuantize":
        return False
    lowest = op.input_value(1).get_node()
    return bool(lowest.get_type_name() == "Constant" and (lowest.data >= 0).all())


def is_constant(op: Any) -> bool:
    """Whether an operator depends on no number of the input; its shape is known beforehand."""
    if op.get_type_name() in ("Constant", "ShapeOf"):
        return True
    sources = [value.get_node() for value in op.input_values()]
    return bool(sources) and all(map(is_constant, sources))


def quantised_product(shape: tuple[int, ...]) -> Any:
    """Return the model of y = a · w, a in uint8 and w ones in int8, square matrices of a shape."""
    a = opset13.parameter(list(shape), np.uint8)
    weights = opset13.constant(np.ones(shape, np.int8))
    product = opset13.matmul(in_float(a), in_float(weights), False, False)
    ends = [opset13.constant(np.float32(end)) for end in (LOWEST, HIGHEST) * 2]
    # Or else its result would not be one of 8 bits.
    y = opset13.fake_quantize(product, *ends, LEVELS)
    a.output(0).set_names({"a"})
    y.output(0).set_names({"y"})
    return openvino.Model([y], [a])


def in_float(array: Any) -> Any:
    """Return an array of 8 bits as its numbers in float, as a quantised model has it."""
    return opset13.multiply(opset13.convert(array, np.float32), opset13.constant(np.float32(1)))
