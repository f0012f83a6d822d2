"""A gate's figures as github-action-benchmark reads them."""

from __future__ import annotations

import json
from typing import Any

from guideline_benchmarks.results.gate.finding import Judgement


def action_benchmark(judgement: Judgement) -> str:
    """Return the list that github-action-benchmark reads as tool "customSmallerIsBetter"."""
    entries = []
    for cell, figure in judgement.figures.items():
        entry: dict[str, Any] = {"name": cell, "unit": figure.unit, "value": figure.value}
        if figure.interval:
            entry["range"] = f"{figure.interval[0]:.4g} to {figure.interval[1]:.4g}"
        entries.append(entry)
    return json.dumps(entries, indent=2) + "\n"
