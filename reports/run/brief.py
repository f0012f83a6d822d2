"""What a run says in short, for a terminal: the paper's own tables, and what they decide.

Its tables fit into 100 columns. All else is in the whole document: costs, times, ceilings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rich.console import Console

from guideline_benchmarks.reports.advice.widths import width_sections
from guideline_benchmarks.reports.document import MISSING, Document, Said, Section, Table
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.layout import (
    explained,
    millions,
    scale_title,
    significant,
)
from guideline_benchmarks.reports.run.beside_paper import (
    beside_paper,
    paper_ms,
    paper_relative_speed,
    paper_speed,
)
from guideline_benchmarks.reports.run.counts import (
    MODELLED,
    modelled_speeds,
    relative_counts,
)
from guideline_benchmarks.reports.run.decomposition import (
    decomposition_section,
    measured_networks,
    operators,
    shares,
)
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.gpu import MODES, speeds_by_mode
from guideline_benchmarks.reports.run.heading import describe, warnings
from guideline_benchmarks.reports.run.rivals import rival_tables, swap_lines
from guideline_benchmarks.reports.run.tables import (
    MEANS_AND_PAIRS,
    TONES,
    decides,
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
    legend = _legend(summary) if summary.experiments else ""
    facts += [("Legend", legend)] if legend else []
    return Document(
        "report",
        f"Guidelines on {summary.run.label}",
        [
            *(_guideline(summary, experiment) for experiment in summary.experiments),
            *(_decomposition(summary, experiment) for experiment in summary.decomposed),
            *width_sections(summary, short=True),
        ],
        facts=facts,
        warnings=warnings(summary.run),
        overview=overview(summary, short=True),
        brief=True,
    )


def _legend(summary: Summary) -> str:
    """Return what a run's tables abbreviate, in one line."""
    said, model = [], summary.run.model
    if summary.metric.kind == "measured":
        said.append("±: the 95 % interval's farther end, in %")
    if model is not None:
        low, high = prediction_interval(model, 1.0)
        said.append(f"95 % prediction interval: × {low:.2f} to {high:.2f}")
    in_paper = any(column.in_paper for column in summary.columns)
    return "; ".join([*said, *([TAU] if in_paper else [])])


def _guideline(summary: Summary, experiment: Experiment) -> Section:
    columns = summary.columns_of(experiment)
    return Section(
        section_title(experiment),
        lines=[f"{experiment.claim}."],
        tables=_TABLES[summary.metric.kind](summary.run, columns),
        verdicts=[
            *(_verdict(column) for column in columns if decides(column)),
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
        relative = _relative(run, columns, ("measured", "paper"))
        return [
            speeds(run, columns),
            relative,
            *rival_tables(columns, _own(run, columns), short=True),
        ]
    first = f"Speed, {run.platform.unit}: as one CUDA graph, eager"
    return [
        speeds_by_mode(run, columns, (first, ", and the paper's {device}")),
        _relative(run, columns, MODES),
        *rival_tables(columns, _own(run, columns), short=True),
    ]


def _own(run: Run, columns: Sequence[Column]) -> list[str]:
    """Return the paper's platform of the run's channel set; all, where it has no speeds of them."""
    known = any(result.published for column in columns for result in column.results)
    return [run.protocol.channels] if known else list(PAPER_PLATFORMS)


def _relative(run: Run, columns: Sequence[Column], titles: Sequence[str]) -> Table:
    """Return relative speeds with their intervals, the eager ones if a title asks for them."""

    def entries(result: CellResult) -> list[str]:
        timing, eager = result.timing, result.beside.get("eager")
        relative = MISSING
        if timing and timing.relative_speed is not None:
            own = None if result.cell.row == base else timing.relative_speed_ci95
            relative = f"{timing.relative_speed:.3f} {_spread(timing.relative_speed, own):4}"
        further = [eager and eager.relative_speed] if "eager" in titles else []
        return [relative, *(MISSING if value is None else f"{value:.3f}" for value in further)]

    base = columns[0].experiment.base
    caption = f"Speed relative to {base}, with 95 % intervals over processes"
    table = beside_paper(run, columns, (caption, ""), titles, entries, paper_relative_speed)
    return explained(table, MEANS_AND_PAIRS)


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
        return [millions(result.counts.instructions) if result.counts else MISSING]

    said, titles = metric_of(run).said, ("instr.", "paper")
    captions = f"Millions of instructions ({said})", ", and the paper's {device} ({unit})"
    relative = f"Instructions relative to {columns[0].experiment.base} ({said})"
    return [
        beside_paper(run, columns, captions, titles, entries, paper_speed),
        relative_counts(run, columns, (relative, ", and the paper's time"), titles),
    ]


def _modelled(run: Run, columns: Sequence[Column]) -> list[Table]:
    def entries(result: CellResult) -> list[str]:
        return [significant(result.modelled.ms) if result.modelled else MISSING]

    captions = f"Time in ms ({MODELLED})", ", and on the paper's {device}"
    times = beside_paper(run, columns, captions, ("modelled", "paper"), entries, paper_ms)
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
