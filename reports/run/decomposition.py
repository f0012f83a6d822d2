"""Fig. 2 and the decompositions of the user's own networks, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from guideline_benchmarks.reports.document import MISSING, Heading, Section, Table
from guideline_benchmarks.reports.layout import explained, interval_text, percents_text, significant
from guideline_benchmarks.reports.run.costs import (
    cost_sentence,
    inputs_sentence,
    layers_table,
    uncounted_sentences,
)
from guideline_benchmarks.results.decomposition.shares import UNATTRIBUTED, Decomposition, Estimate
from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.record.cells import Experiment, UserNetwork, shape_text
from guideline_benchmarks.results.statistics.resolution import NOT_RESOLVED
from guideline_benchmarks.results.statistics.verdict import Interval
from guideline_benchmarks.results.tables.summary import Summary

# Beyond these, a note says that the figures are rough: the profiler's fraction of the operators'
# sum, and the slowest tenth of the executions over the fastest.
LARGE_CORRECTION = 0.2
LARGE_SPREAD = 1.5
_DEPTHWISE_NOTES = {
    "conv": "Depthwise convolutions count as Conv; --depthwise elemwise counts them as Elemwise.",
    "elemwise": "Depthwise convolutions count as Elemwise; --depthwise conv counts them as Conv.",
}


def measured_networks(summary: Summary, experiment: Experiment) -> list[Decomposition]:
    """Return the networks of an experiment that have figures."""
    return [found for found in summary.decompositions_of(experiment) if found.categories]


def papers(found: Decomposition) -> dict[str, dict[str, float]]:
    """Return the pies that the paper gives for a network: percent by device and category."""
    shares = found.cell.published_shares
    return {PAPER_PLATFORMS[channels]: pie for channels, pie in shares.items()}


def rounded(percents: Sequence[float], whole: float = 100.0) -> list[float]:
    """Return percentages to one decimal that sum to `whole` (itself to one decimal).

    The largest remainders are rounded up.
    """
    tenths = [10 * percent for percent in percents]
    missing = round(10 * whole) - sum(floor(tenth) for tenth in tenths)
    by_remainder = sorted(range(len(tenths)), key=lambda i: floor(tenths[i]) - tenths[i])
    up = set(by_remainder[: max(0, missing)])
    return [(floor(tenth) + (i in up)) / 10 for i, tenth in enumerate(tenths)]


def printed_categories(found: Decomposition) -> dict[str, float]:
    """Return the percentage of each category as it is printed everywhere: the sum is 100.0."""
    names = [share.category for share in found.categories]
    percents = rounded([share.percent for share in found.categories])
    return dict(zip(names, percents, strict=True))


def printed_parts(found: Decomposition) -> list[float]:
    """Return the percentage of each part as it is printed: those of a category sum to its own."""
    result = [0.0 for _ in found.parts]
    for category, whole in printed_categories(found).items():
        own = [i for i, one in enumerate(found.parts) if one.part.category.value == category]
        percents = rounded([found.parts[i].percent for i in own], whole)
        for index, percent in zip(own, percents, strict=True):
            result[index] = percent
    return result


def decomposition_sections(summary: Summary) -> list[Section]:
    """Return every experiment of a run that takes run time apart as a section."""
    return [decomposition_section(summary, experiment) for experiment in summary.decomposed]


def decomposition_section(summary: Summary, experiment: Experiment) -> Section:
    """Return all that is said of one experiment that takes run time apart."""
    known = measured_networks(summary, experiment)
    title = f"{experiment.table}: {experiment.title}"
    plots = [
        (experiment.name, f"{title}: pies, the paper's beside the measured"),
        (f"{experiment.name}-bars", f"{title}: stacked bars, the paper's beside the measured"),
    ]
    return Section(
        title,
        lines=[f"{experiment.claim}.", *_costs(known)],
        plots=plots if known else [],
        tables=[
            table for found in known for table in (shares(found), operators(found), _totals(found))
        ]
        + [layers_table(_name(found), one) for found in known if (one := found.cell.counted)],
        notes=_notes(summary, experiment),
        anchor=experiment.name,
    )


def _costs(known: Sequence[Decomposition]) -> list[str]:
    """Return what users' networks take and return, and what all networks cost, in sentences."""
    lines = []
    for found in known:
        cost, network, name = found.cell.counted, found.cell.network, found.cell.row
        said = []
        if isinstance(network, UserNetwork) and network.inputs:
            said.append(inputs_sentence(network))
        if cost is not None:
            said += [cost_sentence(cost), *uncounted_sentences(cost)]
        if said:
            lines.append(f"{name}: {' '.join(said)}")
    return lines


