"""An ONNX graph as a torch module of the layers and functions that people write.

It is of torch's own kind (torch.fx), so that its pickle can be read where this suite is not
installed. torch.export takes it, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from onnx import ModelProto, ValueInfoProto, numpy_helper
from torch import Tensor, fx, nn
from torch.fx.proxy import GraphAppendingTracer

from guideline_benchmarks.networks.from_onnx.call import (
    LIKE,
    Call,
    UnknownOperatorError,
    torch_type,
)
from guideline_benchmarks.networks.from_onnx.operators import OPERATORS
from guideline_benchmarks.networks.onnx_free import operator

# What the worker calls an output that is one tensor (runners/worker/backends/torch_structures.py).
ONLY = "y"


def torch_module(model: ModelProto) -> fx.GraphModule:
    """Return a module that computes a graph, in evaluation mode.

    It takes the graph's inputs, those without an initial value, by place. It returns a tensor where
    the only output is called y, and else a mapping of the outputs' names to tensors, in order. What
    depends on shapes and constants alone is computed now. Raises UnknownOperatorError for an
    operator, or a use of one, that is not known here, and ValueError where an input's shape is not
    all numbers.
    """
    writer, opset, used = _Writer(), _opset(model), _used(model)
    values = _initial(model)
    inputs = [value for value in model.graph.input if value.name not in values]
    values |= {value.name: writer.input(place, value) for place, value in enumerate(inputs)}
    for node in model.graph.node:
        given = tuple(values[name] if name else None for name in node.input)
        made = _made(Call(node, given, opset, writer.layer, writer.function))
        if used.intersection(node.output[len(made) :]):
            raise UnknownOperatorError(node, f"with {len(node.output)} outputs")
        values.update(zip(node.output, made, strict=False))
    outputs = {value.name: values[value.name] for value in model.graph.output}
    return writer.finished(outputs[ONLY] if list(outputs) == [ONLY] else outputs)


class _Writer(GraphAppendingTracer):
    """Writes down what is called with proxies, and keeps the tensors and layers that it needs."""

    def __init__(self) -> None:
        super().__init__(fx.Graph())
        self.root = nn.Module()
        self.names: dict[int, str] = {}

    def create_arg(self, a: Any) -> Any:
        """Return an argument as the graph holds it; a constant becomes a buffer of the module."""
        if not isinstance(a, Tensor):
            return super().create_arg(a)
        if id(a) not in self.names:
            self.names[id(a)] = f"constant_{len(self.names)}"
            self.root.register_buffer(self.names[id(a)], a)
        node = self.create_node("get_attr", self.names[id(a)], (), {})
        node.meta[LIKE] = a.to("meta")
        return node

    def create_proxy(self, kind: str, target: Any, *arguments: Any, **options: Any) -> fx.Proxy:
        """Return a proxy for what is written down, with the shape and type that it will have."""
        proxy = super().create_proxy(kind, target, *arguments, **options)
        args, kwargs = fx.map_arg((proxy.node.args, proxy.node.kwargs), lambda n: n.meta[LIKE])
        if kind == "call_function":
            proxy.node.meta[LIKE] = target(*args, **kwargs)
        elif kind == "call_method":
            proxy.node.meta[LIKE] = getattr(args[0], target)(*args[1:], **kwargs)
        elif kind == "call_module":
            layer = self.root.get_submodule(target)
            tensors = {name: tensor.to("meta") for name, tensor in layer.state_dict().items()}
            proxy.node.meta[LIKE] = torch.func.functional_call(layer, tensors, args)
        return proxy

    def input(self, place: int, value: ValueInfoProto) -> Tensor:
        """Return an input of the module. Raises ValueError unless its shape is all numbers."""
        kind = value.type.tensor_type
        if not all(size.HasField("dim_value") for size in kind.shape.dim):
            raise ValueError(f"The input {value.name} has no shape in numbers.")
        proxy = self.create_proxy("placeholder", f"x{place}", (), {})
        shape = [size.dim_value for size in kind.shape.dim]
        proxy.node.meta[LIKE] = torch.empty(shape, dtype=torch_type(kind.elem_type), device="meta")
        return cast(Tensor, proxy)

    def function(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Apply a function to values, some of which may be constants."""
        return self.create_proxy("call_function", function, arguments, {})

    def layer(self, module: nn.Module, x: Tensor) -> Tensor:
        """Put a layer into the module, and apply it to a value."""
        name = f"{type(module).__name__.lower()}_{len(self.root._modules)}"
        self.root.add_module(name, module)
        return cast(Tensor, self.create_proxy("call_module", name, (x,), {}))

    def finished(self, outputs: Any) -> fx.GraphModule:
        """Return the module that returns so many values."""
        self.create_node("output", "output", (self.create_arg(outputs),), {})
        return fx.GraphModule(self.root, self.graph).eval()


def _made(call: Call) -> list[Tensor]:
    """Return the first outputs of a node, one at least."""
    if operator(call.node) not in OPERATORS:
        raise UnknownOperatorError(call.node)
    try:
        found = OPERATORS[operator(call.node)](call)
    except (LookupError, RuntimeError, TypeError) as error:
        # Torch itself refuses, say, to mirror what is no image.
        raise call.unknown("in this use") from error
    return found if isinstance(found, list) else [found]


def _used(model: ModelProto) -> set[str]:
    """Return the names of all values that a node takes or the graph returns."""
    taken = {name for node in model.graph.node for name in node.input}
    return taken | {value.name for value in model.graph.output}


def _initial(model: ModelProto) -> dict[str, Tensor]:
    """Return the tensors that a graph brings along."""
    return {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in model.graph.initializer
    }


def _opset(model: ModelProto) -> int:
    return max(int(one.version) for one in model.opset_import if one.domain in ("", "ai.onnx"))
