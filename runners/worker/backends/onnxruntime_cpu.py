"""ONNX Runtime on the CPU: all graph optimisations, inputs and outputs bound once.

All networks share one memory arena. With an arena each, 51 networks would push one another out of
the caches between their runs, and small ones would be timed up to 12 % slower than back to back,
as the paper ran them (docs/protocol.md, "Caches").
"""

from __future__ import annotations

import base64
import errno
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ..ceilings import cpu_ceilings
from ..stopwatch import HostStopwatch
from .interface import Arrays, Profile, Settings
from .onnx_models import ADDITION, PRODUCT, PRODUCT_INT8

MICROSECOND = 1000
Kinds = Mapping[str, Any]
FLOATS: Kinds = dict.fromkeys("aby", np.float32)
INTEGERS: Kinds = {"a": np.uint8, "b": np.int8, "y": np.int32}
PRODUCTS = {"fp32": (PRODUCT, FLOATS), "int8": (PRODUCT_INT8, INTEGERS)}
# What the profiler appends, and a number that differs from one session to the next.
_PROFILER_SUFFIX = re.compile(r"(_token_\d+)?_kernel_time$")


class OnnxNetwork:
    """A model with a session whose inputs and outputs are bound."""

    layout = None

    def __init__(self, runtime: OnnxRuntimeCpu, path: str, inputs: Arrays, outputs: Arrays) -> None:
        self.runtime = runtime
        self.path = path
        # They are bound by address, so they must live as long as the session.
        self.bound = {**inputs}, {**outputs}
        with tempfile.TemporaryDirectory() as folder:
            graph = Path(folder) / "optimised.onnx"
            options = runtime.options()
            options.optimized_model_filepath = str(graph)
            weights = "session.optimized_model_external_initializers_"
            options.add_session_config_entry(weights + "file_name", "weights.bin")
            # Steps and zeros of quantised arrays tell what is computed.
            options.add_session_config_entry(weights + "min_size_in_bytes", "8")
            try:
                self.session, self.binding = self.open(options)
            except Exception:
                # The runtime does not tell a full disk from any other failure.
                if shutil.disk_usage(folder).free < Path(path).stat().st_size:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder) from None
                raise
            self.graph = graph.read_bytes()

    def open(self, options: Any) -> tuple[Any, Any]:
        """Return a session of the model and its binding."""
        providers = ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(self.path, options, providers=providers)
        binding = session.io_binding()
        for arrays, bind in zip(self.bound, (binding.bind_input, binding.bind_output)):
            for name, array in arrays.items():
                bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        return session, binding

    def run(self) -> None:
        """Execute once."""
        self.session.run_with_iobinding(self.binding)

    def outputs(self) -> Arrays:
        """Return the bound outputs."""
        return self.bound[1]

    def executed(self) -> dict[str, Any]:
        """Return the graph as optimised by this very session."""
        return {"graph": base64.b64encode(self.graph).decode()}

    def profile(self) -> Profile:
        """Execute in a session of its own, since a session cannot stop profiling and go on."""
        with tempfile.TemporaryDirectory() as folder:
            options = self.runtime.options()
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / "profile")
            session, binding = self.open(options)
            session.run_with_iobinding(binding)
            start = time.perf_counter_ns()
            session.run_with_iobinding(binding)
            ns = time.perf_counter_ns() - start
            events = json.loads(Path(session.end_profiling()).read_bytes())
        ends = [index for index, event in enumerate(events) if event["name"] == "model_run"]
        nodes = [
            event
            for event in events[ends[-2] : ends[-1]]
            if event["cat"] == "Node" and event["name"].endswith("_kernel_time")
        ]
        return Profile(
            ns=ns,
            calls=[call(node) for node in nodes],
            operators_ns=[node["dur"] * MICROSECOND for node in nodes],
        )


def call(node: dict[str, Any]) -> dict[str, Any]:
    """Return what a profiled node executed (see Profile); each further input is recorded in it."""
    arguments = node["args"]
    inputs = shapes(arguments["input_type_shape"])
    return {
        "operator": arguments["op_name"],
        "name": _PROFILER_SUFFIX.sub("", node["name"]),
        "inputs": inputs,
        "outputs": shapes(arguments["output_type_shape"]),
        "recorded": max(0, len(inputs) - 1),
    }


def shapes(described: list[dict[str, list[int]]]) -> list[list[int]]:
    """Return the shapes of tensors that are described as {type: shape}."""
    return [shape for tensor in described for shape in tensor.values()]


class OnnxRuntimeCpu:
    """ONNX Runtime's CPU execution provider."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopwatch = HostStopwatch(settings.threads)
        # Every so many seconds an execution would report on itself, and that be measured with it.
        onnxruntime.disable_telemetry_events()
        kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
        memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
        onnxruntime.create_and_register_allocator(memory, None)

    def versions(self) -> dict[str, str]:
        """Return the versions of ONNX Runtime and numpy."""
        return {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__}

    def options(self) -> Any:
        """Return the settings of every session: all optimisations, one arena for all."""
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = self.settings.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.use_env_allocators", "1")
        if self.settings.threads > 1:
            # Each session has threads of its own, which would go on spinning while the next network
            # is timed, and take its cores.
            options.add_session_config_entry("session.force_spinning_stop", "1")
        return options

    def load(self, path: str, inputs: Arrays, outputs: Arrays) -> OnnxNetwork:
        """Read an ONNX file; keep the optimised graph as proof of what will run."""
        return OnnxNetwork(self, path, inputs, outputs)

    def guarded(self) -> AbstractContextManager[None]:
        """There is no device that could fail."""
        return nullcontext()

    def ceilings(self) -> dict[str, Any] | None:
        """Measure additions of two arrays, as many bytes as in STREAM's triad, and a product."""
        product, kinds = PRODUCTS[self.settings.precision]
        return cpu_ceilings(
            lambda shape: OnnxOperation(self, ADDITION, shape, FLOATS),
            lambda shape: OnnxOperation(self, product, shape, kinds),
            self.settings.precision,
            self.stopwatch.total,
        )


class OnnxOperation:
    """A model of one operator with arrays of one shape, bound once; to be called."""

    def __init__(
        self, runtime: OnnxRuntimeCpu, model: bytes, shape: tuple[int, ...], kinds: Kinds
    ) -> None:
        providers = ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(model, runtime.options(), providers=providers)
        # They are bound by address, so they must live as long as the session.
        self.arrays = {name: np.ones(shape, kind) for name, kind in kinds.items()}
        self.binding = self.session.io_binding()
        for name, array in self.arrays.items():
            bind = self.binding.bind_output if name == "y" else self.binding.bind_input
            bind(name, "cpu", 0, array.dtype.type, shape, array.ctypes.data)

    def __call__(self) -> None:
        """Execute once."""
        self.session.run_with_iobinding(self.binding)


def open_backend(settings: Settings) -> OnnxRuntimeCpu:
    """Return ONNX Runtime with these settings."""
    return OnnxRuntimeCpu(settings)
