"""What `guidelines paper` does: measure the whole paper part by part, and write its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.guidelines.experiment import Declaration, Part
from guideline_benchmarks.guidelines.paper.coverage import coverage_lines
from guideline_benchmarks.guidelines.paper.page import page
from guideline_benchmarks.guidelines.paper.parts import EXACT, PARTS
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.guidelines.session.several import (
    Wanted,
    lines,
    measure,
    note,
    refuse_nothing,
    refuse_unfinished,
    say_left_out,
    wanted,
)
from guideline_benchmarks.reports.document import Document
from guideline_benchmarks.reports.formats.registry import write
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.cells import ChannelSet
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.summary import summarise
from guideline_benchmarks.runners.platform_file import load_platform


def measure_paper(platform: str, options: Options, out: Path) -> None:
    """Measure every part into a folder of `out`, with its report, and write the page of all.

    Parts that the platform cannot have are left out, and said. Raises PlatformError where nothing
    could be measured or a part stopped on its way, and CheckFailedError where a network failed its
    proof.
    """
    records, left_out = _planned(platform, options, out)
    if records:
        say_left_out(lines(left_out))
    done = measure(records)
    missing = [*lines(left_out), *lines(done.left_out)]
    refuse_nothing(done, missing)
    typer.echo(f"\nPage: {publish(done.finished, out)}")
    say_left_out(missing)
    refuse_unfinished(done)


def _planned(
    platform: str, options: Options, out: Path
) -> tuple[list[Wanted], dict[str, list[str]]]:
    """Return the parts that can be measured, and the names of others by what keeps them from it.

    Raises BadInputError for a folder that holds a run of something else.
    """
    counts = load_platform(platform, options.machine).counts
    records: list[Wanted] = []
    left_out: dict[str, list[str]] = {}
    for part, declarations, channels in _parts():
        chosen = replace(options, channels=channels)
        # Where instructions are counted, there are as many executions as usual.
        if not counts:
            chosen = replace(chosen, runs=part.runs, processes=part.processes)
        try:
            asked = plan(declarations, platform, chosen)
        except (BadInputError, PlatformError) as error:
            note(left_out, error, part.name)
        else:
            records.append(wanted(asked, out / part.name, part.minutes))
    return records, left_out


def _parts() -> Iterator[tuple[Part, list[Declaration], ChannelSet | None]]:
    """Yield the parts with their experiments, and their channel set unless the platform's."""
    for part in PARTS:
        yield part, [one for one in EXPERIMENTS.values() if one.part == part], None
    yield EXACT, [one for one in EXPERIMENTS.values() if one.exact], "exact"


def publish(finished: Mapping[Path, Run], out: Path) -> Path:
    """Write the report of every finished part, print the page of all, and return its HTML file."""
    summaries = {folder.name: summarise(run) for folder, run in finished.items()}
    for name, summary in summaries.items():
        write_report(summary, out / name / "report")
    whole = page(summaries)
    _show_tables(whole)
    return write(whole, out)


def show_coverage(out: Path | None) -> None:
    """Print what of the paper is here; write the page, with what is drawn, into a folder if any."""
    whole = page({})
    _show_tables(whole)
    if out is not None:
        typer.echo(f"\nPage: {write(whole, out)}")


def _show_tables(whole: Document) -> None:
    """Print what is here, and the tables of the page."""
    coverage, *others = whole.sections
    said = [replace(coverage, tables=[], lines=coverage_lines())]
    said += [section for section in others if not section.plots]
    show(replace(whole, sections=said, figures={}, brief=True))
