"""LiteRT models: what one executes, and models of one operator each, made on the spot.

The schema and what reads it come with LiteRT's package.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from .interface import Array

KINDS = schema.BuiltinOperator
CONVOLUTIONS = {
    KINDS.CONV_2D,
    KINDS.DEPTHWISE_CONV_2D,
    KINDS.TRANSPOSE_CONV,
    KINDS.CONV_3D,
    KINDS.CONV_3D_TRANSPOSE,
}
ADDITIONS = {KINDS.ADD, KINDS.ADD_N}
RELU = schema.ActivationFunctionType.RELU
NUMBERS = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
}
IDENTIFIER = b"TFL3"


def operators(model: bytes) -> dict[str, int]:
    """Count a model's convolutions, additions of two arrays that depend on its input, and ReLUs.

    An activation that an operator applies to its output counts as one.
    """
    read = schema.ModelT.InitFromPackedBuf(model)
    found = {"convolutions": 0, "adds": 0, "relus": 0}
    # Further graphs are what composites are made of, and by what windows are reduced.
    graphs = [read.subgraphs[0]]
    while graphs:
        graph = graphs.pop()
        for operator in graph.operators:
            kind = kind_of(read, operator)
            if kind == KINDS.STABLEHLO_COMPOSITE:
                graphs.append(read.subgraphs[operator.builtinOptions2.decompositionSubgraphIndex])
            sources = [place for place in operator.inputs if place >= 0]
            constants = sum(is_constant(read, graph.tensors[place]) for place in sources)
            found["convolutions"] += kind in CONVOLUTIONS
            found["adds"] += len(sources) - 1 if kind in ADDITIONS and not constants else 0
            activation = getattr(operator.builtinOptions, "fusedActivationFunction", None)
            found["relus"] += kind == KINDS.RELU or activation == RELU
    return found


def kind_of(model: Any, operator: Any) -> int:
    """Return the number of an operator's kind; small ones may stand in an older field."""
    code = model.operatorCodes[operator.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def is_constant(model: Any, tensor: Any) -> bool:
    """Whether a tensor's numbers stand in the file."""
    return model.buffers[tensor.buffer].data is not None


def addition(size: int) -> bytes:
    """Return the model of y = a + b, vectors of so many float32."""
    vectors = [tensor((size,), np.dtype(np.float32)) for _ in range(3)]
    return one_operator(KINDS.ADD, vectors, inputs=2)


def product(rows: int, kind: Any) -> bytes:
    """Return the model of y = a · w, square matrices of so many rows; w is a constant of ones.

    `kind` is numpy's, float32 or int8.
    """
    shape, kind = (rows, rows), np.dtype(kind)
    matrices = [tensor(shape, kind), tensor(shape, kind), tensor(shape, kind)]
    # As LiteRT has it, weights are the second input.
    matrices[1].buffer = 1
    return one_operator(KINDS.FULLY_CONNECTED, matrices, 1, np.ones(shape, kind))


def tensor(shape: tuple[int, ...], kind: Any) -> Any:
    """Return the description of an array without a name; quantised ones in steps of 1."""
    made = schema.TensorT()
    made.shape, made.type, made.buffer = list(shape), NUMBERS[kind], 0
    if kind == np.int8:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [1.0], [0]
    return made


def one_operator(
    kind: int, tensors: list[Any], inputs: int, constant: Array | None = None
) -> bytes:
    """Return a model of one operator; its first tensors are inputs, its last one is the output."""
    model, graph, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    code, nothing = schema.OperatorCodeT(), schema.BufferT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = (
        3,
        [code],
        [graph],
        [nothing],
    )
    code.builtinCode = code.deprecatedBuiltinCode = kind
    # The first one that knows int8.
    code.version = 4 if kind == KINDS.FULLY_CONNECTED else 1
    if constant is not None:
        weights = schema.BufferT()
        weights.data = np.frombuffer(constant.tobytes(), np.uint8)
        model.buffers.append(weights)
    last = len(tensors) - 1
    graph.tensors, graph.operators = tensors, [operator]
    graph.inputs, graph.outputs = list(range(inputs)), [last]
    operator.inputs, operator.outputs = list(range(last)), [last]
    options = {
        KINDS.ADD: (schema.BuiltinOptions.AddOptions, schema.AddOptionsT),
        KINDS.FULLY_CONNECTED: (
            schema.BuiltinOptions.FullyConnectedOptions,
            schema.FullyConnectedOptionsT,
        ),
    }
    operator.builtinOptionsType, make = options[kind]
    operator.builtinOptions = make()
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
