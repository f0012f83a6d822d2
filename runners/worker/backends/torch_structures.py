"""The tensors in what a torch module takes and returns, by name.

Also packed into the program that exports a user's module (guidelines.export.apart).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch

# What an output that is one tensor, and has no name, is called.
ONLY = "y"
# They hold no tensor, and nothing is proved by them.
_PLAIN = (bool, int, float, complex, str, bytes)


def named_tensors(found: Any) -> dict[str, torch.Tensor]:
    """Return the tensors of an output by name: ONLY, or keys, fields and places joined by dots.

    What begins with a place begins with ONLY. An output is a tensor, None, a number, a text, or a
    mapping, dataclass, tuple or list of outputs. Raises TypeError, naming the type, for anything
    else.
    """
    named = _named(found, "").items()
    # A number alone is no name in ONNX.
    return {f"{ONLY}.{n}" if n[:1].isdigit() else n or ONLY: tensor for n, tensor in named}


def _named(found: Any, name: str) -> dict[str, torch.Tensor]:
    if isinstance(found, torch.Tensor):
        return {name: found}
    if found is None or isinstance(found, _PLAIN):
        return {}
    inside: dict[str, torch.Tensor] = {}
    for key, part in _parts(found).items():
        inside.update(_named(part, f"{name}.{key}" if name else str(key)))
    return inside


def _parts(found: Any) -> Mapping[Any, Any]:
    if isinstance(found, Mapping):
        return found
    if is_dataclass(found) and not isinstance(found, type):
        return {field.name: getattr(found, field.name) for field in fields(found)}
    if hasattr(found, "_fields"):
        return dict(zip(found._fields, found))
    if isinstance(found, (list, tuple)):
        return dict(enumerate(found))
    raise TypeError(type(found).__name__)


def mapped(change: Callable[[torch.Tensor], torch.Tensor], found: Any) -> Any:
    """Return arguments of a module with every tensor in them changed, in the same structure."""
    if isinstance(found, torch.Tensor):
        return change(found)
    if isinstance(found, dict):
        return {key: mapped(change, part) for key, part in found.items()}
    if is_dataclass(found) and not isinstance(found, type):
        own = {field.name: mapped(change, getattr(found, field.name)) for field in fields(found)}
        return type(found)(**own)
    if hasattr(found, "_fields"):
        return type(found)(*(mapped(change, part) for part in found))
    if isinstance(found, (list, tuple)):
        return type(found)(mapped(change, part) for part in found)
    return found
