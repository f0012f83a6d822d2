"""ncnn on the CPU, with Winograd's algorithm and packed layouts as by default.

A model is a ZIP archive of ncnn's two files and of the axis of each blob that its batch lies in
(see guidelines/export/converters/ncnn.py). Blobs are called in0, in1, … and out0, out1, …
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import ncnn
import numpy as np

from ..ceilings import cpu_ceilings
from ..stopwatch import HostStopwatch
from .interface import Array, Arrays, NoDeviceError, Profile, Settings

CONVOLUTIONS = {
    "Convolution",
    "Convolution1D",
    "Convolution3D",
    "ConvolutionDepthWise",
    "ConvolutionDepthWise1D",
    "ConvolutionDepthWise3D",
    "Deconvolution",
    "Deconvolution1D",
    "Deconvolution3D",
    "DeconvolutionDepthWise",
    "DeconvolutionDepthWise1D",
    "DeconvolutionDepthWise3D",
}
# Layers whose setting 9 is the activation that they apply to their output.
ACTIVATED = CONVOLUTIONS | {"InnerProduct"}
ACTIVATION, OPERATION, RELU, SUM = "9", "0", "1", {"BinaryOp": "0", "Eltwise": "1"}
# What makes ncnn compute in another precision than fp32, and what of a layer says that it can.
SWITCHES = {
    "fp16": ("use_fp16_storage", "use_fp16_packed", "use_fp16_arithmetic"),
    "bf16": ("use_bf16_storage", "use_bf16_packed"),
}
ABLE = {"fp16": "support_fp16_storage", "bf16": "support_bf16_storage"}
CONVOLUTION = "7767517\n2 2\nInput in0 0 1 in0\nConvolution c 1 1 in0 out0 0=8 1=1 6=64\n"
# What numpy calls no axis: an array without a batch.
NO_BATCH = 233
# out0 = in0 ∘ in1, a layer without weights.
OPERATOR = "7767517\n3 3\nInput in0 0 1 in0\nInput in1 0 1 in1\n{} operator 2 1 in0 in1 out0\n"
ADDITION, PRODUCT = OPERATOR.format("BinaryOp"), OPERATOR.format("Gemm")


class Layer(NamedTuple):
    """A loaded layer: its type, the blobs that it reads, its settings by number, as text.

    `precise` says that it computes in fp32 whatever is asked for.
    """

    kind: str
    inputs: int
    settings: dict[str, str]
    precise: bool = False


class Model(NamedTuple):
    """What is loaded: layers as text, weights, and the axis of each blob's batch (or NO_BATCH)."""

    param: str
    weights: bytes
    axes: dict[str, int]


class NcnnNetwork:
    """A loaded network. Its inputs are copied once, into ncnn's own layout of memory."""

    layout = None

    def __init__(
        self, runtime: NcnnCpu, model: Model, inputs: Arrays, outputs: Arrays, precision: str
    ) -> None:
        self.model, self.shapes = model, {name: array.shape for name, array in outputs.items()}
        self.precision = precision
        # Before `runtime`, so that it is gone before the memory that it lies in.
        self.found: list[Any] = []
        self.net = runtime.loaded(model, precision)
        self.runtime = runtime
        self.inputs = [
            # A copy: layers that work in place would write into memory that is not ncnn's.
            (blob, ncnn.Mat(array, batch_index=self.axis(blob)).clone())
            for blob, array in zip(blobs("in", inputs), inputs.values())
        ]
        self.wanted = blobs("out", outputs)

    def axis(self, blob: str) -> int:
        """Return the axis of a blob's batch."""
        return self.model.axes.get(blob, NO_BATCH)

    def run(self) -> None:
        """Execute once, with an extractor of its own: one keeps what it has computed."""
        # First, so that their memory is used again.
        self.found.clear()
        extractor = self.net.create_extractor()
        for blob, array in self.inputs:
            extractor.input(blob, array)
        for blob in self.wanted:
            # Given an array, it does not copy the output.
            array = ncnn.Mat()
            status = extractor.extract(blob, array)
            if status:
                raise RuntimeError(f"ncnn cannot compute {blob} (it returns {status})")
            self.found.append(array)

    def outputs(self) -> Arrays:
        """Return copies of the outputs, in the shapes that are expected."""
        return {
            name: array.numpy(batch_index=self.axis(blob)).reshape(shape).copy()
            for blob, array, (name, shape) in zip(self.wanted, self.found, self.shapes.items())
        }

    def executed(self) -> dict[str, Any]:
        """Count the layers that were loaded; an activation that a layer applies counts as one."""
        found = layers(self.net, self.model.param, self.precision)
        counted = [layer for layer in found if layer.kind in CONVOLUTIONS or additions(layer)]
        convolutions = sum(layer.kind in CONVOLUTIONS for layer in found)
        return {
            "operators": {
                "convolutions": convolutions,
                "adds": sum(map(additions, found)),
                "relus": sum(map(has_relu, found)),
            },
            "otherwise": [f"{layer.kind} in fp32" for layer in counted if layer.precise],
            "unproven": [f"which kernels convolve ({choices(self.net.opt)})"] * bool(convolutions),
        }

    def profile(self) -> Profile:
        """Raise NotImplementedError."""
        raise NotImplementedError("ncnn shows Python no times of single layers")


