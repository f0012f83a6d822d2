"""A sweep of widths in words: what to round channels to, and what it costs not to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from guideline_benchmarks.reports.document import MISSING, Heading, Said, Section, Table
from guideline_benchmarks.reports.layout import explained, interval_text, significant
from guideline_benchmarks.results.advice.blocks import BLOCKS, FALSE_BLOCKS, NEGLIGIBLE_LOSS
from guideline_benchmarks.results.advice.widths import Change, Sweep, Width
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.statistics.resolution import NOT_RESOLVED, resolves
from guideline_benchmarks.results.statistics.verdict import Interval
from guideline_benchmarks.results.tables.summary import Summary

HOW = (
    "A width's loss is how much longer a multiply-add takes than on the line between the next "
    "multiples of the block below and above. A block is named where half of it is shown to lose "
    f"more than {100 * NEGLIGIBLE_LOSS:g} % in the mean of its widths, which chance does in "
    f"{100 * FALSE_BLOCKS:g} % of runs at most."
)


def measured_sweeps(summary: Summary) -> list[Sweep]:
    """Return the sweeps of a run that have figures."""
    return [sweep for sweep in summary.sweeps if sweep.widths]


def width_sections(summary: Summary, short: bool = False) -> list[Section]:
    """Return every experiment of a run that sweeps widths as a section.

    A `short` one has what is decided, without the figures of each width.
    """
    return [_section(summary, experiment, short) for experiment in summary.swept]


def _section(summary: Summary, experiment: Experiment, short: bool) -> Section:
    known = measured_sweeps(summary)
    title = f"{experiment.table}: {experiment.title}"
    plots = [(experiment.name, f"{title}: time of a multiply-add against the width")]
    tables = [_blocks(known), *([] if short else map(_widths, known))]
    failures = summary.run.failures
    return Section(
        title,
        lines=[f"{experiment.claim}."],
        plots=plots if known else [],
        tables=tables if known else [],
        verdicts=[Said(line, "open") for line in width_lines(summary.sweeps)],
        notes=[
            *filter(None, map(_slower, known)),
            *(f"{name} has no figure: {failure}." for name, failure in sorted(failures.items())),
            *([HOW] if known else []),
        ],
        anchor=experiment.name,
    )


def width_lines(sweeps: Sequence[Sweep]) -> list[str]:
    """Return what to round each kind's channels to, a line each."""
    return [f"{sweep.kind}: {_decision(sweep)}." for sweep in sweeps]


def _decision(sweep: Sweep) -> str:
    if not sweep.widths:
        return "not measured yet"
    if sweep.block is None:
        return "no block is told from noise; measure on an idle machine, in several processes"
    if sweep.block == 1:
        return f"any width does here (a mean loss of {_shows(sweep)} would have shown)"
    return f"round to {sweep.block} here; {_losses(sweep)}"


def _shows(sweep: Sweep) -> str:
    """Return the mean loss that would have been found, if that is any that could occur."""
    if sweep.shows is None:
        return MISSING
    return _percent(sweep.shows) if resolves((1.0, 1.0 + sweep.shows)) else NOT_RESOLVED


def _losses(sweep: Sweep) -> str:
    """Return what smaller blocks lose at worst: "8 loses up to 26 %, 4 and 2 up to 39 %"."""
    said: list[str] = []
    for percent, own in groupby(sweep.losses, lambda block: _percent(sweep.losses[block])):
        blocks = [str(block) for block in own]
        verb = "" if said else "loses " if len(blocks) == 1 else "lose "
        said.append(f"{_listed(blocks)} {verb}up to {percent}")
    return ", ".join(said)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %" if abs(fraction) < 0.1 else f"{100 * fraction:.0f} %"


def _listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: "4, 2 and 1"."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _slower(sweep: Sweep) -> str:
    """Say which widths take longer than the next multiple of the block; "" of none."""
    slower = [width.c for width in sweep.widths if width.rounding and width.rounding.is_gain]
    if not slower:
        return ""
    return (
        f"{sweep.kind}: {_listed(list(_ranges(slower)))} channels take longer than the next "
        f"multiple of {sweep.block}, which has more multiply-adds."
    )


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """Yield ascending numbers, neighbours together: "65–67"."""
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        own = [number for _, number in run]
        yield str(own[0]) if len(own) == 1 else f"{own[0]}–{own[-1]}"


def _blocks(sweeps: Sequence[Sweep]) -> Table:
    """Return what to round to, and what smaller blocks lose, a row for each kind."""
    smaller = BLOCKS[1:]
    headings = [
        Heading("layers", numeric=False),
        Heading("round to"),
        *(Heading(str(block), "loss of its multiples at worst") for block in smaller),
        Heading("shows"),
    ]
    rows = [
        [
            sweep.kind,
            {None: MISSING, 1: "any"}.get(sweep.block, str(sweep.block)),
            *(
                _percent(sweep.losses[block]) if block in sweep.losses else MISSING
                for block in smaller
            ),
            _shows(sweep),
        ]
        for sweep in sweeps
    ]
    note = "Shows: the mean loss against larger blocks that would have been found."
    return explained(Table("Kind by kind", headings, rows), note)


def _widths(sweep: Sweep) -> Table:
    """Return the figures of each width of one kind."""
    against = f"loss against multiples of {sweep.block}"
    headings = [
        Heading("c"),
        Heading("median, ms"),
        Heading("ps", "a multiply-add"),
        Heading("95 % interval", "a multiply-add"),
        Heading("%", against),
        Heading("95 % interval", against),
        Heading("to", "rounded up"),
        Heading("time, %", "rounded up"),
        Heading("95 % interval", "rounded up"),
    ]
    if sweep.block in (None, 1):
        headings = headings[:4]
    rows = [_figures(width)[: len(headings)] for width in sweep.widths]
    return explained(Table(f"{sweep.kind}: time by width", headings, rows))


def _figures(width: Width) -> list[str]:
    return [
        str(width.c),
        significant(width.median_ms),
        significant(width.ps),
        interval_text(width.ps_ci95, significant),
        *_change(width.loss),
        MISSING if width.wider is None else str(width.wider),
        *_change(width.rounding),
    ]


def _change(change: Change | None) -> tuple[str, str]:
    """Return a change in percent, and its interval."""
    if change is None:
        return MISSING, ""
    return _signed(change.fraction), interval_text(change.ci95, _signed, _resolves)


def _signed(fraction: float) -> str:
    return f"{100 * fraction:+.1f}"


def _resolves(interval: Interval) -> bool:
    """Whether the interval of a change resolves the ratio of the two times."""
    low, high = interval
    return resolves((1 + low, 1 + high))
