"""What `guidelines paper` does: measure the whole paper part by part, and write its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.paper.page import page
from guideline_benchmarks.guidelines.paper.parts import PARTS, Part
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
    try_worker,
    wanted,
)
from guideline_benchmarks.reports.document import Document
from guideline_benchmarks.reports.formats.registry import write
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.errors import BadInputError, PlatformError
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
    """Return the parts that can be measured, and the names of others by what keeps them from it."""
    counts = load_platform(platform, options.machine).counts
    records: list[Wanted] = []
    left_out: dict[str, list[str]] = {}
    for part in PARTS:
        try:
            asked = plan(select(part.experiments), platform, _options(part, options, counts))
            record = wanted(asked, out / part.name, part.minutes)
            try_worker(record)
        except (BadInputError, PlatformError) as error:
            note(left_out, error, part.name)
        else:
            records.append(record)
    return records, left_out


def _options(part: Part, options: Options, counts: bool) -> Options:
    """Return the options of a part; where instructions are counted, there are as many as usual."""
    often = {} if counts else {"runs": part.runs, "processes": part.processes}
    chosen = replace(options, **often)
    return replace(chosen, channels=part.channels) if part.channels else chosen


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
    """Print the page's first sections, which say what is here and what was found."""
    said = [section for section in whole.sections if not section.plots]
    show(replace(whole, sections=said, figures={}, brief=True))
