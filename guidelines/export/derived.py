"""Graphs that the suite itself made of a network: kept by content, and what backends read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from guideline_benchmarks.networks.layer_cost import Cost
from guideline_benchmarks.networks.onnx_cost import onnx_cost
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.backends import ModelFormat
from guideline_benchmarks.results.record.cells import DerivedNetwork, Tensor
from guideline_benchmarks.results.store.files import keep_file

Arrays = Mapping[str, NDArray[Any]]


def keep(store: Path, model: ModelProto, of: str, values: Arrays | None = None) -> DerivedNetwork:
    """Keep a graph, with what its inputs are to be (drawn, of shapes that it declares, if None).

    Raises as results.store.files.keep_file does.
    """
    content = model.SerializeToString(deterministic=True)
    given = drawn(model) if values is None else values
    state = hashlib.sha256(content)
    for name in sorted(given):
        state.update(given[name].tobytes())
    graph = state.hexdigest()
    keep_file(_file(store, graph, "onnx"), content)
    keep_file(_file(store, graph, "npz"), _named(given))
    inputs = tuple(Tensor(name, x.shape, str(x.dtype)) for name, x in given.items())
    outputs = tuple(Tensor(value.name, ()) for value in model.graph.output)
    return DerivedNetwork(of, graph, inputs, outputs)


def _named(arrays: Arrays) -> bytes:
    content = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez(content, **named)
    return content.getvalue()


def _file(store: Path, graph: str, suffix: str) -> Path:
    return store / "graphs" / f"{graph}.{suffix}"


def drawn(model: ModelProto) -> dict[str, NDArray[Any]]:
    """Return numbers at random, always the same, for the inputs of a graph, all of float32."""
    random = np.random.RandomState(0)
    shapes = {
        value.name: tuple(size.dim_value for size in value.type.tensor_type.shape.dim)
        for value in model.graph.input
    }
    return {n: random.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


def kept(store: Path, graph: str) -> tuple[ModelProto, dict[str, NDArray[Any]]]:
    """Return a graph that was kept, and its inputs; raises BadInputError where it is gone."""
    try:
        model = onnx.load_from_string(_file(store, graph, "onnx").read_bytes())
        with np.load(io.BytesIO(_file(store, graph, "npz").read_bytes())) as arrays:
            return model, dict(arrays)
    except (OSError, ValueError):
        raise BadInputError(
            "A graph that was made of the network is no longer in the cache: give the same "
            "command again, which makes it anew."
        ) from None


def reference(model: ModelProto, values: Arrays) -> dict[str, NDArray[Any]]:
    """Return what ONNX Runtime computes of a graph without any optimisation, by name."""
    # Imported only now: it may have something to say of where it runs.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_outputs()]
    found: dict[str, NDArray[Any]] = dict(zip(names, session.run(None, dict(values)), strict=True))
    return found


def costs(model: ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> Cost:
    """Return what a graph costs, analytically."""
    return onnx_cost(model, shapes)


def exported(model: ModelProto, values: Arrays, model_format: ModelFormat) -> bytes:
    """Return a graph as a file of a format that backends read, or that their converters do.

    Raises BadInputError for an operator of which no torch module is made, where it is one.
    """
    if model_format == "onnx":
        return bytes(model.SerializeToString())
    from guideline_benchmarks.guidelines.export.exporter import formats
    from guideline_benchmarks.networks.from_onnx.call import UnknownOperatorError
    from guideline_benchmarks.networks.from_onnx.module import torch_module

    try:
        module = torch_module(model)
    except UnknownOperatorError as error:
        raise BadInputError(str(error)) from None
    if model_format == "torch":
        return formats.export_torch(module)
    import torch

    given = tuple(torch.from_numpy(x) for x in values.values())
    return formats.export_program(formats.Tensors(module), given)
