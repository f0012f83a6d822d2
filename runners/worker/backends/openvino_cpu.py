"""OpenVINO on the CPU: latency hint, one stream, inputs and outputs bound once.

Its precision is asked for by name. Left alone, it takes bfloat16 wherever the CPU is quick at it.
"""

from __future__ import annotations

import re
import time
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import Any

import numpy as np
import openvino

from ..ceilings import cpu_ceilings
from ..stopwatch import HostStopwatch
from .interface import Array, Arrays, NoDeviceError, Profile, Settings
from .onnx_models import ADDITION, PRODUCT
from .openvino_models import done_by, is_relu, kind, quantised_product

# What OpenVINO calls a precision where it is asked for, and the capability that the CPU needs.
# Around what is quantised it computes in float.
PRECISIONS = {
    "fp32": ("f32", "FP32"),
    "fp16": ("f16", "FP16"),
    "bf16": ("bf16", "BF16"),
    "int8": ("f32", "INT8"),
}
QUANTISED = {"i8", "u8"}
# Nodes that stand for memory, and execute nothing.
IDLE = {"Input", "Output", "Const"}
MICROSECOND = 1000
# In names of nodes that OpenVINO puts in by itself: a number that no two compilations share.
_COUNTER = re.compile(r"_\d+")


class OpenVinoNetwork:
    """A compiled model with one request, whose tensors are the given arrays."""

    layout = None

    def __init__(self, runtime: OpenVinoCpu, model: Any, inputs: Arrays, outputs: Arrays) -> None:
        self.runtime, self.model = runtime, model
        # Their memory is used in place, so they must live as long as the request.
        self.bound = {**inputs}, {**outputs}
        self.compiled, self.request = self.compile({})

    def compile(self, more: dict[str, Any]) -> tuple[Any, Any]:
        """Return the model compiled, with `more` properties, and a request with its tensors."""
        compiled = self.runtime.compile(self.model, more)
        request = compiled.create_infer_request()
        for name, array in {**self.bound[0], **self.bound[1]}.items():
            request.set_tensor(name, openvino.Tensor(array, shared_memory=True))
        return compiled, request

    def run(self) -> None:
        """Execute once."""
        self.request.infer(share_outputs=True)

    def outputs(self) -> Arrays:
        """Return the bound outputs."""
        return self.bound[1]

    def executed(self) -> dict[str, Any]:
        """Count the operators of the model that the executed nodes say they were made of.

        Raises RuntimeError when a convolution runs in another float than was asked for.
        """
        nodes = [described(node) for node in self.compiled.get_runtime_model().get_ordered_ops()]
        if self.runtime.settings.precision != "int8":
            self.refuse_other_precision(nodes)
        origins = {
            name: node["runtimePrecision"]
            for node in nodes
            for name in node["originalLayersNames"].split(",")
        }
        ops = self.model.get_ordered_ops()
        made_of = [kind(op) for op in ops if op.get_friendly_name() in origins]
        return {
            "operators": {
                "convolutions": made_of.count("convolution"),
                "adds": made_of.count("Add"),
                "relus": sum(is_relu(op) and bool(done_by(op) & {*origins}) for op in ops),
            },
            "otherwise": self.in_float(ops, origins),
        }

    def in_float(self, ops: list[Any], origins: dict[str, str]) -> list[str]:
        """Say which convolutions and additions of a quantised model do not run in 8 bits.

        `origins` are the precisions of executed nodes by what they were made of.
        """
        if self.runtime.settings.precision != "int8":
            return []
        found = {(kind(op), origins.get(op.get_friendly_name())) for op in ops}
        return sorted(
            f"{name} in {precision}"
            for name, precision in found
            if name in ("convolution", "Add") and precision and precision not in QUANTISED
        )

    def refuse_other_precision(self, nodes: list[dict[str, Any]]) -> None:
        """Raise RuntimeError unless all convolutions run in the precision that was asked for."""
        found = {n["runtimePrecision"] for n in nodes if n["layerType"] == "Convolution"}
        other = found - {self.runtime.precision}
        if other:
            raise RuntimeError(
                f"OpenVINO runs convolutions in {', '.join(sorted(other))}, and was asked for "
                f"{self.runtime.precision}"
            )

    def profile(self) -> Profile:
        """Execute a model compiled anew, with the runtime's own counters of each node's time.

        They are means of all executions so far, in whole microseconds, so a time is good to two.
        """
        compiled, request = self.compile({"PERF_COUNT": True})
        request.infer(share_outputs=True)
        first = times(request)
        start = time.perf_counter_ns()
        request.infer(share_outputs=True)
        ns = time.perf_counter_ns() - start
        both = times(request)
        model = compiled.get_runtime_model()
        done = [node for node in model.get_ordered_ops() if works(node)]
        names = [node.get_friendly_name() for node in done]
        own = {op.get_friendly_name() for op in self.model.get_ordered_ops()}
        shown = [name if name in own else _COUNTER.sub("", name) for name in names]
        return Profile(
            ns=ns,
            calls=[call(node, name) for node, name in zip(done, shown)],
            operators_ns=[max(0, 2 * both.get(name, 0) - first.get(name, 0)) for name in names],
        )


