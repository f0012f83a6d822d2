"""How far modelled times are off, as entries of a table."""

from __future__ import annotations

from guideline_benchmarks.reports.document import MISSING, Heading
from guideline_benchmarks.results.cost_model.cost_model import Errors

HEADINGS = [
    Heading(title)
    for title in ("cells", "median error", "90th percentile", "bias", "rank correlation")
]


def error_entries(errors: Errors) -> list[str]:
    """Return the entries below HEADINGS."""
    return [
        str(errors.cells),
        f"{100 * errors.median:.1f} %",
        f"{100 * errors.p90:.1f} %",
        f"{100 * errors.bias:+.1f} %",
        MISSING if errors.rank is None else f"{errors.rank:.3f}",
    ]
