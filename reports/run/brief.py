"""What a run says in short, for a terminal: the paper's own tables, and what they decide.

Its tables fit into 100 columns. All else is in the whole document: costs, times, ceilings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rich.console import Console

from guideline_benchmarks.reports.document import MISSING, Document, Said, Section, Table
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.layout import (
    explained,
    millions,
    paper_layout,
    printed,
    scale_title,
    significant,
)
from guideline_benchmarks.reports.run.counts import (
    MODELLED,
    modelled_speeds,
    printed_ms,
    relative_counts,
)
from guideline_benchmarks.reports.run.decomposition import (
    decomposition_section,
    measured_networks,
    operators,
    shares,
)
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.gpu import speeds_by_mode
from guideline_benchmarks.reports.run.heading import describe, warnings
from guideline_benchmarks.reports.run.rivals import rival_tables, swap_lines
from guideline_benchmarks.reports.run.tables import (
    MEANS_AND_PAIRS,
    TONES,
    notes_of,
    overview,
    section_title,
    speeds,
)
from guideline_benchmarks.results.cost_model.modelled import prediction_interval
from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.verdict import Interval
from guideline_benchmarks.results.tables.metric import Kind, metric_of
from guideline_benchmarks.results.tables.summary import CellResult, Column, Summary, kinds_beside

ASIDE = ("Ceilings", "Command", "Suite")
TAU = "τ: agreement with the paper's order, 1 at best"


def print_run(summary: Summary, details: bool = False, console: Console | None = None) -> None:
    """Print a run on the terminal, in short or all of it."""
    show(document(summary) if details else brief_document(summary), console)


def brief_document(summary: Summary) -> Document:
    """Return what a run says in short."""
    facts = [(label, text) for label, text in describe(summary.run) if label not in ASIDE]
    if summary.experiments:
        facts.append(("Legend", _legend(summary.run, summary.metric.kind)))
    return Document(
        "report",
        f"Guidelines on {summary.run.label}",
        [
            *(_guideline(summary, experiment) for experiment in summary.experiments),
            *(_decomposition(summary, experiment) for experiment in summary.decomposed),
        ],
        facts=facts,
        warnings=warnings(summary.run),
        overview=overview(summary, short=True),
        brief=True,
    )


def _legend(run: Run, kind: Kind) -> str:
    """Return what a run's tables abbreviate, in one line."""
    if kind == "measured":
        return f"±: the 95 % interval's farther end, in %; {TAU}"
    if run.model is not None:
        low, high = prediction_interval(run.model, 1.0)
        return f"95 % prediction interval: × {low:.2f} to {high:.2f}; {TAU}"
    return TAU


def _guideline(summary: Summary, experiment: Experiment) -> Section:
    columns = summary.columns_of(experiment)
    return Section(
        section_title(experiment),
        lines=[f"{experiment.claim}."],
        tables=_TABLES[summary.metric.kind](summary.run, columns),
        verdicts=[
            *map(_verdict, columns),
            *(swap_lines(columns, _own(summary.run, columns)) if summary.metric.noisy else []),
        ],
        notes=notes_of(columns),
    )


def _verdict(column: Column) -> Said:
    tau = "undefined" if column.tau is None else f"{column.tau:+.2f}"
    if column.verdict is None:
        return Said(f"{scale_title(column)}: τ = {tau}")
    order = "" if column.tau is None else f" (τ = {tau})"
    return Said(f"{scale_title(column)}: {column.verdict.value}{order}", TONES[column.verdict])


def _measured(run: Run, columns: Sequence[Column]) -> list[Table]:
    if "eager" not in kinds_beside(run):
        relative = _relative(columns, ("measured", "paper"))
        return [
            speeds(run, columns),
            relative,
            *rival_tables(columns, _own(run, columns), short=True),
        ]
    by_mode = speeds_by_mode(run, columns)
    caption = (
        f"Speed, {run.platform.unit}: as one CUDA graph, eager, and the paper's {_device(run)}"
    )
    titles = ("graph", "eager", "paper")
    relative = _relative(columns, titles)
    return [
        replace(by_mode, caption=caption),
        relative,
        *rival_tables(columns, _own(run, columns), short=True),
    ]


def _own(run: Run, columns: Sequence[Column]) -> list[str]:
    """Return the paper's platform of the run's channel set; all, where it has no speeds of them."""
    known = any(result.published for column in columns for result in column.results)
    return [run.protocol.channels] if known else list(PAPER_PLATFORMS)


def _device(run: Run) -> str:
    return PAPER_PLATFORMS[run.protocol.channels]


def _relative(columns: Sequence[Column], titles: Sequence[str]) -> Table:
    """Return relative speeds with their intervals, the eager ones if a title asks for them."""

    def entries(result: CellResult) -> list[str]:
        timing, eager = result.timing, result.beside.get("eager")
        relative = MISSING
        if timing and timing.relative_speed is not None:
            own = None if result.cell.row == base else timing.relative_speed_ci95
            relative = f"{timing.relative_speed:.3f} {_spread(timing.relative_speed, own):4}"
        further = [eager and eager.relative_speed] if "eager" in titles else []
        others = [*further, result.paper_relative_speed]
        return [relative, *(MISSING if value is None else f"{value:.3f}" for value in others)]

    base = columns[0].experiment.base
    caption = f"Speed relative to {base}, with 95 % intervals over processes"
    return explained(paper_layout(columns, caption, titles, entries), MEANS_AND_PAIRS)


def _spread(value: float, interval: Interval | None) -> str:
    """Return how far the farther end of an interval lies from a value: "±7.3" percent.

    Four characters at most: of very few processes an interval may be of any width.
    """
    if interval is None:
        return ""
    percent = 100 * max(interval[1] / value - 1, 1 - interval[0] / value)
    if percent >= 999.5:
        return ">999"
    return f"±{percent:.1f}" if percent < 9.95 else f"±{percent:.0f}"


def _counted(run: Run, columns: Sequence[Column]) -> list[Table]:
    def entries(result: CellResult) -> list[str]:
        counts, paper = result.counts, result.published
        return [
            millions(counts.instructions) if counts else MISSING,
            printed(paper.speed) if paper else MISSING,
        ]

    unit = next((r.published.unit for c in columns for r in c.results if r.published), "")
    said = metric_of(run).said
    caption = f"Millions of instructions ({said}), and the paper's {_device(run)} ({unit})"
    titles = ("instr.", "paper")
    relative = relative_counts(run, columns, titles)
    short = f"Instructions relative to {columns[0].experiment.base} ({said}), and the paper's time"
    return [
        paper_layout(columns, caption, titles, entries),
        replace(relative, caption=short),
    ]


def _modelled(run: Run, columns: Sequence[Column]) -> list[Table]:
    def entries(result: CellResult) -> list[str]:
        found = result.modelled
        return [significant(found.ms) if found else MISSING, printed_ms(result.published_ms)]

    caption = f"Time in ms ({MODELLED}), and on the paper's {_device(run)}"
    times = paper_layout(columns, caption, ("modelled", "paper"), entries)
    return [times, modelled_speeds(run, columns)]


_TABLES: Mapping[Kind, Callable[[Run, Sequence[Column]], list[Table]]] = {
    "measured": _measured,
    "counted": _counted,
    "modelled": _modelled,
}


def _decomposition(summary: Summary, experiment: Experiment) -> Section:
    """Return shares and operators; how times were taken under the profiler is left out."""
    tables = [
        table
        for found in measured_networks(summary, experiment)
        for table in (shares(found, grouped=True), operators(found))
    ]
    return replace(decomposition_section(summary, experiment), tables=tables)
