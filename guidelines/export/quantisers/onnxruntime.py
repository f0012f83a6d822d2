"""ONNX Runtime's own quantiser, in its QDQ form: activations in uint8, weights in int8."""

from __future__ import annotations

import importlib.metadata
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from guideline_benchmarks.guidelines.export.quantisers import Inputs
from guideline_benchmarks.guidelines.export.quantisers.qdq import described
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.quantisation import Quantisation

# What ONNX Runtime calls levels of what it logs.
WARNINGS, ERRORS = 2, 3


class OneSet(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    """One set of inputs to calibrate on."""

    def __init__(self, inputs: Inputs) -> None:
        self.left = [dict(inputs)]

    def get_next(self) -> dict[str, Any] | None:
        """Return the inputs, and None from then on."""
        return self.left.pop() if self.left else None


@contextmanager
def silenced() -> Iterator[None]:
    """Let nothing be said inside of models that might be optimised before, as these need not be."""
    onnxruntime.set_default_logger_severity(ERRORS)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        onnxruntime.set_default_logger_severity(WARNINGS)


def versions() -> dict[str, str]:
    """Return the version of ONNX Runtime."""
    return {"onnxruntime": importlib.metadata.version("onnxruntime")}


def quantise(model: bytes, inputs: Inputs, weight_bits: int) -> tuple[bytes, Quantisation]:
    """Return an ONNX model in int8, weights by channel; raises BadInputError where it fails."""
    with tempfile.TemporaryDirectory() as name, silenced():
        before, after = Path(name) / "float.onnx", Path(name) / "int8.onnx"
        before.write_bytes(model)
        try:
            quantize_static(
                before,
                after,
                OneSet(inputs),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                # Its name for weights of 7 bits.
                reduce_range=weight_bits < 8,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        except Exception as error:
            raise BadInputError(
                f"ONNX Runtime cannot quantise this network: {' '.join(str(error).split())}."
            ) from None
        content = after.read_bytes()
    tool = f"onnxruntime {versions()['onnxruntime']}"
    return content, described(onnx.load_from_string(content), model, inputs, tool, weight_bits)
