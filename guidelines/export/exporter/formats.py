"""A torch module as a file that backends read; also of the suite's own networks."""

from __future__ import annotations

import io
import warnings
from typing import Any

import torch
from torch import nn

from guideline_benchmarks.runners.worker.backends.torch_structures import named_tensors

OPSET = 17
# Operators that OPSET lacks; this exporter knows no later one.
LATEST_OPSET = 20


def export_onnx(
    module: Any,
    args: tuple[Any, ...],
    inputs: tuple[str, ...] = ("x",),
    outputs: tuple[str, ...] = ("y",),
    opset: int = OPSET,
) -> bytes:
    """Return `module`, traced with `args`, as an ONNX file with inputs and outputs so called."""
    model = io.BytesIO()
    with warnings.catch_warnings():
        # This exporter is deprecated, not removed; the new one takes ten times as long a network.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            args,
            model,  # type: ignore[arg-type]  # this exporter takes a buffer, too
            dynamo=False,
            opset_version=opset,
            input_names=list(inputs),
            output_names=list(outputs),
        )
    return model.getvalue()


def export_torch(module: nn.Module) -> bytes:
    """Return `module` as a pickle that torch.load reads."""
    model = io.BytesIO()
    torch.save(module, model)
    return model.getvalue()


class Tensors(nn.Module):
    """A module that returns the tensors in the outputs of another, in the order of their names."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Call the module."""
        return tuple(named_tensors(self.module(*args)).values())


def export_program(module: Any, args: tuple[Any, ...]) -> bytes:
    """Return `module`, traced with `args` by torch.export, as the file of a program of torch's."""
    model = io.BytesIO()
    torch.export.save(torch.export.export(module, args), model)
    return model.getvalue()


def export_called(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Return a module and the arguments that it is called with as one file.

    It is a pickle of {"module": a file of its own, "scripted": whether that is TorchScript, "args",
    "kwargs"} (see runners.worker.backends.torch_cpu.read_module).
    """
    own, model = io.BytesIO(), io.BytesIO()
    scripted = isinstance(module, torch.jit.ScriptModule)
    if scripted:
        torch.jit.save(module, own)
    else:
        torch.save(module, own)
    content = {"module": own.getvalue(), "scripted": scripted, "args": args, "kwargs": kwargs}
    torch.save(content, model)
    return model.getvalue()
