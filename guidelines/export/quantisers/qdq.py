"""What is quantised in an ONNX model in which pairs of operators say so (QDQ), and what it does.

The reference is ONNX Runtime without any optimisation: each operator then computes in float between
the two that round to steps, and no kernel for int8 is used.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import onnx
import onnxruntime

from guideline_benchmarks.guidelines.export.quantisers import Inputs
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.quantisation import Quantisation
from guideline_benchmarks.runners.worker.arrays import worst_error

Type = Literal["int8", "uint8"]
TYPES: dict[int, Type] = {onnx.TensorProto.INT8: "int8", onnx.TensorProto.UINT8: "uint8"}


def described(
    model: onnx.ModelProto, original: bytes, inputs: Inputs, tool: str, weight_bits: int
) -> Quantisation:
    """Return how a model is quantised, and how far its outputs lie from those of the original.

    Weights may be constants in int8, or quantised in it. Raises BadInputError for outputs that are
    not finite.
    """
    error = worst_error(outputs(model.SerializeToString(), inputs), outputs(original, inputs))
    if error is None:
        raise BadInputError("In int8 this network's outputs are not finite: it cannot be proved.")
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    constants = set(kinds)
    arrays: list[Type] = []
    weights: list[Type] = []
    quantised = {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            quantised[node.output[0]] = node.input[0]
        if node.op_type != "DequantizeLinear" or kinds.get(_zero_point(node)) not in TYPES:
            continue
        kind = TYPES[kinds[_zero_point(node)]]
        source = quantised.get(node.input[0], node.input[0])
        (weights if source in constants else arrays).append(kind)
    return Quantisation(
        tool=tool,
        format="QDQ",
        activations=tuple(sorted(set(arrays))),
        weights=tuple(sorted(set(weights))),
        weight_bits=weight_bits,
        arrays=len(arrays),
        constants=len(weights),
        error=error,
    )


def outputs(model: bytes, inputs: Inputs) -> dict[str, Any]:
    """Return the outputs of a model by name, computed without any optimisation."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _zero_point(node: onnx.NodeProto) -> str:
    return cast(str, node.input[2]) if len(node.input) > 2 else ""