def shares(found: Decomposition, grouped: bool = False) -> Table:
    """Return one row a category: measured, of it depthwise convolutions, and published.

    `grouped` puts what is published below one title.
    """
    published = papers(found)
    headings = [
        Heading("category", numeric=False),
        Heading("measured"),
        Heading("95 % interval"),
        Heading("of it depthwise"),
        *(Heading(d, "paper") if grouped else Heading(f"paper, {d}") for d in published),
    ]
    measured = printed_categories(found)
    rows = [
        [
            share.category,
            *_share(found, measured[share.category], share.percent_ci95),
            _resolved(found, share.depthwise_percent) if share.depthwise_percent else "",
            *(_percent(pie.get(share.category)) for pie in published.values()),
        ]
        for share in found.categories
    ]
    return explained(Table(f"{_name(found)}: share of the run time, percent", headings, rows))


def _share(found: Decomposition, percent: float, interval: Interval | None) -> tuple[str, str]:
    """Return a share of a network's time in percent, and its interval, where they are resolved."""
    return _resolved(found, percent), percents_text(interval) if found.resolved else ""


def _resolved(found: Decomposition, percent: float) -> str:
    return f"{percent:.1f}" if found.resolved else NOT_RESOLVED


def _percent(value: float | None) -> str:
    return MISSING if value is None else f"{value:g}"


def operators(found: Decomposition) -> Table:
    """Return one row for each kind of operator, the largest share first."""
    titles = ["calls", "ms", "percent", "95 % interval"]
    headings = [
        Heading("operator", numeric=False),
        Heading("category", numeric=False),
        *(Heading(title) for title in titles),
    ]
    rest = found.categories[-1]
    rows = [
        [
            single.part.label,
            single.part.category.value,
            str(single.calls),
            significant(single.ms) if found.resolved else MISSING,
            *_share(found, percent, single.percent_ci95),
        ]
        for single, percent in zip(found.parts, printed_parts(found), strict=True)
    ]
    left = _share(found, printed_categories(found)[UNATTRIBUTED], rest.percent_ci95)
    rows.append([UNATTRIBUTED, "", "", significant(rest.ms) if found.resolved else MISSING, *left])
    return explained(Table(f"{_name(found)}: by operator", headings, rows))


def _totals(found: Decomposition) -> Table:
    """Return how the times were taken: what the profiler costs, and what is taken off for it."""
    calls = sum(single.calls for single in found.parts)
    rows = [
        ["without the profiler, ms", significant(found.plain_ms), ""],
        ["under the profiler, ms", significant(found.profiled_ms), ""],
        ["under it, times the time without", *_factor(found.slow_down)],
        [f"its {calls} operators in sum, ms", significant(found.operators_ms), ""],
        ["of it the profiler's own, ms", significant(found.added_ms), ""],
        ["the rest, times the time without", *_factor(found.attributed)],
    ]
    headings = [Heading("", numeric=False), Heading("median"), Heading("95 % interval")]
    return explained(Table(f"{_name(found)}: without and with the profiler", headings, rows))


def _name(found: Decomposition) -> str:
    """Return a network's name with the shape of its input."""
    return f"{found.cell.row}, input {shape_text(found.cell.network.input_shape)}"


def _factor(estimate: Estimate) -> tuple[str, str]:
    """Return a factor, and its interval."""
    return f"{estimate.value:.3f}", interval_text(estimate.ci95, "{:.3f}".format)


def _notes(summary: Summary, experiment: Experiment) -> list[str]:
    notes = []
    for found in summary.decompositions_of(experiment):
        if isinstance(found.cell.network, UserNetwork):
            notes += [f"{found.cell.row}: {note}" for note in found.cell.network.notes]
        if found.failure:
            notes.append(f"{found.cell.row} has no figures: {found.failure}.")
        elif not found.categories:
            notes.append(f"{found.cell.row} was not measured yet.")
        notes += _doubts(found)
    if measured_networks(summary, experiment):
        notes += [
            "Shares are of the time without the profiler, and sum to 100.0 % with what no operator "
            "accounts for. What a runtime fuses into a convolution counts as Conv "
            "(docs/decomposition.md).",
            _DEPTHWISE_NOTES[summary.depthwise],
        ]
    return notes


def _doubts(found: Decomposition) -> list[str]:
    """Return what makes the figures of one network less than trustworthy."""
    doubts = []
    if found.attributed.value > 1:
        then = "all were scaled down" if found.resolved else "no share is resolved"
        doubts.append(
            f"{found.cell.row}: even without the profiler's own time, operators take "
            f"{found.attributed.value:.3g} times as long in sum as the network unprofiled, so "
            f"{then}."
        )
    if found.correction >= 1:
        doubts.append(
            f"{found.cell.row}: by the controls, the profiler's own time is all that its operators "
            "take, so no share is resolved."
        )
    elif found.correction > LARGE_CORRECTION:
        doubts.append(
            f"{found.cell.row}: {100 * found.correction:.0f} % of the operators' sum is the "
            "profiler's own time, so its shares are rough."
        )
    if found.spread > LARGE_SPREAD:
        doubts.append(
            f"{found.cell.row}: the slowest tenth of its executions took {found.spread:.1f} times "
            "as long as the fastest, so the machine was disturbed; see `guidelines doctor`."
        )
    return doubts
