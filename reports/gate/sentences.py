"""What a gate found, in sentences."""

from __future__ import annotations

import math
from collections import Counter
from statistics import median

from guideline_benchmarks.results.gate.finding import Change, Finding, Judgement
from guideline_benchmarks.results.statistics.resolution import bracketed

_WHAT = {"pairs": "this session", "quartets": "this session", "processes": "these runs"}


def cannot_tell(judgement: Judgement) -> str:
    """Say that too many rows are open, which readers must know first; "" where few are."""
    if not judgement.cannot_tell:
        return ""
    of, what = len(judgement.with_figures), _WHAT[judgement.rests_on]
    # None is what lies beyond all that could have been found.
    smallest = median(finding.smallest_detectable or math.inf for finding in judgement.open)
    said = f"{len(judgement.open)} of {of} rows are INCONCLUSIVE: {what} cannot tell"
    if math.isfinite(smallest):
        said += f"; in half of them, nothing below {smallest:.3f} could have been seen"
    return f"{said}."


def opening(judgement: Judgement) -> list[tuple[str, str]]:
    """Return what stands right below that, or first: the spread, and what is needed yet."""
    said = [("Spread", judgement.spread), ("Needed", judgement.needed)]
    return [(label, text) for label, text in said if text]


def remarks(judgement: Judgement) -> list[str]:
    """Return the sentences of a judgement: drift first, then what else must be known."""
    told = []
    if judgement.drifts:
        parts = []
        for name, (ratio, ends) in judgement.drifts.items():
            between = f" {bracketed(ends)}" if ends else ""
            parts.append(f"{name} × {ratio:.3f}{between}")
        told = [f"Drift of the machine, taken off every cell: {', '.join(parts)}."]
    return [*told, *judgement.remarks]


def summary_line(judgement: Judgement) -> str:
    """Return how many cells have each verdict: "2 cells SLOWER, 49 SAME"."""
    cells = [finding for finding in judgement.findings if finding.row.kind == "cell"]
    found = Counter(finding.verdict for finding in cells)
    counts = [f"{found[verdict]} {verdict}" for verdict in Change if found[verdict]]
    return f"Of {len(cells)} cells: {', '.join(counts) or 'nothing'}"


def finding_line(judgement: Judgement, finding: Finding) -> str:
    """Say what was found of a row, in one clause."""
    said = f"{finding.verdict}: {judgement.metric} × {finding.text}"
    if finding.verdict == Change.INCONCLUSIVE and finding.smallest_detectable is not None:
        said += f"; nothing below {finding.smallest_detectable:.3f} could have been seen"
    return said
