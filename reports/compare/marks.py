"""How a label shows what was not measured."""

from __future__ import annotations

from guideline_benchmarks.results.compare.entrants import Entrant

MARKS = {"measured": "", "counted": " †", "modelled": " §", "published": " ‡"}


def marked(entrant: Entrant) -> str:
    """Return an entrant's label, with its mark unless it was measured (see MARKS)."""
    return f"{entrant.label}{MARKS[entrant.kind]}"
