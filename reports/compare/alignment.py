"""What is left of a guideline's effect in exact widths, and what was alignment, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guideline_benchmarks.reports.compare.marks import marked
from guideline_benchmarks.reports.document import MISSING, Heading, Said, Section, Table
from guideline_benchmarks.reports.layout import excess, explained, interval_text
from guideline_benchmarks.results.compare.alignment import (
    AlignedRow,
    Alignment,
    Effect,
    alignments,
    both_widths,
)
from guideline_benchmarks.results.compare.comparison import Comparison
from guideline_benchmarks.results.statistics.between_runs import FEWEST_CELLS
from guideline_benchmarks.results.statistics.verdict import Verdict, judge

TITLE = "What was alignment"
NONE_BESIDE = (
    "Nothing can be said of it: no run in the paper's widths and one in exact ones have a table "
    "in common, on the same platform and machine with the same software, precision and batch."
)
MEANS = (
    "Geometric means over the columns whose base cells are the same network in both runs. Exact "
    "widths are read at the memory access cost of the paper's row, by a parabola through the base "
    "cell and the two exact rows; how far it bends off a straight line is in the intervals. "
    "The ratio of both is what alignment does, and multiply-adds that the paper's row has more or "
    "less than its base cell, of which fewer speed it up."
)
LEFT: Mapping[Verdict, str] = {
    Verdict.HOLDS: "an effect",
    Verdict.NO_EFFECT: "none within ±3 %",
    Verdict.REVERSED: "the opposite",
    Verdict.UNDECIDED: "inconclusive",
}
ALIGNMENT: Mapping[Verdict, str] = {
    Verdict.HOLDS: "slows",
    Verdict.NO_EFFECT: "none within ±3 %",
    Verdict.REVERSED: "speeds up",
    Verdict.UNDECIDED: "inconclusive",
}
SAME = "the same networks"


def alignment_sections(comparison: Comparison, brief: bool) -> list[Section]:
    """Return one section where there are runs in the paper's widths and in exact ones, else none.

    What is `brief` has less beside the ratio of both widths.
    """
    if not both_widths(comparison.entrants):
        return []
    found = alignments(comparison.entrants, comparison.experiments)
    if not found:
        return [Section(TITLE, [NONE_BESIDE])]
    return [
        Section(
            TITLE,
            tables=[_table(one, brief) for one in found],
            verdicts=[said for one in found for said in _sentences(one, len(found) > 1)],
            notes=[MEANS, *dict.fromkeys(map(_of_hours, found))],
        )
    ]


def _table(found: Alignment, brief: bool) -> Table:
    more = [] if brief else [Heading("read at", numeric=False), Heading("multiply-adds")]
    headings = [
        Heading("row", numeric=False),
        *map(Heading, ("paper's", "exact")),
        *more,
        Heading("ratio"),
        *(Heading(title, numeric=False) for title in ("effect left", "alignment")),
    ]
    pair = f"{marked(found.printed)} beside {marked(found.exact)}"
    caption = f"{pair}: speed relative to the base cell, in the paper's widths and in exact ones"
    rows = [_entries(row, brief) for row in found.rows]
    return explained(Table(caption, headings, rows))


def _entries(row: AlignedRow, brief: bool) -> list[str]:
    more = [" to ".join(row.between), excess(1 + row.multiply_adds, 1)]
    return [
        f"{row.experiment.short_name} {row.name}",
        *(_text(effect, not brief) for effect in (row.printed, row.exact)),
        *([] if brief else more),
        _text(row.alignment),
        _left(row),
        _alignment(row),
    ]


def _text(effect: Effect, interval: bool = True) -> str:
    ends = effect.interval if interval else None
    return f"{effect.ratio:.3f} {interval_text(ends, '{:.3f}'.format)}".rstrip()


def _left(row: AlignedRow) -> str:
    """Say what is left of a row's effect in exact widths; nothing is decided without intervals."""
    interval = row.exact.interval
    return LEFT[judge([interval], row.experiment.slower)] if interval else MISSING


def _alignment(row: AlignedRow) -> str:
    """Say what alignment does to a row of the paper's widths."""
    if row.same:
        return SAME
    interval = row.alignment.interval
    return ALIGNMENT[judge([interval], slower=True)] if interval else MISSING


def _sentences(found: Alignment, several: bool) -> list[Said]:
    """Say of each guideline what was alignment in its last row whose widths are not exact.

    Nothing without intervals, which decides nothing.
    """
    decided = [row for row in found.rows if row.alignment.interval and not row.same]
    last = {row.experiment.name: row for row in decided}
    where = f"{found.printed.label}: " if several else ""
    return [Said(f"{where}{_sentence(row)}") for row in last.values()]


def _sentence(row: AlignedRow) -> str:
    experiment = row.experiment
    return (
        f"{experiment.short_name} {experiment.title}, {row.name}: {_text(row.printed)} of the "
        f"speed of {experiment.base} in the paper's widths, {_text(row.exact)} in exact ones. "
        f"Effect left there: {_left(row)}. Alignment, {_text(row.alignment)}: {_alignment(row)}."
    )


def _of_hours(found: Alignment) -> str:
    """Say how far the two hours lie apart, as far as networks of both runs show it."""
    if found.printed.kind != "measured":
        return "What is counted or modelled has no intervals, and decides nothing."
    if found.hours is None:
        return (
            f"Fewer than {FEWEST_CELLS} networks of both runs show how far two hours lie apart, "
            "which is in no interval here: measure again what lies near 1."
        )
    return (
        "By the networks that are in both runs, two hours lie "
        f"{100 * found.hours.deviation:.1f} % apart beyond what the processes show; the intervals "
        "of alignment allow for it."
    )


def alignment_objects(comparison: Comparison) -> list[dict[str, Any]]:
    """Return one object for each row of the paper's widths beside exact ones, for `--json`."""
    return [
        {
            "platforms": [found.printed.label, found.exact.label],
            "experiment": row.experiment.name,
            "row": row.name,
            "read_at": list(row.between),
            "columns": row.columns,
            "multiply_adds_deviation": row.multiply_adds,
            **_fields("paper_widths", row.printed),
            **_fields("exact_widths", row.exact),
            **_fields("alignment", row.alignment),
            "verdicts": {"effect_left": _left(row), "alignment": _alignment(row)},
        }
        for found in alignments(comparison.entrants, comparison.experiments)
        for row in found.rows
    ]


def _fields(name: str, effect: Effect) -> dict[str, Any]:
    return {name: effect.ratio, f"{name}_ci95": effect.interval and list(effect.interval)}
