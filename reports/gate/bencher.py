"""A gate's figures in Bencher's own format."""

from __future__ import annotations

import json
from typing import Any

from guideline_benchmarks.results.gate.finding import Judgement


def bencher(judgement: Judgement) -> str:
    """Return Bencher Metric Format: latency in ns, or instructions, with their intervals."""
    metrics: dict[str, Any] = {}
    for cell, figure in judgement.figures.items():
        factor = 1e6 if figure.unit == "ms" else 1.0
        metric = {"value": factor * figure.value}
        if figure.interval:
            metric["lower_value"] = factor * figure.interval[0]
            metric["upper_value"] = factor * figure.interval[1]
        metrics[cell] = {"latency" if figure.unit == "ms" else "instructions": metric}
    return json.dumps(metrics, indent=2) + "\n"
