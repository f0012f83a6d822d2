"""From ONNX to what a runtime reads, where that is something else: one module for each format.

Each has `convert(model: bytes) -> bytes`, which returns the content of the model file that its
worker is given, and `versions() -> dict[str, str]`, the versions of what converts. Both raise
PlatformError when that is not installed, and `convert` BadInputError for a network that the format
cannot hold.
"""

from __future__ import annotations

import importlib
from typing import Protocol, cast


class Converter(Protocol):
    """What a module of this package offers."""

    def convert(self, model: bytes) -> bytes:
        """Return an ONNX model as the content of the runtime's own file."""

    def versions(self) -> dict[str, str]:
        """Return the versions of what converts."""


def converter(name: str) -> Converter:
    """Return the converter of that name (see results.record.backends.Backend)."""
    return cast(Converter, importlib.import_module("." + name, __name__))
