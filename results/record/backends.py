"""The backends that networks run on, a row each; all that differs between them stands here.

Standard library only, so that whatever asks for a name waits for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from guideline_benchmarks.results.errors import BadInputError, suggestion

Mode = Literal["eager", "graph", "compile"]
ModelFormat = Literal["onnx", "torch", "exported"]


@dataclass(frozen=True)
class Backend:
    """One runtime on one kind of device.

    `runtime` is what messages call it, `requirements` are what pip calls all that its worker needs.
    The worker's part for it is `module` (below runners/worker/backends), opened with `arguments`.
    Models of `model_format` are what it reads, or what the `converter` does (below
    guidelines/export/converters), on the desk, that makes its own files of them. In int8, so does
    the `quantiser` (below guidelines/export/quantisers). `extra` is what
    the runtime is called among the extras of this package, "" where it comes with it.
    `modes` are those that it knows (see results.record.platform.Platform). Of these, it shows the
    times of single operators in `profiled_modes`, and in `compiling_modes` loading a network takes
    a compiler minutes. `precisions` are those of results.record.protocol.Protocol; `tolerances` are
    how far outputs may lie off in those in which that is farther than elsewhere. What runs
    `over_ssh` must need nothing else of this suite on the board. Its newest wheels are for
    `least_python` or newer, and on 64-bit ARM for `least_glibc` or newer, "" where all do.
    """

    name: str
    runtime: str
    requirements: tuple[str, ...]
    module: str
    model_format: ModelFormat
    arguments: tuple[str, ...] = ()
    converter: str = ""
    quantiser: str = ""
    extra: str = ""
    device: Literal["cpu", "cuda"] = "cpu"
    modes: tuple[Mode, ...] = ("eager",)
    profiled_modes: tuple[Mode, ...] = ()
    compiling_modes: tuple[Mode, ...] = ()
    precisions: tuple[str, ...] = ("fp32",)
    tolerances: Mapping[str, float] = field(default_factory=dict, hash=False)
    over_ssh: bool = False
    least_python: str = ""
    least_glibc: str = ""


_ROWS = (
    Backend(
        name="onnxruntime-cpu",
        runtime="ONNX Runtime",
        requirements=("numpy", "onnxruntime"),
        module="onnxruntime_cpu",
        model_format="onnx",
        quantiser="onnxruntime",
        profiled_modes=("eager",),
        precisions=("fp32", "int8"),
        over_ssh=True,
    ),
    Backend(
        name="openvino-cpu",
        runtime="OpenVINO",
        requirements=("numpy", "openvino"),
        module="openvino_cpu",
        model_format="onnx",
        quantiser="nncf",
        extra="openvino",
        profiled_modes=("eager",),
        precisions=("fp32", "fp16", "bf16", "int8"),
        over_ssh=True,
        least_python="3.10",
        least_glibc="2.35",
    ),
    # Its Python package shows no times of single layers, and what quantises is not in it.
    Backend(
        name="ncnn-cpu",
        runtime="ncnn",
        requirements=("numpy", "ncnn"),
        module="ncnn_cpu",
        model_format="onnx",
        converter="ncnn",
        extra="ncnn",
        precisions=("fp32", "fp16", "bf16"),
        # Winograd's F(6, 3) in float16 adds up what is much larger than the sum: an output was
        # 0.085 off on a Cortex-A76 (emulated by QEMU; see docs/runtimes.md).
        tolerances={"fp16": 1e-1},
        over_ssh=True,
        least_glibc="2.28",
    ),
    # Its Python package shows no times of single operators.
    Backend(
        name="litert-cpu",
        runtime="LiteRT",
        requirements=("numpy", "ai-edge-litert"),
        module="litert_cpu",
        model_format="exported",
        converter="litert",
        quantiser="litert",
        extra="litert",
        precisions=("fp32", "int8"),
        over_ssh=True,
        least_python="3.10",
        least_glibc="2.27",
    ),
    Backend(
        name="torch-cpu",
        runtime="PyTorch",
        requirements=("numpy", "torch"),
        module="torch_cpu",
        model_format="torch",
        profiled_modes=("eager",),
    ),
    Backend(
        name="torch-cuda",
        runtime="PyTorch",
        requirements=("numpy", "torch"),
        module="torch_cuda",
        model_format="torch",
        device="cuda",
        modes=("eager", "graph", "compile"),
        profiled_modes=("eager", "graph"),
        compiling_modes=("compile",),
        precisions=("fp32", "tf32", "fp16", "bf16"),
    ),
    Backend(
        name="onnxruntime-cuda",
        runtime="ONNX Runtime",
        requirements=("numpy", "onnxruntime-gpu[cuda,cudnn]"),
        module="onnxruntime_cuda",
        arguments=("CUDA",),
        model_format="onnx",
        device="cuda",
        modes=("eager", "graph"),
        precisions=("fp32", "tf32"),
    ),
    # Its compiler tries many kernels for every layer, in both memory layouts.
    Backend(
        name="onnxruntime-tensorrt",
        runtime="ONNX Runtime",
        requirements=("numpy", "onnxruntime-gpu[cuda,cudnn]", "tensorrt"),
        module="onnxruntime_cuda",
        arguments=("Tensorrt",),
        model_format="onnx",
        device="cuda",
        modes=("eager", "graph"),
        compiling_modes=("eager", "graph"),
        precisions=("fp32", "tf32"),
    ),
)
BACKENDS: Mapping[str, Backend] = {row.name: row for row in _ROWS}


def backend(name: str) -> Backend:
    """Return the backend of that name. Raises BadInputError when there is none."""
    if name not in BACKENDS:
        raise BadInputError(f"There is no backend {name!r}. {suggestion(name, BACKENDS)}")
    return BACKENDS[name]
