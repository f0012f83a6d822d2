"""The program that converts for LiteRT, run by the environment of litert_environment.

It imports nothing of this suite. A request is a line of JSON on standard input, its answer one on
standard output:

    {"do": "convert", "program": path, "model": path}
                             convert a program of torch.export's into a .tflite file
    {"do": "quantise", "model": path, "inputs": path}
                             quantise a .tflite file in place, calibrated on the arrays of an .npz
                             file, in the order of its inputs
    {}                       converted
    {"arrays": n, "constants": n, "error": fraction}
                             quantised: that many arrays and weights, and how far outputs lie from
                             those in float, by LiteRT's reference kernels and over the largest
    {"refused": sentence}    why it cannot be done
    {"missing": sentence}    what this environment lacks
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

IMAGES = 4
# What torch calls all kinds of them.
CONVOLUTIONS = ("aten.conv", "aten._convolution")


def convert(program: str, model: str) -> dict[str, Any]:
    """Write a program of torch.export's as a .tflite file, images with channels last (NHWC).

    What convolves nothing keeps them first (NCHW). The file's only signature is called after that.
    """
    import litert_torch
    import torch

    loaded = torch.export.load(program)
    module, (args, _) = loaded.module(), loaded.example_inputs
    layout = "NCHW"
    if any(str(node.target).startswith(CONVOLUTIONS) for node in loaded.graph.nodes):
        layout = "NHWC"
        found = module(*args)
        outputs = found if isinstance(found, (list, tuple)) else [found]
        module = litert_torch.to_channel_last_io(module, args=images(args), outputs=images(outputs))
        args = tuple(channels_last(tensor) for tensor in args)
    converted = litert_torch.signature(layout, module, args).convert()
    with open(model, "wb") as file:  # noqa: PTH123
        file.write(converted.model_content())
    return {}


def quantise(model: str, inputs: str) -> dict[str, Any]:
    """Make a .tflite file one of int8, weights by channel; its inputs and outputs stay in float."""
    import numpy as np
    from ai_edge_quantizer import quantizer

    with open(model, "rb") as file:  # noqa: PTH123
        content = file.read()
    with np.load(inputs) as arrays:
        values = [arrays[str(place)] for place in range(len(arrays))]
    tool = quantizer.Quantizer(content, recipe())
    calibrated = tool.calibrate({None: [given(content, values)]}, num_threads=1)
    made = tool.quantize(calibrated, enable_progress_bar=False, enable_progress_report=False)
    quantised = bytes(made.quantized_model)
    with open(model, "wb") as file:  # noqa: PTH123
        file.write(quantised)
    found = zip(outputs(quantised, values), outputs(content, values), strict=True)
    error = max(float(abs(y - wanted).max() / (abs(wanted).max() or 1)) for y, wanted in found)
    return {**counted(quantised), "error": error}


def recipe() -> Any:
    """Return what is to be quantised: all but the network's inputs and outputs."""
    from ai_edge_quantizer import algorithm_manager, qtyping, recipe_manager

    manager = recipe_manager.RecipeManager()
    kinds = qtyping.TFLOperationName
    manager.add_static_config(
        regex=".*", operation_name=kinds.ALL_SUPPORTED, activation_num_bits=8, weight_num_bits=8
    )
    for kind in (kinds.INPUT, kinds.OUTPUT):
        nothing = algorithm_manager.AlgorithmName.NO_QUANTIZE
        manager.add_quantization_config(regex=".*", operation_name=kind, algorithm_key=nothing)
    return manager.get_quantization_recipe()


def given(model: bytes, values: list[Any]) -> dict[str, Any]:
    """Return the values of a model's inputs by name, in its layout of images and its types."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model)
    layout = next(iter(interpreter.get_signature_list()))
    runner = interpreter.get_signature_runner(layout)
    details = {found["index"]: name for name, found in runner.get_input_details().items()}
    result = {}
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        turned = value.transpose(0, 2, 3, 1) if layout == "NHWC" and value.ndim == IMAGES else value
        result[details[detail["index"]]] = turned.astype(detail["dtype"])
    return result


def outputs(model: bytes, values: list[Any]) -> list[Any]:
    """Return a model's outputs in float, computed by LiteRT's reference kernels."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    named = given(model, values)
    (name, signature), *_ = interpreter.get_signature_list().items()
    found = interpreter.get_signature_runner(name)(**named)
    return [found[output].astype("float64") for output in signature["outputs"]]


def counted(model: bytes) -> dict[str, Any]:
    """Count the arrays and the weights of a model that are quantised to 8 bits."""
    from ai_edge_litert import schema_py_generated as schema

    read = schema.ModelT.InitFromPackedBuf(model)
    small = [one for one in read.subgraphs[0].tensors if one.type == schema.TensorType.INT8]
    constants = sum(read.buffers[one.buffer].data is not None for one in small)
    return {"arrays": len(small) - constants, "constants": constants}


def images(tensors: Any) -> list[int]:
    """Return the places of the tensors that have four axes."""
    return [place for place, tensor in enumerate(tensors) if tensor.ndim == IMAGES]


def channels_last(tensor: Any) -> Any:
    """Return images of shape (n, c, h, w) as (n, h, w, c), other tensors as they are."""
    return tensor.permute(0, 2, 3, 1).contiguous() if tensor.ndim == IMAGES else tensor


def answer(line: str) -> dict[str, Any]:
    """Do what a line asks for."""
    request = json.loads(line)
    known: dict[str, Callable[..., dict[str, Any]]] = {"convert": convert, "quantise": quantise}
    do = known[request.pop("do")]
    try:
        return do(**request)
    except ImportError as error:
        return {"missing": f"{type(error).__name__}: {error}"}
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"}


def streams() -> tuple[TextIO, TextIO]:
    """Return where requests come from and answers go; whatever else is printed goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for place in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), place)
    return sys.stdin, answers


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = streams()
    for line in requests:
        answers.write(json.dumps(answer(line)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
