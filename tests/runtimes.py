"""The backends of this machine's CPU, those whose runtime is not installed to be skipped."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from guideline_benchmarks.results.record.backends import BACKENDS


def on_the_cpu(profiled: bool = False) -> list[Any]:
    """The names of all of them, or of those that show times of operators, as test parameters."""
    rows = [row for row in BACKENDS.values() if row.device == "cpu"]
    return [
        pytest.param(
            row.name,
            marks=pytest.mark.skipif(
                bool(row.extra) and find_spec(row.extra) is None,
                reason=f"{row.runtime} is not installed (make runtimes)",
            ),
        )
        for row in rows
        if row.profiled_modes or not profiled
    ]
