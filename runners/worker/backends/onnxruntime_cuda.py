"""ONNX Runtime on a CUDA GPU, by its CUDA provider or TensorRT's, on the stream that is timed.

Inputs and outputs lie on the GPU, bound once. As on the paper's card cuDNN tries its algorithms and
takes the fastest, and float32 is float32: TF32 is used only where it is asked for.
"""

from __future__ import annotations

import base64
import errno
import os
import re
import shutil
import tempfile
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Callable

import numpy as np
import onnxruntime

from ..ceilings import COPIED, GPU_ROWS, Work, ceilings, gpu_working_sets
from ..cuda.driver import DriverDevice, Memory
from ..cuda.errors import first_sentence
from ..cuda.libraries import (
    INSTALL,
    TENSORRT,
    allow_tf32,
    load_libraries,
    loaded_version,
    missing_library,
)
from ..cuda.stopwatch import repeated, stopwatch_of
from .interface import Array, Arrays, NoDeviceError, Profile, Settings
from .onnx_models import CONVOLUTION, PRODUCT

RUNTIME = f"onnxruntime {onnxruntime.__version__}"
# Matrices whose product takes any card much longer than handing it over takes the host, and how
# often a host that is held up by something else may be late.
TO_NOTICE, TRIES = (4096, 4096), 3
# What the runtime puts before the reason of a failure.
_BEFORE_REASON = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : |Status Message: ")


class OnnxCudaNetwork:
    """A session with its arrays on the GPU, bound once; `enqueue` hands over one execution."""

    layout = None
    # A session either replays its graph or executes operator by operator.
    eager = None

    def __init__(
        self, runtime: OnnxRuntimeCuda, session: Any, arrays: dict[str, Array], graph: bytes = b""
    ) -> None:
        self.runtime, self.session, self.graph = runtime, session, graph
        self.hides_launch = runtime.settings.mode == "graph"
        make = onnxruntime.OrtValue.ortvalue_from_numpy
        self.values = {name: make(array, "cuda", 0) for name, array in arrays.items()}
        self.binding = session.io_binding()
        for node in session.get_inputs():
            self.binding.bind_ortvalue_input(node.name, self.values[node.name])
        self.targets = [node.name for node in session.get_outputs()]
        for name in self.targets:
            self.binding.bind_ortvalue_output(name, self.values[name])
        self.replay: Callable[[], None] | None = None
        if self.hides_launch and runtime.provider == TENSORRT:
            # This provider would wait for each replay of a graph of its own.
            self.replay = runtime.device.capture(self.enqueue)

    def enqueue(self) -> None:
        """Hand over one execution; return before it is done. Raises RuntimeError."""
        if self.replay:
            self.replay()
            return
        try:
            self.session.run_with_iobinding(self.binding, self.runtime.run_options)
        except Exception as error:
            # Some of the runtime's errors are of no type that the stopwatch knows.
            raise RuntimeError(reason(error)) from None

    def run(self) -> None:
        """Execute once, and wait until it is done."""
        self.enqueue()
        self.runtime.device.wait()

    def outputs(self) -> Arrays:
        """Return the outputs of the last execution."""
        # Copying does not wait for the stream.
        self.runtime.device.wait()
        return {name: self.values[name].numpy() for name in self.targets}

    def executed(self) -> dict[str, Any]:
        """Return the optimised graph (see OnnxRuntimeCuda.load)."""
        return {"graph": base64.b64encode(self.graph).decode()}

    def profile(self) -> Profile:
        """Raise NotImplementedError: the suite takes no network apart here."""
        raise NotImplementedError("ONNX Runtime shows no times of single operators on a GPU")


