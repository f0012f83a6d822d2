"""A stored run as pandas DataFrames, for notebooks and scripts (docs/data.md).

from guideline_benchmarks import load

run = load("results/runs/cpu-20260101-120000")
run.cells.groupby("experiment")["relative_speed"].min()
"""

from __future__ import annotations

import os
from pathlib import Path

from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.decomposition.operators import Depthwise
from guideline_benchmarks.results.tables.frames import Frames, frames_of
from guideline_benchmarks.results.tables.summary import summarise

__all__ = ["Frames", "load"]


def load(path: str | os.PathLike[str], depthwise: Depthwise = "conv") -> Frames:
    """Return the run in folder `path` (or the record `path` itself) as data, on any machine.

    Records of every version are read, compressed ones too. `depthwise` says what depthwise
    convolutions count as in shares. Raises results.errors.BadInputError, in one sentence, for what
    is no run.
    """
    return frames_of(summarise(read_run(Path(path)), depthwise))
