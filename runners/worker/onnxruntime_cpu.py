"""ONNX Runtime on the CPU: all graph optimisations, inputs and outputs bound once.

All networks share one memory arena. With an arena each, 51 networks would push one another out of
the caches between their runs, and small ones would be timed up to 12 % slower than back to back,
as the paper ran them (docs/protocol.md, "Caches").
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from .backends import Array


class OnnxNetwork:
    """One session with its input and output bound."""

    def __init__(self, session: Any, binding: Any, x: Array, y: Array, graph: bytes) -> None:
        self.session = session
        self.binding = binding
        # They are bound by address, so they must live as long as the session.
        self.x = x
        self.y = y
        self.graph = graph

    def run(self) -> None:
        """Execute once."""
        self.session.run_with_iobinding(self.binding)

    def output(self) -> Array:
        """Return the bound output."""
        return self.y

    def executed(self) -> dict[str, Any]:
        """Return the graph as optimised by this very session."""
        return {"graph": base64.b64encode(self.graph).decode()}


class OnnxRuntimeCpu:
    """ONNX Runtime's CPU execution provider."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
        memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
        onnxruntime.create_and_register_allocator(memory, None)

    def versions(self) -> dict[str, str]:
        """Return the versions of ONNX Runtime and numpy."""
        return {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__}

    def load(self, path: str, x: Array, y: Array) -> OnnxNetwork:
        """Read an ONNX file; keep the optimised graph as proof of what will run."""
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.use_env_allocators", "1")
        with tempfile.TemporaryDirectory() as folder:
            graph = Path(folder) / "optimised.onnx"
            options.optimized_model_filepath = str(graph)
            weights = "session.optimized_model_external_initializers_"
            options.add_session_config_entry(weights + "file_name", "weights.bin")
            options.add_session_config_entry(weights + "min_size_in_bytes", "0")
            providers = ["CPUExecutionProvider"]
            session = onnxruntime.InferenceSession(path, options, providers=providers)
            optimised = graph.read_bytes()
        source, target = session.get_inputs()[0].name, session.get_outputs()[0].name
        binding = session.io_binding()
        binding.bind_input(source, "cpu", 0, np.float32, x.shape, x.ctypes.data)
        binding.bind_output(target, "cpu", 0, np.float32, y.shape, y.ctypes.data)
        return OnnxNetwork(session, binding, x, y, optimised)


def open_backend(threads: int) -> OnnxRuntimeCpu:
    """Return ONNX Runtime set to `threads` threads."""
    return OnnxRuntimeCpu(threads)
