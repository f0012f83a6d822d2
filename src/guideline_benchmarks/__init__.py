"""The suite as it is imported: `guideline_benchmarks.results`, and so on.

An environment in which the suite is installed sees this one package, so that a user's own `results`
or `networks` stay theirs. In a checkout the five rooms are links to the folders at its root.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guideline_benchmarks.results.decomposition.operators import Depthwise
    from guideline_benchmarks.results.tables.frames import Frames


def load(path: str | Path, depthwise: Depthwise = "conv") -> Frames:
    """Return a stored run as pandas DataFrames (see guidelines.frames.load)."""
    # Imported only now, since every part of the suite imports this file first.
    from guideline_benchmarks.guidelines import frames

    return frames.load(path, depthwise)
