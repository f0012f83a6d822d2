"""What `guidelines paper` does: measure the whole paper part by part, and write its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.guidelines.experiment import Declaration, Part
from guideline_benchmarks.guidelines.paper.coverage import NAME, TITLE, coverage_lines
from guideline_benchmarks.guidelines.paper.parts import EXACT, PARTS
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.guidelines.session.several import (
    Noted,
    Wanted,
    measure_all,
    note,
    wanted,
)
from guideline_benchmarks.reports.document import Document, Section
from guideline_benchmarks.reports.formats.registry import write
from guideline_benchmarks.reports.formats.terminal import show
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
    measure_all(records, left_out, lambda finished: publish(finished, out))


def _planned(platform: str, options: Options, out: Path) -> tuple[list[Wanted], Noted]:
    """Return the parts that can be measured, and the names of others by what keeps them from it.

    Raises BadInputError for a folder that holds a run of something else.
    """
    counts = load_platform(platform, options.machine).counts
    records: list[Wanted] = []
    left_out: Noted = {}
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


def publish(finished: Mapping[Path, Run], out: Path) -> None:
    """Write the report of every finished part and the page of all; print what was found."""
    # What draws need not be loaded while something is measured.
    from guideline_benchmarks.guidelines.paper.page import measured_section, page
    from guideline_benchmarks.reports.run.report import write_report

    summaries = {folder.name: summarise(run) for folder, run in finished.items()}
    for name, summary in summaries.items():
        write_report(summary, out / name / "report")
    measured = measured_section(summaries)
    _show(_coverage(), measured)
    typer.echo(f"\nPage: {write(page(measured), out)}")


def show_coverage(out: Path | None) -> None:
    """Print what of the paper is here; write the page, with what is drawn, into a folder if any."""
    _show(_coverage())
    if out is not None:
        from guideline_benchmarks.guidelines.paper.page import page

        typer.echo(f"\nPage: {write(page(), out)}")


def _coverage() -> Section:
    return Section("Coverage", lines=coverage_lines())


def _show(*sections: Section) -> None:
    show(Document(NAME, TITLE, sections, brief=True))
