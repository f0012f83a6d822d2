"""Write qdq.onnx: MobileNet v2 0.4x of 160×160 in int8, as ONNX Runtime's static quantiser does.

Usage: python quantise.py (with this suite installed)
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from guideline_benchmarks.guidelines.export.formats import example_input, export_onnx
from guideline_benchmarks.networks import blocks
from guideline_benchmarks.networks.catalogue import NETWORKS
from guideline_benchmarks.networks.folding import fold_batch_norm


class Images(CalibrationDataReader):
    """A few random images."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        stream = np.random.RandomState(0)
        drawn = (stream.standard_normal(shape).astype(np.float32) for _ in range(4))
        self.images = iter([{name: image} for image in drawn])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next input, None after the last."""
        return next(self.images, None)


def main() -> None:
    """Export, quantise and write."""
    network = NETWORKS["MobileNet v2 0.4x"]
    module = fold_batch_norm(blocks.initialise(network.build(), 0).eval())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fp32.onnx"
        path.write_bytes(export_onnx(module, example_input(network.input_shape, 0)))
        images = Images("x", network.input_shape)
        quantize_static(path, "qdq.onnx", images, weight_type=QuantType.QInt8, per_channel=True)


if __name__ == "__main__":
    main()