class OnnxRuntimeCuda:
    """One of ONNX Runtime's providers, "CUDA" or "Tensorrt", on the first CUDA GPU.

    Raises NoDeviceError when it cannot execute anything there.
    """

    def __init__(self, settings: Settings, provider: str) -> None:
        self.settings, self.provider = settings, provider
        self.name = provider + "ExecutionProvider"
        if self.name not in onnxruntime.get_available_providers():
            raise NoDeviceError(
                f"{RUNTIME} has no {self.name}: put onnxruntime-gpu in its place (pip "
                f"uninstall onnxruntime), and {INSTALL[provider]}"
            )
        allow_tf32(settings.precision == "tf32")
        self.device = DriverDevice()
        self.refuse_old_driver()
        load_libraries(provider)
        onnxruntime.disable_telemetry_events()
        onnxruntime.set_default_logger_severity(3)
        self.run_options = onnxruntime.RunOptions()
        self.run_options.add_run_config_entry("disable_synchronize_execution_providers", "1")
        self.stopwatch = stopwatch_of(self.device)
        self.try_out()

    def refuse_old_driver(self) -> None:
        """Raise NoDeviceError when the runtime is built for a newer CUDA than the driver's."""
        built, served = getattr(onnxruntime, "cuda_version", ""), self.device.cuda_major()
        if built and served < int(built.split(".")[0]):
            raise NoDeviceError(
                f"NVIDIA's driver serves CUDA {served}, and {RUNTIME} is built for CUDA "
                f"{built}: update the driver"
            )

    def try_out(self) -> None:
        """Execute something, so that what is missing is told once and not for every network."""
        try:
            self.operation(CONVOLUTION, (1, 1, 1, 1)).run()
            waits = self.waits()
        except RuntimeError as error:
            said = missing_library(self.provider) or first_sentence(error)
            raise NoDeviceError(
                f"{RUNTIME} executes nothing on the GPU ({said}): {INSTALL[self.provider]}"
            ) from None
        if waits:
            raise NoDeviceError(
                f"{RUNTIME} waits for the GPU in every execution, so that the GPU's times "
                'would hold the host\'s: install a newer one, or use mode = "eager"'
            )

    def waits(self) -> bool:
        """Whether handing over an execution returns only when it is done."""
        network, done = self.operation(PRODUCT, TO_NOTICE), self.device.event()
        network.run()
        for _ in range(TRIES):
            network.enqueue()
            done.record()
            if not done.reached():
                self.device.wait()
                return False
        return True

    def versions(self) -> dict[str, str]:
        """Return the versions of ONNX Runtime, NVIDIA's libraries, the driver and numpy."""
        found = {
            "onnxruntime": onnxruntime.__version__,
            "cuda": getattr(onnxruntime, "cuda_version", ""),
            "cudnn": loaded_version("libcudnn.so", "cudnnGetVersion"),
            "tensorrt": loaded_version("libnvinfer.so", "getInferLibVersion"),
            "numpy": np.__version__,
            "driver": self.device.card and self.device.card.driver(),
        }
        return {name: version for name, version in found.items() if version}

    def options(self) -> Any:
        """Return the settings of every session: all optimisations, and nothing on the CPU."""
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = self.settings.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        return options

    def provider_options(self) -> dict[str, str]:
        """Return the settings of the provider."""
        here = {"device_id": "0", "user_compute_stream": str(self.device.stream.value)}
        if self.provider == TENSORRT:
            return {**here, "trt_cuda_graph_enable": "False"}
        return {
            **here,
            "enable_cuda_graph": str(int(self.settings.mode == "graph")),
            "use_tf32": str(int(self.settings.precision == "tf32")),
            "cudnn_conv_algo_search": "EXHAUSTIVE",
            # Each network has memory of its own; taking twice as much each time fills small cards.
            "arena_extend_strategy": "kSameAsRequested",
        }

    def session(self, model: str | bytes, options: Any) -> Any:
        """Return a session of a model. Raises RuntimeError when the provider does not take it."""
        providers = [(self.name, self.provider_options())]
        try:
            # Unless told not to, it prints what failed and tries the CPU.
            session = onnxruntime.InferenceSession(
                model, options, providers=providers, enable_fallback=0
            )
        except Exception as error:
            raise RuntimeError(reason(error)) from None
        if self.name not in session.get_providers():
            raise RuntimeError(f"{self.name} left it to the CPU")
        return session

    def load(self, path: str, inputs: Arrays, outputs: Arrays) -> OnnxCudaNetwork:
        """Read an ONNX file; keep the optimised graph as proof of what will run.

        Raises RuntimeError when the provider or the GPU's memory cannot take it, DeviceLostError
        when the GPU works no more.
        """
        session, graph = self.optimised(path)
        network = OnnxCudaNetwork(self, session, {**inputs, **outputs}, graph)
        # The first execution allocates, chooses and captures.
        network.run()
        return network

    def guarded(self) -> AbstractContextManager[None]:
        """Say in one sentence what goes wrong with one network (see DriverDevice.guarded)."""
        return self.device.guarded()

    def optimised(self, path: str) -> tuple[Any, bytes]:
        """Return a session of a model file, and its optimised graph without weights.

        TensorRT makes one opaque node of all, which cannot even be written: the graph is the one
        that TensorRT is given, after the basic optimisations, which keep to ONNX's own operators.
        """
        if self.provider == TENSORRT:
            basic = onnxruntime.SessionOptions()
            basic.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            on_cpu = partial(onnxruntime.InferenceSession, providers=["CPUExecutionProvider"])
            return self.session(path, self.options()), written(path, basic, on_cpu)[1]
        return written(path, self.options(), self.session)

    def operation(self, model: bytes, shape: tuple[int, ...]) -> OnnxCudaNetwork:
        """Return a model of one operator, ready to run with ones in arrays of this shape."""
        options = self.options()
        options.add_free_dimension_override_by_name("n", shape[0])
        # Constant numbers would be multiplied faster than any network's, for want of power.
        numbers = np.random.RandomState(0).standard_normal(shape[-1]).astype(np.float32)
        arrays = {name: np.array(np.broadcast_to(numbers, shape)) for name in "aby"}
        return OnnxCudaNetwork(self, self.session(model, options), arrays)

    def ceilings(self) -> dict[str, Any] | None:
        """Measure copies by the driver, and a product of matrices in the precision of this run."""

        def copy(working_set: int) -> Work:
            target, source = (Memory(self.device.driver, working_set // 2) for _ in range(2))
            times = max(1, COPIED // working_set)
            # Of small arrays many, as one graph: launching each would take longer than the copy.
            copies = repeated(partial(self.device.copy, target, source), times)
            return Work(self.device.capture(copies), times * working_set)

        def product() -> Work:
            return Work(self.operation(PRODUCT, (GPU_ROWS, GPU_ROWS)).enqueue, GPU_ROWS**3)

        sizes = gpu_working_sets(self.device.facts()["memory"])
        return ceilings(copy, sizes, {self.settings.precision: product}, self.stopwatch.total)


def written(path: str, options: Any, start: Callable[[str, Any], Any]) -> tuple[Any, bytes]:
    """Return a session and the graph, without its weights, that it writes when it starts."""
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(graph)
        weights = "session.optimized_model_external_initializers_"
        options.add_session_config_entry(weights + "file_name", "weights.bin")
        options.add_session_config_entry(weights + "min_size_in_bytes", "0")
        try:
            return start(path, options), graph.read_bytes()
        except Exception:
            # The runtime does not tell a full disk from any other failure.
            if shutil.disk_usage(folder).free < Path(path).stat().st_size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder) from None
            raise


def reason(error: Exception) -> str:
    """Return why the runtime failed, without its codes, its source files and the host's name."""
    return first_sentence(RuntimeError(_BEFORE_REASON.split(str(error))[-1].split(" ; ")[0]))


def open_backend(settings: Settings, provider: str) -> OnnxRuntimeCuda:
    """Return a provider on the first CUDA GPU; raises NoDeviceError where it does not work."""
    return OnnxRuntimeCuda(settings, provider)
