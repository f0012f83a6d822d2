"""What a torch module is called with: tensors put where its forward wants them."""

from __future__ import annotations

import inspect
import typing
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import torch

from guideline_benchmarks.guidelines.export.exporter.errors import RefusedError
from guideline_benchmarks.guidelines.export.exporter.values import USUAL_IMAGE, Values, Wanted

_KINDS = {
    str(kind).removeprefix("torch."): kind
    for kind in (
        torch.float32, torch.float16, torch.float64, torch.bfloat16, torch.bool,
        torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8,
    )
}  # fmt: skip


class Arguments:
    """Inputs of a module by name, and where each goes when it is called.

    An input is named as the parameter of `forward` that takes it, or parameter.key for a part of
    one that takes a list (keys 0, 1, …), a dict, or a dataclass or named tuple if it is annotated
    so. Inputs without a name are the first parameters that have none yet.
    """

    def __init__(
        self, model: str, module: Any, asked: list[dict[str, Any]], values: Values
    ) -> None:
        self.model = model
        self.values = values
        self.parameters = _parameters(module)
        self.usual = _floating(module)
        items = [dict(item) for item in asked] or self._unasked()
        self._name(items)
        wanted = [self._wanted(item) for item in items]
        self.kinds = {one.name: _KINDS[item["kind"]] for one, item in zip(wanted, items)}
        arrays = self.values.of(wanted)
        self.tensors = {
            name: torch.from_numpy(array).to(self.kinds[name]) for name, array in arrays.items()
        }
        self.positional = [item["name"] for item in items if item["positional"]]
        self.annotations = _annotations(module)

    def _unasked(self) -> list[dict[str, Any]]:
        """Return what to give a module of which nothing was said: all values, or one image."""
        if self.values.given:
            return [{"name": name, "shape": None, "kind": None} for name in self.values.given]
        return [{"name": None, "shape": USUAL_IMAGE, "kind": None}]

    def _name(self, items: list[dict[str, Any]]) -> None:
        """Give every input a name, and say which are given by place."""
        taken = {item["name"].split(".")[0] for item in items if item["name"] is not None}
        free = [name for name in self.parameters if name not in taken]
        for place, item in enumerate(items):
            item["positional"] = item["name"] is None
            if item["positional"]:
                item["name"] = free.pop(0) if free else f"x{place}"
            elif self.parameters and not self._takes(item["name"].split(".")[0]):
                raise RefusedError(
                    f"{self.model} takes no {item['name']}: its forward takes "
                    f"{', '.join(self.parameters)}."
                )
        names = [item["name"] for item in items]
        for name in set(self.values.given) - set(names):
            if self._takes(name.split(".")[0]):
                items.append({"name": name, "shape": None, "kind": None, "positional": False})
        for name in names:
            if names.count(name) > 1:
                raise RefusedError(f"--input gives {name} of {self.model} twice.")

    def _takes(self, name: str) -> bool:
        return name in self.parameters or "**" in self.parameters.values()

    def _wanted(self, item: dict[str, Any]) -> Wanted:
        shape = item["shape"] if item["shape"] is not None else self.values.shape(item["name"])
        if shape is None:
            raise RefusedError(f"--input {item['name']} of {self.model} has no shape.")
        if item["kind"] is None:
            item["kind"] = self._kind(item["name"])
        if item["kind"] not in _KINDS:
            raise RefusedError(
                f"Torch has no type {item['kind']}, which is asked for {item['name']}: choose of "
                f"{', '.join(_KINDS)}."
            )
        # numpy knows no bfloat16: what is drawn is rounded to it.
        kind = "float32" if item["kind"] == "bfloat16" else item["kind"]
        return Wanted(item["name"], tuple(shape), kind)

    def _kind(self, name: str) -> str:
        """Return the type of an input of which none was said: that of its values or weights."""
        given = self.values.given.get(name)
        if given is not None and given.dtype.kind != "f":
            return str(given.dtype)
        return str(self.usual).removeprefix("torch.")

    def call(self, tensors: dict[str, Any] | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the positional and the named arguments, of other tensors if there are any."""
        values = self.tensors if tensors is None else tensors
        args = tuple(values[name] for name in self.positional)
        parts = {name: value for name, value in values.items() if name not in self.positional}
        nested: dict[str, Any] = {}
        for name, value in parts.items():
            inside = nested
            *path, last = name.split(".")
            for key in path:
                inside = inside.setdefault(key, {})
            inside[last] = value
        return args, {
            name: _structure(part, self.annotations.get(name)) for name, part in nested.items()
        }


def _structure(part: Any, annotation: Any) -> Any:
    """Return keys and values as what a parameter takes: a list, a dict, or its own type."""
    if not isinstance(part, dict):
        return part
    if is_dataclass(annotation) or hasattr(annotation, "_fields"):
        return annotation(**{name: _structure(value, None) for name, value in part.items()})
    inside = {name: _structure(value, None) for name, value in part.items()}
    if all(name.isdigit() for name in inside):
        values = [inside[name] for name in sorted(inside, key=int)]
        return tuple(values) if typing.get_origin(annotation) is tuple else values
    return inside


def _parameters(module: Any) -> dict[str, str]:
    """Return the parameters of a module's forward by name, "**" for one that takes any others."""
    if isinstance(module, torch.jit.ScriptModule):
        schema: Any = module.forward.schema  # type: ignore[attr-defined]
        names = [argument.name for argument in schema.arguments]
        return dict.fromkeys([name for name in names if name != "self"], "")
    try:
        found = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return {}
    if any(p.kind is p.VAR_POSITIONAL for p in found):
        return {}
    return {p.name: "**" if p.kind is p.VAR_KEYWORD else "" for p in found}


def _annotations(module: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(type(module).forward)
    except Exception:
        return {}


def _floating(module: Any) -> torch.dtype:
    """Return the type of a module's first weights that are numbers with fractions."""
    kinds: list[torch.dtype] = [parameter.dtype for parameter in module.parameters()]
    return next((kind for kind in kinds if kind.is_floating_point), torch.float32)


def numbers(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return a tensor as numpy has it: bfloat16, which it lacks, as float32."""
    plain = tensor.detach().resolve_conj().resolve_neg()
    if plain.dtype is torch.bfloat16:
        plain = plain.float()
    return plain.cpu().numpy()
