"""A user's ONNX file: its signature, its reference output, and what its precision allows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import ModelProto, TensorProto

from guideline_benchmarks.guidelines.export.exporter.errors import RefusedError, first_line
from guideline_benchmarks.guidelines.export.exporter.onnx_content import (
    read_model,
    tensors,
    without_weights,
    write_whole,
)
from guideline_benchmarks.guidelines.export.exporter.outputs import (
    checked,
    refuse_random,
    write_arrays,
)
from guideline_benchmarks.guidelines.export.exporter.values import USUAL_IMAGE, Values, Wanted
from guideline_benchmarks.networks.onnx_cost import onnx_cost

# What ONNX Runtime calls the types that numpy has.
_KINDS = {
    "float": "float32",
    "float16": "float16",
    "double": "float64",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "bool": "bool",
}
_TENSOR = re.compile(r"tensor\((\w+)\)$")
_QUANTISED = re.compile(r"QuantizeLinear|DequantizeLinear|^QLinear|Integer|^QGemm|^QAttention")
ELEMENT_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}


def signature(network: Any, session: Any, asked: list[dict[str, Any]]) -> list[Wanted]:
    """Return the inputs that a session takes, with the sizes that were asked for.

    Raises RefusedError for inputs that cannot be given, and where sizes are open.
    """
    # What is of an optional type may be left out, and is.
    required = [node for node in session.get_inputs() if not node.type.startswith("optional(")]
    optional = {node.name: node for node in session.get_overridable_initializers()}
    nodes = {node.name: node for node in required} | optional
    named = {item["name"]: item for item in asked if item["name"] is not None}
    unknown = [name for name in named if name not in nodes]
    if unknown:
        raise RefusedError(
            f"{network.model} has no input {unknown[0]}: it takes {_listed(required)}."
        )
    rest = [item for item in asked if item["name"] is None]
    open_ones = [node for node in required if node.name not in named]
    if len(rest) > len(open_ones):
        raise RefusedError(
            f"{network.model} takes {len(required)} input(s), and --input is given "
            f"{len(asked)} times: it takes {_listed(required)}."
        )
    named.update({node.name: item for node, item in zip(open_ones, rest)})
    chosen = [*required, *(node for name, node in optional.items() if name in named)]
    return [_wanted(network, node, named.get(node.name), required) for node in chosen]


def _wanted(network: Any, node: Any, item: dict[str, Any] | None, required: Any) -> Wanted:
    """Return one input with its sizes: asked for, given by --values, or the file's own."""
    kind = _kind(network, "takes", node)
    if item is not None and item["kind"] not in (None, kind):
        raise RefusedError(f"{network.model} takes {node.name} as {kind}, not as {item['kind']}.")
    given = item["shape"] if item is not None else network.values.shape(node.name)
    if given is None:
        return Wanted(node.name, _own_shape(network, node, required), kind)
    wanted = node.shape
    # An input without a declared rank takes any.
    fits = not wanted or (
        len(wanted) == len(given)
        and all(not isinstance(a, int) or a == b for a, b in zip(wanted, given))
    )
    if not fits:
        raise RefusedError(
            f"{network.model} takes an input of {_shown(wanted)}, not of {_shown(given)}: say so "
            "with --input."
        )
    return Wanted(node.name, tuple(given), kind)


def _own_shape(network: Any, node: Any, required: Any) -> tuple[int, ...]:
    """Return the sizes that a file itself gives an input, those of a usual image if it may be one.

    A batch that is open is 1.
    """
    shape = node.shape
    if shape and all(isinstance(size, int) for size in shape[1:]):
        return tuple(size if isinstance(size, int) else 1 for size in shape)
    if len(required) == 1 and len(shape) == len(USUAL_IMAGE):
        fits = all(not isinstance(a, int) or a == b for a, b in zip(shape, USUAL_IMAGE))
        if fits:
            return USUAL_IMAGE
    if not shape and _is_scalar(network.proto, node.name):
        return ()
    words = " ".join(f"--input {other.name}=SIZE,…" for other in required)
    raise RefusedError(
        f"{network.model} takes {_listed(required)}: say the sizes that it leaves open, as in "
        f"{words}."
    )


def _is_scalar(proto: ModelProto, name: str) -> bool:
    """Whether an input is declared to be a number, which the runtime does not tell from any."""
    declared = {value.name: value.type.tensor_type for value in proto.graph.input}
    return name in declared and declared[name].HasField("shape")


def _kind(network: Any, verb: str, node: Any) -> str:
    found = _TENSOR.match(node.type)
    if found is None or found[1] not in _KINDS:
        raise RefusedError(
            f"{network.model} {verb} {node.name} as {node.type}: only tensors of numbers that "
            "numpy knows, and of truth values, can be measured."
        )
    return _KINDS[found[1]]


def _listed(nodes: Any) -> str:
    return ", ".join(
        f"{node.name} ({_shown(node.shape) or 'any shape'}, {node.type})" for node in nodes
    )


def _shown(shape: Any) -> str:
    return "×".join("?" if size is None else str(size) for size in shape)


