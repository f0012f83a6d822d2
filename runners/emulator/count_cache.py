"""Counts kept by what they depend on: the model's content, the emulator, and how it was counted.

Each entry is a file with the raw counts of one network, and when they were counted.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from guideline_benchmarks.results.cost_model.cost_model import Figure
from guideline_benchmarks.results.record.cells import Cell
from guideline_benchmarks.results.record.parts import Count
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store.files import keep_file
from guideline_benchmarks.runners.launcher import ModelFiles

# All that is counted, one list each.
FIGURES = get_args(Figure)
# What of a protocol a count depends on.
_PROTOCOL = ("seed", "batch", "warmup_min", "warmup_max", "output_tolerance")


def key(run: Run, cell: Cell, files: ModelFiles) -> str:
    """Return the SHA-256 of all that the counts of a network in `run` depend on."""
    caches = run.protocol.modelled_caches
    parts = [
        # Names of files lie in an emulated program's memory, and move what lies behind them.
        tempfile.gettempdir(),
        *(hashlib.sha256(path.read_bytes()).hexdigest() for path in files.paths),
        list(cell.network.input_shape),
        cell.operators and asdict(cell.operators),
        run.fingerprint.model_dump(exclude={"machine"}),
        {name: getattr(run.protocol, name) for name in _PROTOCOL},
        caches and caches.model_dump(),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class CountCache:
    """Counts in a folder, a file for each key."""

    folder: Path

    def find(self, key: str, times: int) -> Count | None:
        """Return the first `times` counts kept under `key`, None if there are not so many."""
        try:
            kept = Count.model_validate_json(self._file(key).read_bytes(), strict=True)
        except (OSError, ValidationError):
            return None
        if len(kept.instructions) < times:
            return None
        return kept.model_copy(update={name: getattr(kept, name)[:times] for name in FIGURES})

    def keep(self, key: str, count: Count) -> None:
        """Keep a count, unless it failed its proof or as many executions are there already."""
        if count.instructions and self.find(key, len(count.instructions)) is None:
            keep_file(self._file(key), count.model_dump_json())

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"