def times(request: Any) -> dict[str, int]:
    """Return the mean time in ns of each node over all executions of a request, by name."""
    return {
        found.node_name: round(1e6 * found.real_time.total_seconds()) * MICROSECOND
        for found in request.get_profiling_info()
    }


def described(node: Any) -> dict[str, str]:
    """Return what the runtime says of an executed node, as text."""
    return {name: str(value.astype(str)) for name, value in node.get_rt_info().items()}


def works(node: Any) -> bool:
    """Whether a node of an executed graph does something for each input, and not once for all."""
    sources = {described(value.get_node())["layerType"] for value in node.input_values()}
    return described(node)["layerType"] not in IDLE and not sources <= {"Const"}


def call(node: Any, name: str) -> dict[str, Any]:
    """Return what a profiled node of that name executed (see Profile)."""
    inputs = [list(port.get_shape()) for port in node.inputs()]
    layer = described(node)["layerType"]
    if layer == "Convolution" and len(inputs[1]) > len(inputs[0]):
        # (groups, c2/groups, c1/groups, …) in place of ONNX's (c2, c1/groups, …).
        inputs[1] = [prod(inputs[1][:2]), *inputs[1][2:]]
    return {
        "operator": layer,
        "name": name,
        "inputs": inputs,
        "outputs": [list(port.get_shape()) for port in node.outputs()],
        "recorded": 0,
    }


class OpenVinoCpu:
    """OpenVINO's CPU plugin in one precision.

    Raises NoDeviceError where the CPU has no instructions for it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopwatch = HostStopwatch(settings.threads)
        self.core = openvino.Core()
        self.precision, needed = PRECISIONS[settings.precision]
        known = self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if needed not in known:
            raise NoDeviceError(
                f"OpenVINO has no {settings.precision} on this CPU, only {', '.join(sorted(known))}"
            )

    def versions(self) -> dict[str, str]:
        """Return the versions of OpenVINO and numpy."""
        return {"openvino": openvino.__version__, "numpy": np.__version__}

    def compile(self, model: Any, more: dict[str, Any]) -> Any:
        """Return a model compiled for one request at a time."""
        properties = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": self.settings.threads,
            "INFERENCE_PRECISION_HINT": self.precision,
            # The worker is kept on its cores already.
            "ENABLE_CPU_PINNING": False,
        }
        return self.core.compile_model(model, "CPU", {**properties, **more})

    def load(self, path: str, inputs: Arrays, outputs: Arrays) -> OpenVinoNetwork:
        """Read an ONNX file. Raises RuntimeError for what OpenVINO does not take."""
        return OpenVinoNetwork(self, self.core.read_model(path), inputs, outputs)

    def guarded(self) -> AbstractContextManager[None]:
        """There is no device that could fail."""
        return nullcontext()

    def ceilings(self) -> dict[str, Any] | None:
        """Measure additions of two arrays, as many bytes as in STREAM's triad, and a product."""
        return cpu_ceilings(
            lambda shape: self.operation(ADDITION, shape).run,
            lambda shape: self.product(shape).run,
            self.settings.precision,
            self.stopwatch.total,
        )

    def product(self, shape: tuple[int, ...]) -> OpenVinoNetwork:
        """Return a model that multiplies two matrices of one shape."""
        if self.settings.precision != "int8":
            return self.operation(PRODUCT, shape)
        inputs, outputs = {"a": np.ones(shape, np.uint8)}, {"y": np.ones(shape, np.float32)}
        return OpenVinoNetwork(self, quantised_product(shape), inputs, outputs)

    def operation(self, model: bytes, shape: tuple[int, ...]) -> OpenVinoNetwork:
        """Return a model of one operator with arrays of one shape."""
        read = self.core.read_model(model)
        read.reshape({"a": list(shape), "b": list(shape)})
        arrays: dict[str, Array] = {name: np.ones(shape, np.float32) for name in "aby"}
        outputs = {"y": arrays.pop("y")}
        return OpenVinoNetwork(self, read, arrays, outputs)


def open_backend(settings: Settings) -> OpenVinoCpu:
    """Return OpenVINO with these settings; raises NoDeviceError as OpenVinoCpu does."""
    return OpenVinoCpu(settings)