class OnnxFile:
    """A user's ONNX file, copied with all its weights.

    Raises RefusedError, in one sentence, when it is none.
    """

    def __init__(self, request: dict[str, Any], stage: Any) -> None:
        self.model, self.path = request["model"], Path(request["file"])
        self.out, self.values = Path(request["out"]), Values(request)
        self.asked, self.stage = request["inputs"], stage
        stage("read")
        self.proto = read_model(self.path)
        self.light = without_weights(self.proto)
        write_whole(self.proto, self.path, self.out)

    def run(self) -> dict[str, Any]:
        """Run it twice without any optimisation; write what is expected, and return the answer.

        Raises RefusedError when it cannot be run, or what it returns proves nothing.
        """
        session, inputs = self._opened()
        outputs = session.get_outputs()
        for node in outputs:
            _kind(self, "returns", node)
        values = self.values.of(inputs)
        self.stage("run")
        found, again = (self._executed(session, values) for _ in range(2))
        refuse_random(self.model, found, again)
        checked(self.model, found, self.values)
        write_arrays(self.out / "expected.npz", found)
        write_arrays(self.out / "values.npz", values)
        return self._answer(values, found)

    def count(self) -> dict[str, Any]:
        """Count what it costs; it is run only where its shapes are not known without."""
        _, inputs = self._opened()
        return self._answer(self.values.of(inputs), {})

    def _opened(self) -> tuple[Any, list[Wanted]]:
        """Return a session of it without any optimisation, and the inputs that it is given."""
        self.stage("loaded")
        session = self._session(self.out / "model")
        return session, signature(self, session, self.asked)

    def _answer(self, values: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        self.stage("counted")
        shapes = {name: tuple(array.shape) for name, array in values.items()}
        precision = precision_of(self.proto)

        def run(names: list[str]) -> dict[str, Any]:
            return self._shapes(names, values)

        cost = onnx_cost(self.light, shapes, run, ELEMENT_BYTES[precision])
        return {
            "inputs": [_described(name, x) for name, x in values.items()],
            "outputs": [_described(name, y) for name, y in outputs.items()],
            "precision": precision,
            "exported_by": {},
            "notes": [],
            "cost": cost.as_dict(),
        }

    def _session(self, path: Path) -> Any:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
        try:
            return onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            self._refuse_newer()
            raise RefusedError(
                f"{self.path} is no ONNX model that can be run: {first_line(error)}"
            ) from None

    def _refuse_newer(self) -> None:
        """Say in which way the file is newer than the runtime, where that can be known."""
        newest = newest_versions()
        found = {"IR": self.proto.ir_version}
        for entry in self.proto.opset_import:
            if entry.domain in ("", "ai.onnx"):
                found["opset"] = entry.version
        for name, version in found.items():
            if version > newest[name]:
                raise RefusedError(
                    f"{self.path} has {name} version {version}, and ONNX Runtime "
                    f"{onnxruntime.__version__} reads up to {newest[name]}: export it in an older "
                    "version (onnx.version_converter), or install a newer onnxruntime."
                )

    def _executed(self, session: Any, values: dict[str, Any]) -> dict[str, Any]:
        names = [node.name for node in session.get_outputs()]
        try:
            return dict(zip(names, session.run(None, values)))
        except Exception as error:
            shapes = ", ".join(_shown(x.shape) or "a number" for x in values.values())
            raise RefusedError(
                f"{self.model} does not take an input of {shapes}: {first_line(error)}"
            ) from None

    def _shapes(self, names: list[str], values: dict[str, Any]) -> dict[str, Any]:
        """Return the shapes of values inside the graph, which an execution tells; {} if none."""
        probe = onnx.ModelProto()
        probe.CopyFrom(self.proto)
        probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        path = self.out / "probe"
        path.write_bytes(probe.SerializeToString())
        try:
            found = self._executed(self._session(path), values)
        except RefusedError:
            return {}
        finally:
            path.unlink()
        return {name: tuple(found[name].shape) for name in names}


def _described(name: str, array: Any) -> dict[str, Any]:
    return {"name": name, "shape": list(array.shape), "kind": str(array.dtype)}


def newest_versions() -> dict[str, int]:
    """Return the newest IR and opset that this onnxruntime is known to read: what it was built for.

    It says so nowhere, so it is asked with models of one operator, from what onnx knows downwards.
    """
    newest = {"IR": onnx.IR_VERSION, "opset": onnx.defs.onnx_opset_version()}
    for name in newest:
        while newest[name] > 1 and not _reads(**{name: newest[name]}):
            newest[name] -= 1
    return newest


def _reads(IR: int = 8, opset: int = 17) -> bool:  # noqa: N803
    value = [onnx.helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy"]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    model.ir_version = IR
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:
        return False
    return True


def precision_of(model: ModelProto) -> str:
    """Return the lowest precision that a graph computes in: "int8", "bf16", "fp16" or "fp32"."""
    if any(_QUANTISED.search(node.op_type) for node in _nodes(model)):
        return "int8"
    kinds = {tensor.data_type for tensor in tensors(model)}
    kinds |= {value.type.tensor_type.elem_type for value in model.graph.input}
    kinds |= {
        attribute.i
        for node in _nodes(model)
        if node.op_type == "Cast"
        for attribute in node.attribute
        if attribute.name == "to"
    }
    if TensorProto.BFLOAT16 in kinds:
        return "bf16"
    return "fp16" if TensorProto.FLOAT16 in kinds else "fp32"


def _nodes(model: ModelProto) -> Any:
    """Return all nodes of a graph and of its functions; bodies are not looked into."""
    return [*model.graph.node, *(node for function in model.functions for node in function.node)]
