"""All files that continuous integration reads. A further one is a file beside this, and a line."""

from __future__ import annotations

from collections.abc import Callable

from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.reports.gate.action_benchmark import action_benchmark
from guideline_benchmarks.reports.gate.annotations import workflow_commands
from guideline_benchmarks.reports.gate.bencher import bencher
from guideline_benchmarks.reports.gate.gate import document
from guideline_benchmarks.reports.gate.junit import junit
from guideline_benchmarks.results.gate.finding import Judgement

# The text of a judgement, and whether the gate is strict.
Format = Callable[[Judgement, bool], str]


def _strict_or_not(text: Callable[[Judgement], str]) -> Format:
    """Return a format to which it is all the same whether the gate is strict."""
    return lambda judgement, _: text(judgement)


FORMATS: dict[str, Format] = {
    "junit.xml": junit,
    "summary.md": _strict_or_not(lambda judgement: markdown(document(judgement))),
    "annotations.txt": _strict_or_not(workflow_commands),
    "bencher.json": _strict_or_not(bencher),
    "github-action-benchmark.json": _strict_or_not(action_benchmark),
}
