"""The tables of a report as plain data, laid out as in the paper; exporters only set them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from guideline_benchmarks.reports.document import MISSING, Heading, Said, Section, Table, Tone
from guideline_benchmarks.reports.layout import (
    by_cell,
    explained,
    interval_text,
    millions,
    scale_title,
    significant,
)
from guideline_benchmarks.reports.run.beside_paper import (
    beside_paper,
    paper_relative_speed,
    paper_speed,
)
from guideline_benchmarks.reports.run.counts import count_tables, modelled_tables, order_line
from guideline_benchmarks.reports.run.gpu import beside_tables, speeds_by_mode
from guideline_benchmarks.reports.run.quoted import (
    ACCURACY_TITLE,
    accuracy_name,
    quoted_tables,
    shows_accuracy,
)
from guideline_benchmarks.reports.run.rivals import rival_tables, swap_lines
from guideline_benchmarks.reports.run.roofline import bound_text, reached_note
from guideline_benchmarks.reports.run.roofline import plot_name as roofline_name
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.verdict import Verdict
from guideline_benchmarks.results.tables.metric import Kind
from guideline_benchmarks.results.tables.summary import (
    CellResult,
    Column,
    Summary,
    kinds_beside,
    multiply_adds_per_second,
)

TONES: dict[Verdict, Tone] = {
    Verdict.HOLDS: "good",
    Verdict.HOLDS_AT_THE_EXTREME: "good",
    Verdict.REVERSED: "bad",
    Verdict.NO_EFFECT: "open",
    Verdict.UNDECIDED: "open",
}

# Two speeds of one table may stand in another ratio than the relative speed says.
MEANS_AND_PAIRS = (
    "Speed is by mean times, this by the ratios inside rounds: disturbed rounds set them apart."
)


def guideline_sections(summary: Summary) -> list[Section]:
    """Return every experiment of a run that compares rows as a section."""
    return [_section(summary, experiment) for experiment in summary.experiments]


def overview(summary: Summary, short: bool = False) -> tuple[str, Table] | None:
    """Return a title, and the verdicts of all guidelines, a row each, smallest scale first.

    None for a run that compares no rows. Counts have no verdicts; of them it is how far their order
    agrees with the paper's, where it prints any. A `short` table leaves out what its headings say.
    """
    by_experiment = [summary.columns_of(experiment) for experiment in summary.experiments]
    if not any(decides(column) for columns in by_experiment for column in columns):
        return None
    scales = max(map(len, by_experiment))

    def entry(column: Column) -> str:
        if column.verdict is not None:
            said = column.verdict.value
        else:
            tau = "undefined" if column.tau is None else f"{column.tau:+.2f}"
            said = tau if short else f"τ = {tau}"
        return said if short and scales == 3 else f"{scale_title(column)}: {said}"

    rows = [
        [f"{columns[0].experiment.short_name} {columns[0].experiment.title}", *map(entry, columns)]
        for columns in by_experiment
    ]
    titles = ("smallest", "middle", "largest") if scales == 3 else [""] * scales
    headings = [Heading("guideline", numeric=False)]
    headings += [Heading(title, numeric=False) for title in titles]
    metric = summary.metric
    if metric.noisy:
        caption = "What each column of the tables says of its guideline"
        return "Verdicts", Table(caption, headings, rows)
    caption = f"Order of each column's rows by {metric.name} ({metric.said}), against the paper's"
    return "Order agreement" + (", τ" if short else ""), Table(caption, headings, rows)


def _section(summary: Summary, experiment: Experiment) -> Section:
    columns, metric = summary.columns_of(experiment), summary.metric
    title = section_title(experiment)
    said = f" ({metric.said})" if metric.said else ""
    shown = f"{metric.relative}{said} relative to {experiment.base}"
    plots = [(experiment.name, f"{title}: {shown}")]
    if any(result.bound for column in columns for result in column.results):
        text = f"{title}: cells below the ceilings of the machine"
        plots.append((roofline_name(experiment), text))
    if shows_accuracy(columns):
        plots.append((accuracy_name(experiment), ACCURACY_TITLE))
    return Section(
        title,
        lines=[f"{experiment.claim}."],
        plots=plots,
        tables=_TABLES[metric.kind](summary.run, columns),
        verdicts=[
            *(_verdict(column) for column in columns if decides(column)),
            *(swap_lines(columns) if metric.noisy else []),
        ],
        notes=notes_of(columns),
        anchor=experiment.name,
    )


def _measured(run: Run, columns: Sequence[Column]) -> list[Table]:
    first = speeds(run, columns)
    if "eager" in kinds_beside(run):
        modes = "as one CUDA graph, operator by operator (eager)"
        caption = f"Speed, {run.platform.unit} by the mean time: {modes}"
        first = speeds_by_mode(run, columns, (caption, ", and the paper's {device}"))
    further = [*rival_tables(columns), *beside_tables(run, columns)]
    costs = _all_costs(columns)
    return [first, _relative_speeds(run, columns), *further, *costs, _times(columns)]


def _counted(run: Run, columns: Sequence[Column]) -> list[Table]:
    return [*count_tables(run, columns), *_all_costs(columns)]


def _modelled(run: Run, columns: Sequence[Column]) -> list[Table]:
    return [*modelled_tables(run, columns), *_all_costs(columns)]


_TABLES: Mapping[Kind, Callable[[Run, Sequence[Column]], list[Table]]] = {
    "measured": _measured,
    "counted": _counted,
    "modelled": _modelled,
}


def section_title(experiment: Experiment) -> str:
    """Return the title of a guideline's section: "Table 1 · G1: Channel ratio"."""
    names = dict.fromkeys((experiment.table, experiment.short_name))
    return f"{' · '.join(names)}: {experiment.title}"


