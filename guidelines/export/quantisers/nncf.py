"""NNCF, OpenVINO's own quantiser, of ONNX models: what it writes is in QDQ form, too."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
from typing import Any

import onnx

from guideline_benchmarks.guidelines.export.quantisers import Inputs
from guideline_benchmarks.guidelines.export.quantisers.qdq import described
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.quantisation import Quantisation


def versions() -> dict[str, str]:
    """Return the version of NNCF; raises PlatformError when it is not installed."""
    try:
        return {"nncf": importlib.metadata.version("nncf")}
    except importlib.metadata.PackageNotFoundError:
        raise PlatformError(
            "Networks cannot be quantised for OpenVINO, since nncf is not installed: "
            "pip install 'guideline-benchmarks[openvino]' (in a checkout: make tables "
            "PLATFORM=cpu-openvino)."
        ) from None


def quantise(model: bytes, inputs: Inputs, weight_bits: int) -> tuple[bytes, Quantisation]:
    """Return an ONNX model in int8, weights by channel; raises BadInputError where it fails."""
    tool = f"nncf {versions()['nncf']}"
    try:
        # It shows its progress on standard output.
        with contextlib.redirect_stdout(io.StringIO()):
            made = _quantised(onnx.load_from_string(model), inputs, weight_bits)
    except Exception as error:
        raise BadInputError(
            f"NNCF cannot quantise this network: {' '.join(str(error).split())}."
        ) from None
    return made.SerializeToString(), described(made, model, inputs, tool, weight_bits)


def _quantised(model: onnx.ModelProto, inputs: Inputs, weight_bits: int) -> onnx.ModelProto:
    import logging

    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix

    nncf.set_log_level(logging.ERROR)
    fix = OverflowFix.DISABLE if weight_bits == 8 else OverflowFix.ENABLE
    quantised: Any = nncf.quantize(
        model,
        nncf.Dataset([dict(inputs)]),
        subset_size=1,
        advanced_parameters=AdvancedQuantizationParameters(overflow_fix=fix),
    )
    result: onnx.ModelProto = quantised
    return result
