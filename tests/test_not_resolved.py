"""No figure stands where there is none to tell: intervals and shares that say nothing."""

from __future__ import annotations

import itertools
import math
import re
from warnings import catch_warnings, simplefilter

import pytest

from guideline_benchmarks.reports.compare.comparison import MEANS, write_comparison
from guideline_benchmarks.reports.gate.gate import gate_table
from guideline_benchmarks.reports.layout import WHY_NOT_RESOLVED, interval_text, percents_text
from guideline_benchmarks.reports.run.decomposition_plots import bars, pies
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.plots import plot
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.reports.run.roofline import WHY_REACHED, bound_text
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.gate.finding import Change, Finding, Row, judged
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.inference import Estimate
from guideline_benchmarks.results.statistics.resolution import bracketed
from guideline_benchmarks.results.tables.json_objects import (
    part_objects,
    share_objects,
)
from guideline_benchmarks.results.tables.roofline import bound_of
from guideline_benchmarks.results.tables.summary import summarise
from tests.disturbed_runs import disturbed, quiet, texts
from tests.synthetic import fig2_run, noisy, run_of
from tests.synthetic_gpu import CEILINGS, gpu_run

ROW = Row("g4/none/x1", "cell", ("g4/none/x1",), "g4")


def intervals_in(text: str) -> list[tuple[float, float]]:
    found = re.findall(r"\[(-?[\d.e+]+), (-?[\d.e+]+)\]", text)
    return [(float(low), float(high)) for low, high in found]


def test_no_interval_of_a_disturbed_run_says_nothing():
    for where, text in texts(disturbed()).items():
        for low, high in intervals_in(text):
            assert 0 < low <= high <= 10.1 * low, (where, low, high)
        if where != "brief":
            assert "not resolved" in text
            assert WHY_NOT_RESOLVED in text, where


def test_intervals_of_a_quiet_run_are_all_there():
    for text in texts(quiet()).values():
        assert "not resolved" not in text.lower()


@pytest.mark.parametrize("seed", range(4))
def test_no_share_of_a_disturbed_network_lies_outside_the_whole(seed, tmp_path):
    run = fig2_run(noise=1.2, rounds=(3, 3), seed=seed)
    summary = summarise(run)
    for entry in (*share_objects(summary), *part_objects(summary)):
        assert 0 <= entry["percent"] <= 100
        low, high = entry["percent_ci95"]
        assert 0 <= low <= entry["percent"] + 1e-9 <= high + 1e-8 <= 100 + 1e-8
    for found in summary.decompositions:
        for estimate in (found.slow_down, found.attributed):
            assert 0 <= estimate.ci95[0] <= estimate.value <= estimate.ci95[1]
    write_report(summary, tmp_path)
    for where, text in texts(run).items():
        percents = re.findall(r"(-?[\d.]+) %", text)
        assert all(0 <= float(percent) <= 100 for percent in percents), where
        for low, high in intervals_in(text):
            assert 0 <= low <= high
            assert high - low <= 50.1 or high <= 10.1 * low, (where, low, high)


def test_shares_are_not_resolved_where_operators_take_more_than_the_network(tmp_path):
    summary = summarise(fig2_run(slow_down=2.0, rounds=(3, 3)))
    assert not any(found.resolved for found in summary.decompositions)
    (section,) = document(summary).sections
    by_category = section.tables[0]
    assert {row[1] for row in by_category.rows} == {"not resolved"}
    assert by_category.note == WHY_NOT_RESOLVED
    assert any("2 times as long in sum" in n and "no share is resolved" in n for n in section.notes)
    write_report(summary, tmp_path)
    experiment = summary.decomposed[0]
    for figure in (pies(summary, experiment), bars(summary, experiment)):
        drawn = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert drawn.count("not resolved") == 2
    resolved = summarise(fig2_run(rounds=(3, 3)))
    for figure in (pies(resolved, experiment), bars(resolved, experiment)):
        drawn = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert "not resolved" not in drawn


def test_shares_are_not_resolved_where_the_profiler_is_all_there_is():
    summary = summarise(fig2_run(added_ms=0.0, rounds=(3, 3)))
    assert all(found.resolved for found in summary.decompositions)
    drowned = fig2_run(rounds=(3, 3))
    content = drowned.model_dump()
    for entry in content["rounds"]:
        for profile in entry["profiles"]:
            if drowned.networks[profile["network"]] in drowned.controls:
                profile["operators_ns"] = [10**9 for _ in profile["operators_ns"]]
    summary = summarise(Run.model_validate(content))
    assert not any(found.resolved for found in summary.decompositions)
    assert any("the profiler's own time is all" in n for n in document(summary).sections[0].notes)


