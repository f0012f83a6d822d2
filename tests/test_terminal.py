"""What a run prints: short enough to read, narrow enough for a terminal, all of it on demand."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.reports.document import Document, Heading, Said, Section, Table
from guideline_benchmarks.reports.formats.dense_tables import dense_lines
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.run.brief import brief_document, print_run
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import counted_run, noisy, run_of, run_of_declarations
from tests.synthetic_gpu import gpu_run

REFERENCE = Path(__file__).parent.parent / "results" / "reference"
RUNS = sorted(folder.name for folder in REFERENCE.iterdir() if run_folders.has_run(folder))
GUIDELINES = ["g1", "g2", "g3", "g4"]
LINES, COLUMNS = 120, 100
# `run` says where the record is, how to see more, and where the page is, after a line of nothing.
CLOSING_LINES = 4
SYNTHETIC = {
    "gpu": lambda: gpu_run(GUIDELINES, lambda *_: 1.234),
    "whole networks": lambda: run_of_declarations(
        select(["table8"]), noisy(lambda cell: 1.0 + cell.scale), channels="gpu"
    ),
    "units": lambda: run_of_declarations(select(["units-56"]), noisy(lambda cell: 1.0)),
    "one process": lambda: run_of(GUIDELINES, noisy(lambda cell: 1.0), rounds=(3,)),
    "without caches": lambda: counted_run(GUIDELINES, lambda cell: 10**9),
}


@cache
def summary_of(name):
    run = SYNTHETIC[name]() if name in SYNTHETIC else read_run(REFERENCE / name)
    return summarise(run)


def printed(summary, details=False, width=COLUMNS):
    console = Console(file=io.StringIO(), width=width)
    print_run(summary, details, console)
    return console.file.getvalue()


@pytest.mark.parametrize("name", [*RUNS, *SYNTHETIC])
def test_a_run_is_printed_in_few_lines_of_at_most_100_columns(name):
    summary = summary_of(name)
    lines = printed(summary).splitlines()
    assert max(map(cell_len, lines)) <= COLUMNS
    # More than Tables 1 to 4 takes more, in proportion.
    tables = max(4, len(summary.run.experiments))
    assert len(lines) + CLOSING_LINES <= LINES * tables / 4


@pytest.mark.parametrize("name", [*RUNS, *SYNTHETIC])
def test_what_is_brief_has_the_papers_tables_and_the_verdicts(name):
    summary = summary_of(name)
    text = printed(summary)
    for experiment in summary.experiments:
        assert experiment.claim in text
        for column in summary.columns_of(experiment):
            assert column.verdict is None or column.verdict.value in text
            for result in column.results:
                if result.timing and result.timing.relative_speed is not None:
                    assert f"{result.timing.relative_speed:.3f}" in text
                if result.paper_relative_speed is not None and result.timing:
                    assert f"{result.paper_relative_speed:.3f}" in text


def whole_text(one: Document) -> list[str]:
    """Return every text that a document prints, plots aside."""
    said = [text for fact in one.facts for text in fact]
    tables = [table for section in one.sections for table in section.tables]
    for section in one.sections:
        said += [section.title, *section.lines, *section.notes]
        said += [verdict.text for verdict in section.verdicts]
    said += [table.caption for table in tables]
    if one.overview:
        said.append(one.overview[0])
        tables.append(one.overview[1])
    for table in tables:
        said += [" ".join(row) for row in table.rows]
    return [*said, *one.warnings]


@pytest.mark.parametrize("name", [*RUNS, *SYNTHETIC])
def test_with_details_all_of_it_is_printed(name):
    summary = summary_of(name)
    text = " ".join(printed(summary, details=True).split())
    for said in whole_text(document(summary)):
        assert " ".join(said.split()) in text


@pytest.mark.parametrize("name", [*RUNS, *SYNTHETIC])
def test_no_note_and_no_warning_is_lost_in_what_is_brief(name):
    whole, brief = document(summary_of(name)), brief_document(summary_of(name))
    assert brief.warnings == whole.warnings
    assert [s.notes for s in brief.sections] == [s.notes for s in whole.sections]
    assert [s.title for s in brief.sections] == [s.title for s in whole.sections]


def test_an_interval_is_told_by_its_farther_end():
    summary = summary_of("cpu-amd-epyc")
    result = summary.columns[0].results[1]
    low, high = result.timing.relative_speed_ci95
    value = result.timing.relative_speed
    farther = 100 * max(high / value - 1, 1 - low / value)
    assert f"{value:.3f} ±{farther:.1f}" in printed(summary)


def test_an_interval_of_two_processes_is_as_short_as_any():
    run = run_of(["g4"], noisy(lambda cell: 1.0, noise=0.5, seed=1), rounds=(3, 3))
    lines = printed(summarise(run)).splitlines()
    assert any(">999" in line for line in lines)
    assert max(map(cell_len, lines)) <= COLUMNS


GROUPED = Table(
    "",
    [
        Heading("row", numeric=False),
        *(Heading(t, g) for g in ("×1", "×2") for t in ("here", "paper")),
    ],
    [["first", "1.5", "2", "10", "3"], ["2", "1", "2", "3", "4"]],
)


def test_a_dense_table_has_its_groups_above_their_columns():
    assert dense_lines(GROUPED, 100) == [
        "       ─── ×1 ────  ─── ×2 ────",
        "row    here  paper  here  paper",
        "first   1.5      2    10      3",
        "2         1      2     3      4",
    ]


def test_a_dense_table_that_is_too_wide_is_divided_with_the_labels_of_its_rows():
    assert dense_lines(GROUPED, 30) == [
        "       ─── ×1 ────",
        "row    here  paper",
        "first   1.5      2",
        "2         1      2",
        "       ─── ×2 ────",
        "row    here  paper",
        "first    10      3",
        "2         3      4",
    ]


def test_a_dense_table_without_groups_has_a_rule_and_rows_may_end_early():
    table = Table("", [Heading("a", numeric=False), Heading("bb")], [["x", "1"], ["long"]])
    assert dense_lines(table, 100) == ["a     bb", "────────", "x      1", "long"]
    assert dense_lines(table, 7) == ["a     bb", "────────", "x      1", "long"]


def test_on_a_terminal_sentences_wrap_at_its_width():
    section = Section("", ["word " * 30], verdicts=[Said("it holds", "good")])
    console = Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None)
    show(Document("some", "Title", [section], facts=[("Label", "text " * 30)]), console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].startswith("     Label  text")
    assert lines[1].startswith("            text")


def test_verdicts_are_coloured():
    section = Section("", verdicts=[Said("holds", "good"), Said("reversed", "bad")])
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=80)
    show(Document("some", "Title", [section], brief=True), console)
    assert "\x1b[32mholds\x1b[0m   \x1b[31mreversed" in console.file.getvalue()
