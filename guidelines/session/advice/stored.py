"""Advice that is stored: shown, written and compared again, without measuring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.advice.json_object import advice_object
from guideline_benchmarks.results.advice.stored import read_advice
from guideline_benchmarks.results.store.files import results_folder


def show_advice(folder: Path, everything: bool, json: bool) -> None:
    """Print the advice in a folder; raises BadInputError where it cannot be read."""
    judged = read_advice(folder, read_run)
    if json:
        print_json(advice_object(judged))
        return
    from guideline_benchmarks.reports.advice.brief import print_advice

    print_advice(judged, everything)


def write_page(folder: Path, out: Path) -> Path:
    """Write the report of the advice in a folder into another; return its page."""
    from guideline_benchmarks.reports.advice.report import write_advice

    return write_advice(read_advice(folder, read_run), out)


def publish_advice_comparison(folders: Sequence[Path], out: Path | None, json: bool) -> None:
    """Lay advices side by side: print what differs and write the page; or print them as JSON."""
    advices = [read_advice(folder, read_run) for folder in folders]
    if json:
        print_json([advice_object(one) for one in advices])
        return
    from guideline_benchmarks.reports.advice.compare import compare
    from guideline_benchmarks.reports.formats.registry import write
    from guideline_benchmarks.reports.formats.terminal import show

    show(compare(advices, brief=True))
    with results_folder(out, "compare") as folder:
        typer.echo(f"\nPage: {write(compare(advices), folder)}")
