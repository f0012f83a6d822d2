"""A user's torch module, run for its reference output and exported."""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from guideline_benchmarks.guidelines.export.exporter import formats
from guideline_benchmarks.guidelines.export.exporter.arguments import Arguments, numbers
from guideline_benchmarks.guidelines.export.exporter.errors import RefusedError, first_line
from guideline_benchmarks.guidelines.export.exporter.module import (
    FAILURES,
    fold_parametrisations,
    made,
    users_modules_first,
)
from guideline_benchmarks.guidelines.export.exporter.outputs import (
    checked,
    refuse_random,
    same,
    write_arrays,
)
from guideline_benchmarks.guidelines.export.exporter.values import Values
from guideline_benchmarks.networks.cost import counted, fvcore_multiply_adds
from guideline_benchmarks.runners.worker.backends.torch_structures import named_tensors

_LOCAL = re.compile(r"local object|<lambda>|<locals>|__main__")
_ELSEWHERE = re.compile(r"attribute lookup \w+ on (\w+) failed|not the same object as (\w+)\.")
_SCRIPTED = re.compile(r"ScriptModule|ScriptFunction|torch\.jit\.save|__torch__")
_SCRIPT_ALL = "Script or trace the whole network, not a part of it."
_UNKNOWN_OPERATOR = re.compile(r"ONNX export failed|Exporting the operator|UnsupportedOperator")
PRECISIONS = {torch.float16: "fp16", torch.bfloat16: "bf16"}


class Flat(nn.Module):
    """A module that takes and returns tensors alone, made of one that takes structures of them."""

    def __init__(self, module: Any, arguments: Arguments) -> None:
        super().__init__()
        self.module, self.arguments = module, arguments

    def forward(self, *tensors: Any) -> Any:
        """Call the module with the tensors put where it wants them."""
        args, kwargs = self.arguments.call(dict(zip(self.arguments.tensors, tensors)))
        return tuple(named_tensors(self.module(*args, **kwargs)).values())


