"""Fig. 2 and the decompositions of the user's own networks, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from reports.tables import (
    MISSING,
    PAPER_PLATFORMS,
    Heading,
    Section,
    Table,
    interval_text,
    significant,
)
from results.decomposition import UNATTRIBUTED, Decomposition
from results.paper import published_decomposition
from results.schema import Experiment
from results.summary import Summary

_DEPTHWISE_NOTES = {
    "conv": "Depthwise convolutions count as Conv; --depthwise elemwise counts them as Elemwise.",
    "elemwise": "Depthwise convolutions count as Elemwise; --depthwise conv counts them as Conv.",
}


def bars_name(experiment: Experiment) -> str:
    """Return the name of the plot of stacked bars, beside the pies that have the experiment's."""
    return f"{experiment.name}-bars"


def papers(found: Decomposition) -> dict[str, dict[str, float]]:
    """Return the pies that the paper gives for a network: percent by device and category."""
    return {
        device: published_decomposition(channels)[found.cell.row]
        for channels, device in PAPER_PLATFORMS.items()
        if found.cell.row in published_decomposition(channels)
    }


def rounded(percents: Sequence[float]) -> list[str]:
    """Return percentages to one decimal so that what is printed adds up as the figures do.

    The largest remainders are rounded up.
    """
    tenths = [10 * percent for percent in percents]
    missing = round(sum(tenths)) - sum(floor(tenth) for tenth in tenths)
    by_remainder = sorted(range(len(tenths)), key=lambda i: floor(tenths[i]) - tenths[i])
    up = set(by_remainder[:missing])
    return [f"{(floor(tenth) + (i in up)) / 10:.1f}" for i, tenth in enumerate(tenths)]


def decomposition_sections(summary: Summary) -> list[Section]:
    """Return every experiment of a run that takes run time apart as a section."""
    return [_section(summary, experiment) for experiment in summary.decomposed]


def _section(summary: Summary, experiment: Experiment) -> Section:
    networks = summary.decompositions_of(experiment)
    known = [found for found in networks if found.categories]
    title = f"{experiment.table}: {experiment.title}"
    plots = [
        (experiment.name, f"{title}: pies, the paper's beside the measured"),
        (bars_name(experiment), f"{title}: stacked bars, the paper's beside the measured"),
    ]
    return Section(
        experiment=experiment,
        title=title,
        tables=[
            table
            for found in known
            for table in (_shares(found), _operators(found), _totals(found))
        ],
        verdicts=[],
        notes=_notes(summary, networks),
        plots=plots if known else [],
    )


def _shares(found: Decomposition) -> Table:
    """Return one row a category: measured, of it depthwise convolutions, and published."""
    published = papers(found)
    headings = [
        Heading("category", numeric=False),
        Heading("measured"),
        Heading("95 % interval"),
        Heading("of it depthwise"),
        *(Heading(f"paper, {device}") for device in published),
    ]
    measured = rounded([share.percent for share in found.categories])
    rows = [
        [
            share.category,
            percent,
            interval_text(share.percent_ci95, "{:.1f}".format),
            f"{share.depthwise_percent:.1f}" if share.depthwise_percent else "",
            *(_percent(pie.get(share.category)) for pie in published.values()),
        ]
        for share, percent in zip(found.categories, measured, strict=True)
    ]
    return Table(f"{found.cell.row}: share of the run time, percent", headings, rows)


def _percent(value: float | None) -> str:
    return MISSING if value is None else f"{value:g}"


def _operators(found: Decomposition) -> Table:
    """Return one row for each kind of operator, the largest share first."""
    titles = ["calls", "ms", "percent", "95 % interval"]
    headings = [
        Heading("operator", numeric=False),
        Heading("category", numeric=False),
        *(Heading(title) for title in titles),
    ]
    rest = found.categories[-1]
    percents = rounded([*(single.percent for single in found.parts), rest.percent])
    rows = [
        [
            single.part.label,
            single.part.category.value,
            str(single.calls),
            significant(single.ms),
            percent,
            interval_text(single.percent_ci95, "{:.1f}".format),
        ]
        for single, percent in zip(found.parts, percents, strict=False)
    ]
    interval = interval_text(rest.percent_ci95, "{:.1f}".format)
    rows.append([UNATTRIBUTED, "", "", significant(rest.ms), percents[-1], interval])
    return Table(f"{found.cell.row}: by operator", headings, rows)


def _totals(found: Decomposition) -> Table:
    """Return how the times were taken: what the profiler costs, and what is taken off for it."""
    entries = {
        "unprofiled, ms": significant(found.plain_ms),
        "profiled, ms": significant(found.profiled_ms),
        "slower by": f"{100 * found.overhead:.1f} %",
        "operators, ms": significant(found.operators_ms),
        "calls": str(sum(single.calls for single in found.parts)),
        "off each call, µs": f"{1e3 * found.per_operator_ms:.2f}",
        "attributed": f"{100 * found.attributed:.1f} %",
    }
    caption = f"{found.cell.row}: without and with the profiler"
    return Table(caption, [Heading(title) for title in entries], [list(entries.values())])


def _notes(summary: Summary, networks: Sequence[Decomposition]) -> list[str]:
    notes = []
    for found in networks:
        if found.failure:
            notes.append(f"{found.cell.row} has no figures: {found.failure}.")
        elif not found.categories:
            notes.append(f"{found.cell.row} was not measured yet.")
    if any(found.categories for found in networks):
        notes += [
            "Shares are of the time without the profiler, and sum to 100.0 % with what no operator "
            "accounts for. What a runtime fuses into a convolution counts as Conv "
            "(docs/decomposition.md).",
            _DEPTHWISE_NOTES[summary.depthwise],
        ]
    return notes