def speeds(run: Run, columns: Sequence[Column]) -> Table:
    """Return the paper's own table: speeds measured and published."""

    def entries(result: CellResult) -> list[str]:
        return [significant(result.timing.speed) if result.timing else MISSING]

    captions = (
        f"Speed, {run.platform.unit} by the mean time",
        ": measured, and the paper's {device} ({unit})",
    )
    return beside_paper(run, columns, captions, ("measured", "paper"), entries, paper_speed)


def _relative_speeds(run: Run, columns: Sequence[Column]) -> Table:
    def entries(result: CellResult) -> list[str]:
        timing, measured = result.timing, MISSING
        if timing and timing.relative_speed is not None:
            measured = f"{timing.relative_speed:.3f}"
            if result.cell.row != columns[0].experiment.base:
                measured += " " + interval_text(timing.relative_speed_ci95, "{:.3f}".format)
        return [measured.rstrip()]

    caption = f"Speed relative to {columns[0].experiment.base}, with 95 % intervals over processes"
    titles = ("measured", "paper")
    table = beside_paper(run, columns, (caption, ""), titles, entries, paper_relative_speed)
    return explained(table, MEANS_AND_PAIRS)


def _all_costs(columns: Sequence[Column]) -> list[Table]:
    """Return what networks cost, and what the paper prints of that and of their accuracy."""
    return [_costs(columns), *quoted_tables(columns)]


def _costs(columns: Sequence[Column]) -> Table:
    fragmented = "width" in columns[0].results[0].cell.axes

    def entries(result: CellResult) -> list[str]:
        cell = result.cell
        bound = cell.memory_access_bound
        return [
            *([str(cell.axes["width"])] if fragmented else []),
            millions(cell.multiply_adds),
            f"{100 * result.multiply_adds_deviation:+.1f} %",
            millions(cell.memory_access_cost),
            significant(cell.memory_access_bytes / 2**20, 4),
            # A bound is of elements, of which there is one at least.
            f"{cell.memory_access_cost / bound:.2f}" if bound >= 1 else MISSING,
        ]

    titles = ["multiply-adds, M", "against base", "MAC, M elements", "MAC, MiB", "MAC / bound"]
    caption = "Cost by Eq. (1) and (2); the bound is Eq. (1)'s"
    return by_cell(columns, caption, (["width"] if fragmented else []) + titles, entries)


def _times(columns: Sequence[Column]) -> Table:
    bounded = any(result.bound for column in columns for result in column.results)

    def entries(result: CellResult) -> list[str]:
        timing, rate = result.timing, multiply_adds_per_second(result)
        if timing is None or rate is None:
            return [MISSING] * (6 if bounded else 5)
        return [
            significant(timing.mean_ms),
            significant(timing.median_ms),
            interval_text(timing.ci95_ms, significant) or MISSING,
            significant(timing.min_ms),
            significant(rate / 1e9),
            *([bound_text(result)] if bounded else []),
        ]

    titles = ["mean, ms", "median, ms", "95 % interval", "minimum, ms", "G multiply-adds/s"]
    caption = "Time, the interval being the median's, and speed with the work divided out"
    if bounded:
        titles.append("bound by")
        caption += "; the nearest ceiling of the machine, and the share of it that is reached"
    return explained(by_cell(columns, caption, titles, entries), reached_note(columns))


def decides(column: Column) -> bool:
    """Whether a column has a verdict, or its order can be compared with the paper's."""
    return column.verdict is not None or column.in_paper


def _verdict(column: Column) -> Said:
    if column.verdict is None:
        return Said(order_line(column))
    order = "" if column.tau is None else f"; order against the paper's: τ = {column.tau:+.2f}"
    return Said(f"{scale_title(column)}: {column.verdict.value}{order}", TONES[column.verdict])


def notes_of(columns: Sequence[Column]) -> list[str]:
    """Return what a reader must know of an experiment: its own notes, and cells without figures."""
    notes = list(columns[0].experiment.notes)
    results = [result for column in columns for result in column.results]
    batches = {(r.cell.network.batch, r.published.batch) for r in results if r.published}
    notes += [
        f"Networks ran {ours} images at a time; the paper's figures are of {papers}."
        for ours, papers in sorted(batches)
        if ours != papers
    ]
    notes += _without_figures(results)
    notes += [f"{r.cell.name}: {r.cell.note}." for r in results if r.cell.note]
    return notes


def _without_figures(results: Sequence[CellResult]) -> list[str]:
    """Name the cells without figures, those together that lack them for one reason."""
    lacking: dict[str, list[str]] = {}
    for result in results:
        if result.failure or (result.timing is None and result.counts is None):
            lacking.setdefault(result.failure or "", []).append(result.cell.name)
    said = []
    for failure, names in lacking.items():
        has, was = ("has", "was") if len(names) == 1 else ("have", "were")
        why = f"{has} no figure: {failure}" if failure else f"{was} not measured yet"
        said.append(f"{', '.join(names)} {why}.")
    return said
