"""Google's quantiser of LiteRT's files, ai-edge-quantizer: all in int8, float at both ends.

It is run by what converts for LiteRT, too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from guideline_benchmarks.guidelines.export.converters import litert
from guideline_benchmarks.guidelines.export.quantisers import Inputs
from guideline_benchmarks.results.record.quantisation import Quantisation

# XNNPACK's kernels for int8 never saturate.
BITS = 8


def versions() -> dict[str, str]:
    """Return the versions of what quantises; raises PlatformError when it is not set up."""
    return litert.versions()


def quantise(
    model: bytes,
    inputs: Inputs,
    weight_bits: int,  # noqa: ARG001  its kernels need no fewer than 8
) -> tuple[bytes, Quantisation]:
    """Return a .tflite file in int8, weights by channel; raises as litert.ask does."""
    with tempfile.TemporaryDirectory() as name:
        path, values = Path(name) / "model.tflite", Path(name) / "inputs.npz"
        path.write_bytes(model)
        arrays = {str(place): array for place, array in enumerate(inputs.values())}
        np.savez(values, allow_pickle=False, **arrays)
        counted = litert.ask({"do": "quantise", "model": str(path), "inputs": str(values)})
        content = path.read_bytes()
    tool = f"ai-edge-quantizer {versions()['ai-edge-quantizer']}"
    return content, Quantisation(
        tool=tool,
        format="int8",
        activations=("int8",),
        weights=("int8",),
        weight_bits=BITS,
        arrays=counted["arrays"],
        constants=counted["constants"],
        error=counted["error"],
    )
