"""Runs that were disturbed, and all that is said of them."""

from __future__ import annotations

import io

from rich.console import Console

from guideline_benchmarks.reports.formats.html import html
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.reports.run.brief import print_run
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import noisy, run_of


def with_load(run: Run, start: float | None, end: float | None) -> Run:
    processes = [p.model_copy(update={"load_start": start, "load_end": end}) for p in run.processes]
    return run.model_copy(update={"processes": processes})


def quiet() -> Run:
    return run_of(["g1", "g4"], noisy(lambda _: 1.0), rounds=(4, 4))


def disturbed() -> Run:
    return run_of(["g1", "g4"], noisy(lambda _: 1.0, noise=1.5, seed=3), rounds=(4, 4))


def texts(run: Run) -> dict[str, str]:
    """What is printed of a run, in short and whole, and what is written of it."""
    summary = summarise(run)
    said = {}
    for name, details in (("brief", False), ("details", True)):
        out = io.StringIO()
        print_run(summary, details, Console(file=out, width=400))
        said[name] = out.getvalue()
    whole = document(summary)
    bare = {name: b"" for section in whole.sections for name, _ in section.plots}
    page = html(type(whole)(**{**vars(whole), "drawings": bare}))
    page = page.replace("\N{NO-BREAK SPACE}", " ")
    return said | {"markdown": markdown(whole).replace("\\", ""), "html": page}
