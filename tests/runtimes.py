"""The backends of this machine's CPU, those whose runtime is not installed to be skipped."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from guideline_benchmarks.guidelines.export.converters import converter
from guideline_benchmarks.guidelines.export.quantisers import Quantiser
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.record.backends import BACKENDS, Backend

SMALL_CEILINGS = Path(__file__).with_name("small_ceilings.py")


def is_installed(row: Backend, precision: str = "fp32") -> bool:
    """Whether a backend's runtime is here, and all that makes networks for it."""
    try:
        for package in row.requirements:
            version(package)
        if row.converter:
            converter(row.converter).versions()
        if precision == "int8":
            Quantiser(row.quantiser, 8).versions()
    except (PackageNotFoundError, PlatformError):
        return False
    return True


def on_the_cpu(profiled: bool = False, precision: str = "fp32") -> list[Any]:
    """The names of all that compute in a precision, or that show times too, as test parameters."""
    rows = [row for row in BACKENDS.values() if row.device == "cpu"]
    return [
        pytest.param(row.name, marks=_marks(row, precision))
        for row in rows
        if precision in row.precisions and (row.profiled_modes or not profiled)
    ]


def _marks(row: Backend, precision: str) -> list[pytest.MarkDecorator]:
    missing = pytest.mark.skipif(
        not is_installed(row, precision), reason=f"{row.runtime} is not installed (make runtimes)"
    )
    # What is converted and then quantised takes seconds a network.
    return [missing, *([pytest.mark.slow] if row.converter and precision == "int8" else [])]
