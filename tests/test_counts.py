"""Counts of instructions: the record, the figures, and reports that never call them a speed."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from guideline_benchmarks.reports.formats.html import html
from guideline_benchmarks.reports.formats.latex import latex
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.report import csv_files, write_report
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store.run_folders import read_run, write_run
from guideline_benchmarks.results.tables.counts import counts_of
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise
from tests.program import compile_latex
from tests.synthetic import counted_run, run_of, valid

ALL = ["g1", "g2", "g3", "g4"]


def by_width(cell):
    """More instructions the later the row in its table, as the paper's speeds mostly fall."""
    return 1_000_000 * cell.scale + 1000 * sum(map(ord, cell.row))


def changed(run, **fields):
    return valid(run.model_dump() | fields)


def with_first_count(run, **fields):
    counts = [count.model_dump() for count in run.counts]
    return changed(run, counts=[counts[0] | fields, *counts[1:]])


def test_the_least_execution_is_what_counts():
    run = counted_run(["g2"], lambda cell: 640_000, caches=True)
    cell = run.cells[0]
    counts = counts_of(run, cell, run.cells[0])
    assert counts.samples == 5
    assert counts.instructions == 640_000
    assert (counts.l1d_misses, counts.l2_misses) == (64_000, 6_400)
    assert counts.spread == pytest.approx(40 / 640_000)
    assert counts.per_multiply_add == 640_000 / cell.multiply_adds
    assert counts.relative == 1.0


@given(st.lists(st.integers(1, 2**62), min_size=12, max_size=12))
def test_instructions_are_relative_to_the_base_cell(numbers):
    places = {}
    run = counted_run(["g2"], lambda cell: numbers[places.setdefault(cell.name, len(places))])
    for column in summarise(run).columns:
        base = next(r for r in column.results if r.cell.row == "g=1")
        for result in column.results:
            wanted = result.counts.instructions / base.counts.instructions
            assert result.counts.relative == pytest.approx(wanted)


def test_no_caches_no_misses():
    run = counted_run(["g2"], by_width)
    counts = counts_of(run, run.cells[0], None)
    assert (counts.l1d_misses, counts.l2_misses, counts.relative) == (None, None, None)


def test_order_is_that_of_the_fewest_instructions():
    # The paper's speed falls from g = 1 to g = 8; so do these, and in the other run they rise.
    falling = counted_run(["g2"], lambda cell: 10**6 * cell.axes["groups"], caches=True)
    rising = counted_run(["g2"], lambda cell: 10**6 // cell.axes["groups"])
    assert [column.tau for column in summarise(falling).columns] == [1.0] * 3
    assert [column.tau for column in summarise(rising).columns] == [-1.0] * 3
    first = summarise(falling).columns[0]
    assert first.orders == {"instructions": 1.0, "L1d misses": 1.0, "L2 misses": 1.0}


def test_json_has_counts_and_no_time():
    summary = summarise(counted_run(["g1"], by_width, caches=True))
    for found in json_objects(summary):
        assert found["unit"] == "instructions"
        assert found["instructions"] > found["l1d_misses"] > found["l2_misses"] > 0
        assert (found["samples"], found["processes"]) == (5, 1)
        for name, value in found.items():
            timed = name.endswith("_ms") or name in ("speed", "relative_speed", "verdict")
            timed = timed and name != "published_ms"
            assert not timed or value is None, name
        assert found["paper_speed"] > 0
    timed = json_objects(summarise(run_of(["g1"], lambda *_: 1.0)))
    assert all(found["instructions"] is None for found in timed)


def terminal(summary):
    console = Console(file=io.StringIO(), width=160)
    show(document(summary), console)
    return console.file.getvalue()


def page(summary):
    return html(replace(document(summary), drawings=dict.fromkeys(ALL, b"<svg/>")))


@pytest.mark.parametrize(
    "said", [terminal, page, lambda s: latex(document(s)), lambda s: markdown(document(s))]
)
def test_every_report_says_what_the_figures_are(said):
    text = " ".join(said(summarise(counted_run(ALL, by_width, caches=True))).split())
    assert text.count("emulated, not a speed") >= 3 * len(ALL)
    assert "no time was taken" in text
    assert "instructions" in text
    assert "L2 misses" in text
    # Neither a time of its own nor a verdict about speed.
    assert not re.search(r"\bms\b|median|95 %|holds|reversed|undecided", text)


def test_a_report_is_written(tmp_path):
    summary = summarise(counted_run(ALL, by_width, caches=True))
    write_report(summary, tmp_path)
    assert "instructions" in csv_files(summary)["cells.csv"]
    for name in ALL:
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_latex_report_compiles(tmp_path):
    source = tmp_path / "report.tex"
    source.write_text(latex(document(summarise(counted_run(ALL, by_width, caches=True)))))
    compile_latex(source, tmp_path)


def summarised_notes(run):
    return [note for section in document(summarise(run)).sections for note in section.notes]


def test_a_failed_network_has_no_figure_and_says_why():
    run = counted_run(["g1"], by_width, failures={"g1/1:2/x1": "it is wrong"})
    text = terminal(summarise(run))
    assert run.failures == {"g1/1:2/x1": "it is wrong"}
    assert "g1/1:2/x1 has no figure: it is wrong" in text
    assert "1 network(s) failed their proof" in text


def test_networks_that_fail_for_one_reason_are_told_in_one_sentence():
    failures = {f"g1/{row}/x1": "too large" for row in ("1:2", "1:6")} | {"g1/1:12/x1": "wrong"}
    notes = summarised_notes(counted_run(["g1"], by_width, failures=failures))
    assert "g1/1:2/x1, g1/1:6/x1 have no figure: too large." in notes
    assert "g1/1:12/x1 has no figure: wrong." in notes


def test_an_unfinished_run_is_shown_as_such():
    run = counted_run(["g1"], by_width)
    half = changed(run, counts=[count.model_dump() for count in run.counts[:5]])
    assert not complete(half)
    assert complete(run)
    text = terminal(summarise(half))
    assert "5 of 12 networks were counted" in text
    assert "g1/1:12/x4 were not measured yet" in " ".join(text.split())


def test_a_counted_run_is_stored_and_read(tmp_path):
    run = counted_run(["g3"], by_width, caches=True)
    write_run(tmp_path, run)
    assert read_run(tmp_path) == run


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"instructions": [5, 5, 5, 5]}, "not counted as often"),
        ({"l2_misses": []}, "not counted as often"),
        ({"cell": "g9/none/x1"}, "unknown network"),
        ({"cell": "g1/1:2/x1"}, "there twice"),
        ({"session": 3}, "unknown session"),
        ({"instructions": [0] * 5}, "greater than or equal to 1"),
    ],
)
def test_counts_that_contradict_the_rest_are_refused(fields, fault):
    run = counted_run(["g1"], by_width, caches=True)
    with pytest.raises(ValueError, match=fault):
        with_first_count(run, **fields)


def test_times_and_counts_do_not_mix():
    timed, counted = run_of(["g1"], lambda *_: 1.0), counted_run(["g1"], by_width)
    with pytest.raises(ValueError, match="is timed has counts"):
        changed(timed, counts=[count.model_dump() for count in counted.counts])
    with pytest.raises(ValueError, match="that counts was timed"):
        changed(timed, platform=counted.platform.model_dump())
    with pytest.raises(ValueError, match="go together"):
        changed(counted, platform=counted.platform.model_dump() | {"unit": "images/s"})
