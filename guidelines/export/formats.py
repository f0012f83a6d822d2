"""A torch module as a file that backends read, with the input and output to prove it by."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.results.record.backends import ModelFormat

if TYPE_CHECKING:
    import torch
    from torch import nn

# As in guidelines.export.exporter.formats, which imports torch.
OPSET = 17


def example_input(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Return the input that the worker draws too: the beginning of one seeded stream."""
    import torch

    values = np.random.RandomState(seed).standard_normal(int(np.prod(shape)))
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def export_onnx(module: nn.Module, x: torch.Tensor) -> bytes:
    """Return `module`, traced with `x`, as an ONNX file; its input is called x, its output y."""
    from guideline_benchmarks.guidelines.export.exporter import formats

    return formats.export_onnx(module, (x,))


def export_torch(module: nn.Module, _: torch.Tensor) -> bytes:
    """Return `module` as a pickle that torch.load reads."""
    from guideline_benchmarks.guidelines.export.exporter import formats

    return formats.export_torch(module)


def export_program(module: nn.Module, x: torch.Tensor) -> bytes:
    """Return `module`, traced with `x`, as a program that torch.export.load reads."""
    from guideline_benchmarks.guidelines.export.exporter import formats

    return formats.export_program(module, (x,))


EXPORTERS: dict[ModelFormat, Callable[[nn.Module, torch.Tensor], bytes]] = {
    "onnx": export_onnx,
    "torch": export_torch,
    "exported": export_program,
}


def npz(arrays: Iterable[NDArray[Any]]) -> bytes:
    """Return arrays as the content of a .npz file, named by their places."""
    content = io.BytesIO()
    named: dict[str, Any] = {str(place): array for place, array in enumerate(arrays)}
    np.savez(content, **named)
    return content.getvalue()


def npy(values: NDArray[Any]) -> bytes:
    """Return an array as the content of a .npy file."""
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()