def choices(options: Any) -> str:
    """Say what ncnn may choose by itself inside a layer."""
    allowed = {
        "Winograd's algorithm": options.use_winograd_convolution,
        "packed layouts": options.use_packing_layout,
    }
    return ", ".join(f"{name} {'allowed' if may else 'off'}" for name, may in allowed.items())


def blobs(prefix: str, arrays: Arrays) -> list[str]:
    """Return the names that pnnx gives to inputs or outputs, in their order."""
    return [f"{prefix}{place}" for place in range(len(arrays))]


def layers(net: Any, param: str, precision: str = "fp32") -> list[Layer]:
    """Return the layers of a net in a precision, with the settings in the text it was made of."""
    found = []
    for layer, line in zip(net.layers(), param.splitlines()[2:]):
        _, _, inputs, outputs, *rest = line.split()
        settings = rest[int(inputs) + int(outputs) :]
        pairs = (setting.split("=", 1) for setting in settings)
        precise = precision in ABLE and not getattr(layer, ABLE[precision])
        found.append(Layer(layer.type, int(inputs), dict(pairs), precise))
    return found


def additions(layer: Layer) -> int:
    """Return how many additions of two blobs a layer is; that of a constant is none."""
    if layer.kind not in SUM or layer.settings.get(OPERATION, "0") != SUM[layer.kind]:
        return 0
    return layer.inputs - 1


def has_relu(layer: Layer) -> bool:
    """Whether a layer is a ReLU, or ends with one."""
    if layer.kind in ACTIVATED:
        return layer.settings.get(ACTIVATION) == RELU
    # With a slope below zero it is another function.
    return layer.kind == "ReLU" and float(layer.settings.get("0", 0)) == 0


class NcnnCpu:
    """ncnn's CPU layers in one precision.

    Raises NoDeviceError for a version that is too old, and where its convolutions have not that
    precision on this CPU.
    """

    def __init__(self, settings: Settings) -> None:
        # Its arrays have a batch since 1.0.20261020.
        if "batch_index" not in ncnn.Mat.numpy.__doc__:
            raise NoDeviceError(
                f"ncnn {ncnn.__version__} knows no batches, and is too old: "
                f"{sys.executable} -m pip install -U ncnn"
            )
        self.settings, precision = settings, settings.precision
        self.stopwatch = HostStopwatch(settings.threads)
        # Shared by all networks, as in ncnn's own benchmark.
        self.blobs, self.workspace = ncnn.UnlockedPoolAllocator(), ncnn.PoolAllocator()
        convolution = layers(self.made(CONVOLUTION, precision), CONVOLUTION, precision)[-1]
        if convolution.precise:
            raise NoDeviceError(f"ncnn has no {precision} on this CPU")

    def versions(self) -> dict[str, str]:
        """Return the versions of ncnn and numpy."""
        return {"ncnn": ncnn.__version__, "numpy": np.__version__}

    def made(self, param: str, precision: str) -> Any:
        """Return a net without its weights. Raises RuntimeError for what ncnn does not know."""
        net = ncnn.Net()
        options = net.opt
        options.num_threads = self.settings.threads
        for kind, switches in SWITCHES.items():
            for switch in switches:
                setattr(options, switch, kind == precision)
        options.blob_allocator, options.workspace_allocator = self.blobs, self.workspace
        if net.load_param_mem(param):
            raise RuntimeError("ncnn does not know one of the network's layers")
        return net

    def loaded(self, model: Model, precision: str) -> Any:
        """Return a net that computes in a precision; raises as `made` does."""
        net = self.made(model.param, precision)
        # From memory it would not copy the weights, and so read what is gone.
        with tempfile.NamedTemporaryFile() as file:
            file.write(model.weights)
            file.flush()
            if net.load_model(file.name):
                raise RuntimeError("ncnn cannot read the network's weights")
        return net

    def load(self, path: str, inputs: Arrays, outputs: Arrays) -> NcnnNetwork:
        """Read a model file. Raises RuntimeError for what ncnn does not take."""
        with zipfile.ZipFile(path) as archive:
            model = Model(
                archive.read("model.param").decode(),
                archive.read("model.bin"),
                json.loads(archive.read("axes.json")),
            )
        return NcnnNetwork(self, model, inputs, outputs, self.settings.precision)

    def guarded(self) -> AbstractContextManager[None]:
        """There is no device that could fail."""
        return nullcontext()

    def ceilings(self) -> dict[str, Any] | None:
        """Measure additions of two arrays, as many bytes as in STREAM's triad, and a product.

        Additions are in fp32: in another precision, arrays would be converted in between.
        """
        precision = self.settings.precision
        return cpu_ceilings(
            lambda shape: self.operation(ADDITION, shape, "fp32").run,
            lambda shape: self.operation(PRODUCT, shape, precision).run,
            precision,
            self.stopwatch.total,
        )

    def operation(self, param: str, shape: tuple[int, ...], precision: str) -> NcnnNetwork:
        """Return a network of one operator with arrays of one shape."""
        arrays: dict[str, Array] = {name: np.ones(shape, np.float32) for name in "aby"}
        outputs = {"y": arrays.pop("y")}
        return NcnnNetwork(self, Model(param, b"", {}), arrays, outputs, precision)


def open_backend(settings: Settings) -> NcnnCpu:
    """Return ncnn with these settings; raises NoDeviceError as NcnnCpu does."""
    return NcnnCpu(settings)
