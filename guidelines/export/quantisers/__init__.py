"""From networks in float to int8, by each runtime's own tool: one module for each.

Each has `quantise(model, inputs, weight_bits)`, which returns the content of the model file and how
it was quantised, and `versions() -> dict[str, str]`, the versions of what quantises. Both raise
PlatformError when that is not installed, and `quantise` BadInputError for what cannot be quantised.
Activations are calibrated on the very inputs that are measured.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from guideline_benchmarks.results.record import backends
from guideline_benchmarks.results.record.instructions import adds_without_saturating
from guideline_benchmarks.results.record.quantisation import Quantisation
from guideline_benchmarks.runners.worker.machine import host

Inputs = Mapping[str, np.ndarray[Any, Any]]


class Tool(Protocol):
    """What a module of this package offers."""

    def quantise(
        self, model: bytes, inputs: Inputs, weight_bits: int
    ) -> tuple[bytes, Quantisation]:
        """Return a model in int8, its activations calibrated on these inputs by name."""

    def versions(self) -> dict[str, str]:
        """Return the versions of what quantises."""


@dataclass(frozen=True)
class Quantiser:
    """The tool of that name, and how many bits it gives weights."""

    name: str
    weight_bits: int

    @property
    def tool(self) -> Tool:
        """The module."""
        return cast(Tool, importlib.import_module("." + self.name, __name__))

    def versions(self) -> dict[str, str]:
        """Return what quantised networks depend on; raises PlatformError as the tool does."""
        return {**self.tool.versions(), "weight bits": str(self.weight_bits)}

    def quantise(self, model: bytes, inputs: Inputs) -> tuple[bytes, Quantisation]:
        """Return a model in int8, and how it was quantised; raises as the tool does."""
        return self.tool.quantise(model, inputs, self.weight_bits)


def quantiser(backend: str, precision: str, is_local: bool) -> Quantiser | None:
    """Return what quantises networks of a backend for a precision, None where nothing does.

    Kernels that saturate give wrong answers with weights of 8 bits, so these get 7, and of a CPU
    that is not this machine's it is not known.
    """
    if precision != "int8":
        return None
    facts = host.facts()
    exact = is_local and adds_without_saturating(facts["architecture"], facts["cpu_features"])
    return Quantiser(backends.backend(backend).quantiser, 8 if exact else 7)
