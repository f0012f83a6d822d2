"""LiteRT on the CPU by XNNPACK, its default; inputs and outputs lie in the runtime's own memory.

Of networks that convolve, images have their channels last (NHWC): arrays of four axes are given and
returned so, and turned round outside of what is timed (guidelines/export/converters/litert.py).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from ..ceilings import cpu_ceilings
from ..stopwatch import HostStopwatch
from .interface import Array, Arrays, Profile, Settings
from .litert_models import addition, operators, product

# The axes of images with channels first in the order of channels last, and the other way round.
LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
DELEGATE = "DELEGATE"
XNNPACK_TAKES = {"CONV_2D", "DEPTHWISE_CONV_2D"}
KINDS = {"fp32": np.float32, "int8": np.int8}


class LiteRtNetwork:
    """An interpreter with its inputs set once; `layout` is what the file's signature is called."""

    def __init__(self, model: bytes, threads: int, inputs: Arrays, outputs: Arrays) -> None:
        self.model, self.shapes = model, {name: array.shape for name, array in outputs.items()}
        self.interpreter = Interpreter(model_content=model, num_threads=threads)
        self.interpreter.allocate_tensors()
        self.layout = next(iter(self.interpreter.get_signature_list()), "NCHW")
        given = in_order(self.interpreter.get_input_details())
        for (place, kind), array in zip(given, inputs.values()):
            # It has no whole numbers of 64 bits.
            self.interpreter.set_tensor(place, self.turned(array, LAST).astype(kind, copy=False))
        self.places = in_order(self.interpreter.get_output_details())
        self.run = self.interpreter.invoke

    def outputs(self) -> Arrays:
        """Return copies of the outputs, with channels first."""
        found = [self.interpreter.get_tensor(place) for place, _ in self.places]
        return {
            name: self.turned(array, FIRST).reshape(shape).copy()
            for (name, shape), array in zip(self.shapes.items(), found)
        }

    def turned(self, array: Array, axes: tuple[int, ...]) -> Array:
        """Return images with their axes in that order if the file wants channels last."""
        images = self.layout == "NHWC" and array.ndim == len(axes)
        return array.transpose(axes) if images else array

    def executed(self) -> dict[str, Any]:
        """Count the operators of the model, each of which is executed once.

        Raises RuntimeError when XNNPACK leaves a convolution to a kernel of LiteRT's own.
        """
        left = sorted(set(own_kernels(self.interpreter._get_ops_details())))
        if XNNPACK_TAKES & {*left}:
            raise RuntimeError(f"XNNPACK leaves {' and '.join(left)} to LiteRT's own slow kernels")
        return {
            "operators": operators(self.model),
            "otherwise": [f"{name} by LiteRT's own kernel" for name in left],
        }

    def profile(self) -> Profile:
        """Raise NotImplementedError."""
        raise NotImplementedError("LiteRT shows Python no times of single operators")


def in_order(details: list[dict[str, Any]]) -> list[tuple[int, Any]]:
    """Return the places of inputs or outputs in the order of the call, and numpy's types."""
    return [(int(found["index"]), found["dtype"]) for found in details]


def own_kernels(nodes: list[dict[str, Any]]) -> list[str]:
    """Return the names of the operators that no delegate has taken over, one for each.

    `nodes` are {"op_name", "inputs", "outputs"}; delegates are among those that they replace.
    """
    delegates = [node for node in nodes if node["op_name"] == DELEGATE]
    operators = [node for node in nodes if node["op_name"] != DELEGATE]
    made_by = {place: node for node in operators for place in node["outputs"]}
    taken: set[int] = set()
    for delegate in delegates:
        given, wanted = set(delegate["inputs"]), list(delegate["outputs"])
        while wanted:
            place = wanted.pop()
            if place not in given and place not in taken:
                taken.add(place)
                wanted += list(made_by[place]["inputs"]) if place in made_by else []
    return [node["op_name"] for node in operators if not taken & set(node["outputs"])]


class LiteRtCpu:
    """LiteRT with XNNPACK in the precision of the models."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopwatch = HostStopwatch(settings.threads)

    def versions(self) -> dict[str, str]:
        """Return the versions of LiteRT and numpy."""
        return {"ai-edge-litert": version("ai-edge-litert"), "numpy": np.__version__}

    def load(self, path: str, inputs: Arrays, outputs: Arrays) -> LiteRtNetwork:
        """Read a .tflite file. Raises ValueError and RuntimeError for what LiteRT does not take."""
        return LiteRtNetwork(Path(path).read_bytes(), self.settings.threads, inputs, outputs)

    def guarded(self) -> AbstractContextManager[None]:
        """There is no device that could fail."""
        return nullcontext()

    def ceilings(self) -> dict[str, Any] | None:
        """Measure additions of two arrays, as many bytes as in STREAM's triad, and a product."""
        kind = KINDS[self.settings.precision]
        return cpu_ceilings(
            lambda shape: self.operation(addition(*shape), np.float32, 2, shape).run,
            lambda shape: self.operation(product(shape[0], kind), kind, 1, shape).run,
            self.settings.precision,
            self.stopwatch.total,
        )

    def operation(
        self, model: bytes, kind: Any, inputs: int, shape: tuple[int, ...]
    ) -> LiteRtNetwork:
        """Return a model of one operator with so many inputs, arrays of ones of one shape."""
        ones = {str(place): np.ones(shape, kind) for place in range(inputs)}
        return LiteRtNetwork(model, self.settings.threads, ones, {"y": np.empty(shape, kind)})


def open_backend(settings: Settings) -> LiteRtCpu:
    """Return LiteRT with these settings."""
    return LiteRtCpu(settings)