def test_what_is_faster_than_its_ceiling_has_no_share_of_it():
    summary = summarise(gpu_run(["g4"], noisy(lambda _: 0.001), rounds=(3, 3)))
    results = [result for column in summary.columns for result in column.results]
    assert all(result.bound.share > 1 for result in results)
    assert {bound_text(result).split(", ")[1] for result in results} == {"reached"}
    times = document(summary).sections[0].tables[-1]
    assert times.note == WHY_REACHED
    slow = summarise(gpu_run(["g4"], noisy(lambda _: 10.0), rounds=(3, 3)))
    assert bound_text(slow.columns[0].results[0]).endswith(" %")
    assert document(slow).sections[0].tables[-1].note == ""


def test_a_cell_without_memory_access_cost_is_bound_by_nothing_that_is_known():
    run = gpu_run(["g4"], lambda *_: 1.0, rounds=(2,))
    free = type(run.cells[0])(**{**vars(run.cells[0]), "memory_access_cost": 0})
    assert bound_of(run, free, 1.0, CEILINGS) is None


def test_a_graph_that_saves_nothing_has_no_launch_cost():
    summary = summarise(gpu_run(["g4"], noisy(lambda _: 1.0), eager=0.5, rounds=(3, 3)))
    tables = document(summary).sections[0].tables
    (launch,) = [table for table in tables if "launching" in table.caption]
    assert {row[3] for row in launch.rows} == {"none"}
    assert {row[4] for row in launch.rows} == {"[0, 0]"}


@pytest.mark.parametrize(
    ("interval", "said"),
    [((0.9, 1.1), "[0.9, 1.1]"), ((0.0, 3517.0), "not resolved"), ((-1.0, 2.0), "not resolved")],
)
def test_intervals_of_ratios(interval, said):
    assert interval_text(interval, str) == said
    assert ("not resolved" in bracketed(interval)) == (said == "not resolved")


@pytest.mark.parametrize(
    ("interval", "said"),
    [((0.0, 3.0), "[0.0, 3.0]"), ((0.0, 100.0), "not resolved"), ((-234.1, 804.7), "not resolved")],
)
def test_intervals_of_shares(interval, said):
    assert percents_text(interval) == said
    assert percents_text(None) == interval_text(None, str) == ""


def test_a_gate_tells_no_interval_and_no_change_that_say_nothing():
    vague = judged(ROW, Change.INCONCLUSIVE, Estimate(0.1, 3.0, 1), 0.02, 0.001, 2)
    assert vague.smallest_detectable is None
    assert vague.text == f"{math.exp(0.1):.3f} [not resolved]"

    class Of:
        findings, metric, rests_on = [vague], "time", "quartets"

    table = gate_table(Of, [vague], "")
    assert table.rows[0][3:5] == [f"{vague.p:.2g}", "–"]
    assert table.note == WHY_NOT_RESOLVED
    clear = judged(ROW, Change.SAME, Estimate(0.0, 0.001, 9), 0.02, 0.05, 10)
    assert gate_table(Of, [clear], "").note == ""


def test_no_error_is_too_large_for_a_finding():
    for error, level in itertools.product((1e-9, 1.0, 40.0), (0.05, 1e-6)):
        found = judged(ROW, Change.INCONCLUSIVE, Estimate(0.0, error, 1), 0.02, level, 2)
        assert isinstance(found, Finding)


def test_a_comparison_of_disturbed_runs_says_why_an_interval_is_missing(tmp_path):
    found = compare([recorded("one", disturbed()), recorded("other", quiet())])
    write_comparison(found, tmp_path)
    text = (tmp_path / "compare.md").read_text()
    assert "not resolved" in text
    assert WHY_NOT_RESOLVED in text
    assert text.count(MEANS) == 1
    assert all(low > 0 and high <= 10.1 * low for low, high in intervals_in(text.replace("\\", "")))


def test_an_interval_that_says_nothing_does_not_dwarf_a_plot():
    with catch_warnings():
        simplefilter("error")
        for run in (disturbed(), run_of(["g1"], noisy(lambda _: 1.0), rounds=(3,))):
            summary = summarise(run)
            (axes,) = plot(summary, summary.experiments[0]).axes
            drawn = [
                value
                for column in summary.columns_of(summary.experiments[0])
                for result in column.results
                for value in (result.timing.relative_speed, result.paper_relative_speed)
            ]
            assert axes.get_ylim()[1] <= 11 * max(drawn)
