"""Write every output of an advice: its document in all formats, the bar, and CSV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from guideline_benchmarks.reports.advice.bar import bar
from guideline_benchmarks.reports.advice.document import BAR, document
from guideline_benchmarks.reports.formats.registry import write
from guideline_benchmarks.results.advice.json_object import advice_object
from guideline_benchmarks.results.advice.judged import Judged
from guideline_benchmarks.results.advice.ranking import ranks
from guideline_benchmarks.results.record.cells import shape_text


def write_advice(
    judged: Judged, folder: Path, meanwhile: Callable[[], None] = lambda: None
) -> Path:
    """Write an advice into `folder` and return its HTML page.

    advice.html, advice.md, advice.tex, the bar of the network as SVG and PNG if there is one, and
    as CSV the findings, their alternatives and the operators. `meanwhile` is called while the bar
    is drawn. Raises the errors of results.store.files.write_file.
    """
    figures = {BAR: bar(judged)} if judged.segments else {}
    return write(
        replace(document(judged), figures=figures, data=csv_files(judged)), folder, meanwhile
    )


def csv_files(judged: Judged) -> dict[str, str]:
    """Return the CSV files of an advice by name, those alone that have lines.

    Fields are named as in `advise --json`; the ends of an interval, and costs before and after,
    have columns of their own. Nodes of a place are divided by spaces, places by semicolons.
    """
    found = advice_object(judged)["findings"]
    rows = {
        "findings.csv": [_finding(one) for one in found],
        "alternatives.csv": [
            {"rank": one["rank"], "guideline": one["guideline"], **_flat(alternative)}
            for one in found
            for alternative in one["alternatives"]
        ],
        "operators.csv": _operators(judged),
    }
    return {name: pd.DataFrame(o).to_csv(index=False) for name, o in rows.items() if o}


def _finding(found: dict[str, Any]) -> dict[str, Any]:
    """Return a finding as a line: its alternatives are in a file of their own but for the first."""
    alternatives = found["alternatives"]
    whole = {key: value for key, value in found.items() if key not in ("nodes", "alternatives")}
    texts = {
        "places": "; ".join(" ".join(place) for place in found["places"]),
        "inputs": ", ".join(map(shape_text, found["inputs"])),
        "outputs": ", ".join(map(shape_text, found["outputs"])),
        "instead": alternatives[0]["text"] if alternatives else None,
    }
    return _flat(whole | texts)


def _flat(found: dict[str, Any]) -> dict[str, Any]:
    """Return an object with a column of its own for each end of a pair."""
    flat: dict[str, Any] = {}
    for key, value in found.items():
        if key.endswith("_ci95"):
            flat[f"{key}_low"], flat[f"{key}_high"] = value or (None, None)
        elif isinstance(value, dict):
            flat |= {f"{key}_{end}": one for end, one in value.items()}
        else:
            flat[key] = value
    return flat


def _operators(judged: Judged) -> list[dict[str, Any]]:
    """Return what the bar shows: the operators in the order in which they were executed."""
    rank_of = ranks(judged)
    return [
        {
            "name": segment.name,
            "operator": segment.operator,
            "ms": segment.ms,
            "findings": " ".join(str(rank_of[number]) for number in segment.findings),
        }
        for segment in judged.segments
    ]
