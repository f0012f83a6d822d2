"""ONNX Runtime's own quantiser, in its QDQ form: activations in uint8, weights in int8."""

from __future__ import annotations

import importlib.metadata
import logging
import tempfile
from pathlib import Path
from typing import Any

import onnx
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


class OneSet(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    """One set of inputs to calibrate on."""

    def __init__(self, inputs: Inputs) -> None:
        self.left = [dict(inputs)]

    def get_next(self) -> dict[str, Any] | None:
        """Return the inputs, and None from then on."""
        return self.left.pop() if self.left else None


def versions() -> dict[str, str]:
    """Return the version of ONNX Runtime."""
    return {"onnxruntime": importlib.metadata.version("onnxruntime")}


def quantise(model: bytes, inputs: Inputs, weight_bits: int) -> tuple[bytes, Quantisation]:
    """Return an ONNX model in int8, weights by channel; raises BadInputError where it fails."""
    # It says that models might be optimised before, which these need not be.
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
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