class TorchModule:
    """A user's module with its arguments. Raises RefusedError when there is no such module."""

    def __init__(self, request: dict[str, Any], stage: Any) -> None:
        self.request, self.stage = request, stage
        self.model, self.out = request["model"], Path(request["out"])
        if request["format"] == "onnx" and not request["count"]:
            # Now, so that a module of the user's by this name is not taken for it.
            importlib.import_module("onnx")
        # Read while the current folder is the one in which it was named.
        values = Values(request)
        with users_modules_first(request["search"]):
            self.module = made(request, stage)
        self.arguments = Arguments(self.model, self.module, request["inputs"], values)
        self.notes: list[str] = []

    def run(self) -> dict[str, Any]:
        """Run it twice; write its inputs and what is expected, and return the answer's part of it.

        The first run also makes what is made then alone: lazy layers, and what a module keeps.
        """
        self.stage("run")
        torch.manual_seed(self.request["seed"])
        with torch.no_grad():
            first = self._executed()
            found = self._executed()
            arrays, again = self._arrays(found), self._arrays(first)
            checked(self.model, arrays, self.arguments.values)
            refuse_random(self.model, arrays, again)
            self._fold(arrays)
        values = self.arguments.tensors
        write_arrays(self.out / "expected.npz", arrays)
        write_arrays(self.out / "values.npz", {name: numbers(x) for name, x in values.items()})
        return self._answer(arrays, found)

    def count(self) -> dict[str, Any]:
        """Count what it costs, by this suite and by fvcore, without proving anything."""
        self.stage("run")
        torch.manual_seed(self.request["seed"])
        with torch.no_grad():
            # What is made in the first run alone is there in the second.
            self._executed()
            fold_parametrisations(self.module)
            args, kwargs = self.arguments.call()
            # Fused layers would hide what they multiply.
            torch.backends.mha.set_fastpath_enabled(False)
            fvcore = None if kwargs else fvcore_multiply_adds(self.module, args)
        return {**self._answer({}, {}), "fvcore_multiply_adds": fvcore}

    def _answer(self, arrays: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
        values = self.arguments.tensors
        kinds = {p.dtype for p in self.module.parameters()} | {x.dtype for x in values.values()}
        precisions = [name for kind, name in PRECISIONS.items() if kind in kinds]
        cost = self._cost()
        return {
            "inputs": [_described(name, numbers(x), x) for name, x in values.items()],
            "outputs": [
                _described(self._called(name), arrays[name], y) for name, y in found.items()
            ],
            "precision": precisions[-1] if precisions else "fp32",
            "exported_by": {"python": platform.python_version(), "torch": torch.__version__},
            "notes": self.notes,
            "cost": cost,
        }

    def _cost(self) -> dict[str, Any] | None:
        """Return what one execution costs; None, with a note, where that cannot be seen."""
        self.stage("counted")
        try:
            return counted(self.module, self._executed).as_dict()
        except (*FAILURES, RefusedError) as error:
            self.notes.append(f"Its multiply-adds cannot be counted: {first_line(error)}")
            return None

    def _executed(self) -> dict[str, Any]:
        """Execute once on copies of the inputs; return the outputs by name."""
        copies = {name: tensor.clone() for name, tensor in self.arguments.tensors.items()}
        args, kwargs = self.arguments.call(copies)
        try:
            y = self.module(*args, **kwargs)
        except FAILURES as error:
            raise self._does_not_take(error) from None
        for name, tensor in self.arguments.tensors.items():
            if not torch.equal(tensor, copies[name]):
                which = f" {name}" if len(copies) > 1 else ""
                raise RefusedError(
                    f"{self.model} changes its input{which} in place, so every execution would get "
                    "another."
                )
        try:
            return named_tensors(y)
        except (TypeError, RecursionError) as error:
            raise RefusedError(
                f"{self.model} returns a {first_line(error)[:-1]}: only tensors, and tuples, "
                "lists, dicts and dataclasses of them, can be measured."
            ) from None

    def _does_not_take(self, error: BaseException) -> RefusedError:
        shapes = ", ".join(
            "×".join(str(size) for size in x.shape) or "a number"
            for x in self.arguments.tensors.values()
        )
        advice = ""
        missing = re.search(r"missing \d+ required positional arguments?: (.*)", str(error))
        if missing:
            advice = " Give each of its inputs with --input NAME=SHAPE."
        return RefusedError(
            f"{self.model} does not take an input of {shapes}: {first_line(error)}{advice}"
        )

    def _arrays(self, outputs: dict[str, Any]) -> dict[str, Any]:
        for name, y in outputs.items():
            if y.layout != torch.strided or y.is_quantized or y.is_complex():
                raise RefusedError(
                    f"{self.model} returns {name} as {y.dtype} ({y.layout}): only plain tensors of "
                    "numbers and truth values can be measured."
                )
        return {name: numbers(y) for name, y in outputs.items()}

    def _fold(self, expected: dict[str, Any]) -> None:
        """Fold parametrisations, which must not change what the module returns."""
        folded = fold_parametrisations(self.module)
        if not folded:
            return
        found = self._arrays(self._executed())
        if not all(same(y, found[name]) for name, y in expected.items()):
            raise RefusedError(
                f"{self.model} returns something else once its parametrisations "
                f"({', '.join(folded)}) are folded into its weights, as they must be for "
                "deployment: remove them yourself."
            )
        self.notes.append(
            f"Its parametrisations ({', '.join(folded)}) are folded into its weights, as for "
            "deployment."
        )

    def _called(self, output: str) -> str:
        """Return what an output is called in the file: ONNX knows one name for one tensor."""
        taken = self.request["format"] == "onnx" and output in self.arguments.tensors
        return f"{output}_out" if taken else output

    def write(self) -> None:
        """Export it into the folder."""
        self.stage("exported")
        # What torch prints of a graph that it cannot export helps nobody.
        with torch.no_grad(), silenced():
            write = {
                "onnx": self._write_onnx,
                "torch": self._write_torch,
                "exported": self._write_program,
            }
            write[self.request["format"]]()

    def _write_torch(self) -> None:
        args, kwargs = self.arguments.call()
        try:
            content = formats.export_called(self.module, args, kwargs)
        except FAILURES as error:
            raise self._not_exported(error, _torch_advice(str(error))) from None
        (self.out / "model").write_bytes(content)

    def _write_program(self) -> None:
        module, _ = self._flat()
        try:
            content = formats.export_program(module, tuple(self.arguments.tensors.values()))
        except FAILURES as error:
            advice = "Choose a platform with ONNX Runtime."
            raise self._not_exported(error, advice) from None
        (self.out / "model").write_bytes(content)

    def _flat(self) -> tuple[Any, tuple[str, ...]]:
        """Return a module that takes and returns tensors alone, and the names of these."""
        # Its fused form of a transformer's layer has no counterpart in other formats.
        torch.backends.mha.set_fastpath_enabled(False)
        args, kwargs = self.arguments.call()
        found = self.module(*args, **kwargs)
        plain = not kwargs and isinstance(found, torch.Tensor)
        module = self.module if plain else Flat(self.module, self.arguments)
        return module, tuple(self._called(name) for name in named_tensors(found))

    def _write_onnx(self) -> None:
        self._refuse_bfloat16()
        inputs = self.arguments.tensors
        module, outputs = self._flat()
        try:
            content = _newest_needed(module, tuple(inputs.values()), tuple(inputs), outputs)
        except FAILURES as error:
            advice = "Export it yourself and name the .onnx file."
            scripted = _SCRIPTED.search(str(error))
            raise self._not_exported(error, _SCRIPT_ALL if scripted else advice) from None
        (self.out / "model").write_bytes(content)

    def _refuse_bfloat16(self) -> None:
        kinds = {p.dtype for p in self.module.parameters()}
        kinds |= {x.dtype for x in self.arguments.tensors.values()}
        if torch.bfloat16 in kinds:
            raise RefusedError(
                f"{self.model} is in bfloat16, which ONNX Runtime does not compute in on a CPU: "
                "convert it with .float() or .half(), or choose a platform with torch."
            )

    def _not_exported(self, error: BaseException, advice: str) -> RefusedError:
        backend = self.request["backend"]
        return RefusedError(
            f"{self.model} cannot be exported for {backend}: {first_line(error)} {advice}"
        )


def _newest_needed(
    module: Any, args: tuple[Any, ...], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> bytes:
    """Return an ONNX file in the usual opset, or in the latest where that lacks an operator."""
    try:
        return formats.export_onnx(module, args, inputs, outputs)
    except FAILURES as error:
        if not _UNKNOWN_OPERATOR.search(f"{type(error).__name__} {error}"):
            raise
        with contextlib.suppress(*FAILURES):
            return formats.export_onnx(module, args, inputs, outputs, formats.LATEST_OPSET)
        raise


def _torch_advice(said: str) -> str:
    """Say what helps where a module cannot be written into a file."""
    elsewhere = _ELSEWHERE.search(said)
    if elsewhere:
        module = elsewhere[1] or elsewhere[2]
        return (
            f"Its module {module} is called as an installed package is: rename it, or choose a "
            "platform with ONNX Runtime."
        )
    if _SCRIPTED.search(said):
        return _SCRIPT_ALL
    if _LOCAL.search(said):
        return "Define its classes and functions at the top of a module."
    return "Choose a platform with ONNX Runtime, or leave out what no file can hold."


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Let nothing be printed inside."""
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as ignored:
        for place in (1, 2):
            os.dup2(ignored.fileno(), place)
        try:
            yield
        finally:
            for place, file in zip((1, 2), kept):
                os.dup2(file, place)
                os.close(file)


def _described(name: str, array: Any, tensor: Any) -> dict[str, Any]:
    kind = str(tensor.dtype).replace("torch.", "")
    return {"name": name, "shape": list(array.shape), "kind": kind}
