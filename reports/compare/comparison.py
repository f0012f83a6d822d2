"""A comparison of platforms: its tables, its heat map, its CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from guideline_benchmarks.reports.compare.alignment import alignment_objects, alignment_sections
from guideline_benchmarks.reports.compare.flips import flip_objects, flip_section
from guideline_benchmarks.reports.compare.heat_map import heat_map
from guideline_benchmarks.reports.compare.many import (
    introductions,
    is_crowded,
    turned,
    verdict_counts,
)
from guideline_benchmarks.reports.compare.marks import marked
from guideline_benchmarks.reports.document import MISSING, Document, Heading, Section, Table
from guideline_benchmarks.reports.formats.registry import write
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.layout import (
    explained,
    interval_text,
    significant,
    spread_text,
)
from guideline_benchmarks.results.compare.agreement import rank_agreements, reversals
from guideline_benchmarks.results.compare.comparison import Comparison
from guideline_benchmarks.results.compare.entrants import Entrant
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.tables.metric import Standing

# On a terminal, more columns than these get no intervals.
WITH_INTERVALS = 3
HEAT_MAP = ("heatmap", "Heat map of relative speeds: cells by platforms")
ORDERS = (
    "τ is of bare figures. In brackets: of those pairs of rows of a column whose intervals overlap "
    "on neither platform, how many stand in the other order."
)
MEANS = (
    "Speed is by mean times, relative speed by the ratios inside rounds: disturbed rounds set them "
    "apart."
)


def document(comparison: Comparison, brief: bool = False) -> Document:
    """Return all that a comparison says, without its figures and its data.

    What is `brief` fits a terminal: the most telling flips alone, and no intervals of many.
    """
    if is_crowded(comparison.entrants):
        sections = _lines_for_each(comparison, brief)
    else:
        sections = _side_by_side(comparison, brief)
    # So many columns as there may be platforms have no room on paper.
    return Document("compare", "Platforms side by side", sections, left_out=["latex"])


def _side_by_side(comparison: Comparison, brief: bool) -> list[Section]:
    intervals = not brief or len(comparison.entrants) <= WITH_INTERVALS
    sections = [
        Section(
            "What is compared",
            [*map(_introduced, comparison.entrants), *comparison.left_out],
            tables=[_axes(comparison.entrants)],
        ),
        Section("Verdicts", tables=[_verdicts(comparison)]),
        *([flip_section(comparison, brief)] if len(comparison.entrants) > 1 else []),
        *alignment_sections(comparison, brief),
        Section(
            "Speed relative to the base cell",
            plots=[HEAT_MAP],
            tables=[_relative(comparison, e, intervals) for e in comparison.experiments],
        ),
    ]
    if len(comparison.entrants) > 1:
        sections.append(Section("Rank agreement", tables=[_agreement(comparison)]))
    groups = comparison.speed_groups
    if groups:
        tables = [_speeds(comparison, group) for group in groups]
        sections.append(Section("Absolute speed", tables=tables))
    return sections


def _lines_for_each(comparison: Comparison, brief: bool) -> list[Section]:
    """Return the sections of a comparison of many; a terminal gets verdicts and flips alone."""
    entrants = comparison.entrants
    flipping = flip_section(comparison, brief)
    if brief:
        return [Section("Verdicts", tables=[verdict_counts(comparison)]), flipping]
    relative = [_relative(comparison, e, intervals=False) for e in comparison.experiments]
    speeds = [turned(_speeds(comparison, group), group) for group in comparison.speed_groups]
    return [
        Section("What is compared", list(comparison.left_out), tables=[introductions(entrants)]),
        Section("Speed relative to the base cell", plots=[HEAT_MAP]),
        Section("Verdicts", tables=[turned(_verdicts(comparison), entrants)]),
        flipping,
        *alignment_sections(comparison, brief),
        Section("Relative speeds", tables=[turned(table, entrants) for table in relative]),
        *([Section("Absolute speed", tables=speeds)] if speeds else []),
    ]


def _introduced(entrant: Entrant) -> str:
    """Say what an entrant is, and with which spread its figures were made."""
    spread = f"; {spread_text(entrant.spread)}" if entrant.spread else "."
    return f"{marked(entrant)}: {entrant.origin}{spread}"


def _axes(entrants: Sequence[Entrant]) -> Table:
    """Return what the networks of each entrant ran with."""
    headings = [Heading("", numeric=False), Heading("runtime", numeric=False)]
    headings += [Heading("threads"), Heading("precision", numeric=False)]
    rows = [
        [marked(e), e.runtime or MISSING, str(e.threads or MISSING), e.precision or MISSING]
        for e in entrants
    ]
    return Table("What the networks of each ran with", headings, rows)


def _headings(entrants: Sequence[Entrant], first: str, numeric: bool = True) -> list[Heading]:
    labels = [Heading(marked(entrant), numeric=numeric) for entrant in entrants]
    return [Heading(first, numeric=False), *labels]


def _verdicts(comparison: Comparison) -> Table:
    rows = []
    for experiment in comparison.experiments:
        for scale in comparison.scales(experiment):
            said = [e.verdicts.get((experiment.name, scale), MISSING) for e in comparison.entrants]
            rows.append([f"{experiment.short_name} {experiment.title}, ×{scale}", *said])
    caption = (
        "Guideline and platform: what each column of the tables says; τ is the agreement of an "
        "order by instructions, or by modelled time, with the paper's"
    )
    return Table(caption, _headings(comparison.entrants, "guideline", numeric=False), rows)


def _relative(comparison: Comparison, experiment: Experiment, intervals: bool) -> Table:
    def entry(standing: Standing | None) -> str:
        if standing is None or standing.relative is None:
            return MISSING
        shown = standing.interval if intervals and standing.relative != 1 else None
        return f"{standing.relative:.3f} {interval_text(shown, '{:.3f}'.format)}".strip()

    rows = [
        [f"{key[1]}, ×{key[2]}", *(entry(e.standings.get(key)) for e in comparison.entrants)]
        for key in comparison.keys(experiment)
    ]
    between = ", with 95 % intervals" if intervals else ""
    caption = f"{experiment.table}: speed relative to {experiment.base}{between}"
    return explained(Table(caption, _headings(comparison.entrants, "cell"), rows))


def _agreement(comparison: Comparison) -> Table:
    found = rank_agreements(comparison)
    rows = []
    for one in comparison.entrants:
        row = [marked(one)]
        for other in comparison.entrants:
            tau = found.get((one.label, other.label), found.get((other.label, one.label)))
            said = MISSING if tau is None else f"{tau:+.2f}{_reversed(one, other)}"
            row.append("1" if one is other else said)
        rows.append(row)
    caption = "Kendall's τ of the order of rows, the mean over columns with three rows of both"
    noted = any("(" in entry for row in rows for entry in row[1:])
    return Table(caption, _headings(comparison.entrants, ""), rows, ORDERS if noted else "")


def _reversed(one: Entrant, other: Entrant) -> str:
    """Return how many pairs of rows are shown to stand in the other order: " (3 of 40)"."""
    found = reversals(one, other)
    return f" ({found[0]} of {found[1]})" if found else ""


def _speeds(comparison: Comparison, group: Sequence[Entrant]) -> Table:
    rows = []
    for experiment in comparison.experiments:
        for key in comparison.keys(experiment):
            known = [entrant.standings.get(key) for entrant in group]
            if any(standing is not None for standing in known):
                speeds = [s.speed if s else None for s in known]
                said = [MISSING if speed is None else significant(speed) for speed in speeds]
                rows.append([f"{key[0]} {key[1]}, ×{key[2]}", *said])
    caption = f"Speed in {group[0].unit}, {group[0].channels} channel set"
    return Table(caption, _headings(group, "cell"), rows, note=MEANS)


def comparison_object(comparison: Comparison) -> dict[str, Any]:
    """Return what `--json` prints: all cells, what flips, and what was alignment."""
    return {
        "cells": _cell_objects(comparison),
        "flips": flip_objects(comparison),
        "alignment": alignment_objects(comparison),
    }


def _cell_objects(comparison: Comparison) -> list[dict[str, Any]]:
    """Return one object for each cell of each entrant: the lines of the CSV."""
    return [
        {
            "platform": entrant.label,
            "kind": entrant.kind,
            "runtime": entrant.runtime or None,
            "threads": entrant.threads,
            "precision": entrant.precision or None,
            "experiment": experiment,
            "row": row,
            "scale": scale,
            "channels": entrant.channels,
            "relative_speed": standing.relative,
            "ci95_low": standing.interval[0] if standing.interval else None,
            "ci95_high": standing.interval[1] if standing.interval else None,
            "speed": standing.speed,
            "unit": entrant.unit,
            "verdict": entrant.verdicts.get((experiment, scale)),
        }
        for entrant in comparison.entrants
        for (experiment, row, scale), standing in entrant.standings.items()
    ]


def comparison_csv(comparison: Comparison) -> str:
    """Return all cells as CSV, with a line of headings."""
    objects = _cell_objects(comparison)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(objects[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(objects)
    return buffer.getvalue()


def write_comparison(
    comparison: Comparison, folder: Path, meanwhile: Callable[[], None] = lambda: None
) -> Path:
    """Write compare.html, compare.md, compare.csv and the heat map; return the HTML page."""
    figures = {"heatmap": heat_map(comparison)}
    data = {"compare.csv": comparison_csv(comparison)}
    return write(replace(document(comparison), figures=figures, data=data), folder, meanwhile)


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print a comparison on the terminal."""
    show(document(comparison, brief=True), console)
