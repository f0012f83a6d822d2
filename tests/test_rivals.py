"""Which networks win at equal multiply-adds, here and in the paper, and how far they lie apart."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS, select
from guideline_benchmarks.guidelines.commands.program import program
from guideline_benchmarks.reports.run.accuracy_plots import accuracy_plot
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.report import csv_files
from guideline_benchmarks.reports.run.rival_plots import rival_plot
from guideline_benchmarks.reports.run.rivals import MOST_TOLD, rival_tables, swap_lines
from guideline_benchmarks.results.paper.networks import FIGURE_1
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.statistics.intervals import relative_speed_interval
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.tables.json_objects import cell_objects
from guideline_benchmarks.results.tables.rivals import orders_of, spreads_of
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import noisy, run_of, run_of_declarations

PAIR = ("ShuffleNet v2", "Xception")


def as_published(cell):
    """Return the paper's time of a cell in ms, and of a row without any that of a slow one."""
    return 1e3 / cell.published.speed if cell.published else 400.0


def swapped(cell):
    """Return the paper's times, but for a pair of rows at 40 M whose times are exchanged."""
    if cell.scale == 40 and cell.row in PAIR:
        other = PAIR[1 - PAIR.index(cell.row)]
        cells = EXPERIMENTS["table8"].cells(NetworkChoice())
        return as_published(next(c for c in cells if (c.row, c.scale) == (other, 40)))
    return as_published(cell)


def summary_of(truth, name="table8", noise=0.002, **options):
    return summarise(run_of_declarations([EXPERIMENTS[name]], noisy(truth, noise), **options))


@pytest.fixture(scope="module")
def same():
    return summary_of(as_published)


@pytest.fixture(scope="module")
def other():
    return summary_of(swapped)


def test_nothing_swaps_where_the_paper_is_repeated(same):
    for column in same.columns:
        orders = {order.channels: order for order in orders_of(column)}
        assert not orders["arm"].swaps
        assert orders["arm"].reversed_ == 0
        assert orders["arm"].tau == pytest.approx(1.0, abs=0.05)
        printed = [r.published.speed for r in column.results if r.published]
        pairs = sum(a != b for i, a in enumerate(printed) for b in printed[:i])
        assert orders["arm"].pairs == pairs
    # The paper's own two platforms do not agree.
    assert any(order.swaps for column in same.columns for order in orders_of(column))


def test_a_pair_that_swaps_is_found_with_its_interval(other):
    first, *rest = other.columns
    order = next(order for order in orders_of(first) if order.channels == "arm")
    by_row = {result.cell.row: result.timing.times for result in first.results}
    found = {(swap.faster, swap.slower): swap for swap in order.swaps}
    swap = found[PAIR[1], PAIR[0]]
    assert swap.ci95 == relative_speed_interval(by_row[PAIR[1]], by_row[PAIR[0]])
    assert 1 < swap.ci95[0] <= swap.ratio <= swap.ci95[1]
    assert swap.published == pytest.approx(52.9 / 57.0)
    # ShuffleNet v1 lies between the two.
    assert set(found) == {PAIR[::-1], ("ShuffleNet v1", PAIR[0]), (PAIR[1], "ShuffleNet v1")}
    ratios = [swap.ratio for swap in order.swaps]
    assert ratios == sorted(ratios, reverse=True)
    for column in rest:
        assert not next(o for o in orders_of(column) if o.channels == "arm").swaps


def test_what_no_interval_shows_is_reversed_and_no_swap():
    summary = summary_of(lambda cell: 5.0, noise=0.02, rounds=(4, 4, 4))
    orders = [order for column in summary.columns for order in orders_of(column)]
    assert sum(order.reversed_ for order in orders) > 4 * sum(len(o.swaps) for o in orders)
    alone = summary_of(swapped, rounds=(5,))
    assert not any(order.swaps for column in alone.columns for order in orders_of(column))
    assert spreads_of(alone.columns[0]).here.ci95 is None


def test_a_spread_is_of_the_fastest_and_the_slowest(same):
    for column in same.columns:
        found = spreads_of(column)
        speeds = {r.cell.row: r.published.speed for r in column.results if r.published}
        theirs = found.published["arm"]
        assert theirs.ratio == max(speeds.values()) / min(speeds.values())
        assert speeds[theirs.fastest] == max(speeds.values())
        by_row = {r.cell.row: np.median(np.concatenate(r.timing.times)) for r in column.results}
        assert found.here.fastest == min(by_row, key=by_row.get)
        assert found.here.slowest == max(by_row, key=by_row.get)
        apart = by_row[found.here.slowest] / by_row[found.here.fastest]
        assert found.here.ratio == pytest.approx(apart, rel=0.01)
        assert found.here.ci95[0] <= found.here.ratio <= found.here.ci95[1]


def test_per_multiply_add_is_with_the_work_divided_out():
    run = run_of_declarations([EXPERIMENTS["table8"]], noisy(lambda cell: 1.0, 0.001))
    cells = [
        replace(cell, multiply_adds=2 * cell.multiply_adds) if cell.row == "DenseNet" else cell
        for cell in run.cells
    ]
    for column in summarise(run.model_copy(update={"cells": cells})).columns:
        found = spreads_of(column)
        assert found.multiply_adds == 2
        assert found.here.ratio == pytest.approx(1.0, abs=0.01)
        assert found.here_by_work.ratio == pytest.approx(2.0, abs=0.02)
        assert found.here_by_work.fastest == "DenseNet"
        assert found.here_by_work.ci95[0] <= found.here_by_work.ratio <= found.here_by_work.ci95[1]


def test_reports_say_who_wins(other):
    (section,) = document(other).sections
    orders, spreads = rival_tables(other.columns_of(other.experiments[0]))
    assert orders in section.tables
    assert spreads in section.tables
    assert [row[:2] for row in orders.rows[:2]] == [
        ["40 M", "GeForce GTX 1080 Ti"],
        ["40 M", "Snapdragon 810"],
    ]
    assert orders.rows[1][-2:] == ["3", "3"]
    said = [line.text for line in section.verdicts if "Snapdragon" in line.text]
    assert len(said) == 1
    assert "Xception is ×1.08" in said[0]
    assert "as fast as ShuffleNet v2 (paper: ×0.93)" in said[0]
    lines = list(csv.DictReader(io.StringIO(csv_files(other)["swaps.csv"])))
    known = [swap for c in other.columns for order in orders_of(c) for swap in order.swaps]
    assert [line["faster"] for line in lines] == [swap.faster for swap in known]


def test_of_many_swaps_the_strongest_are_told():
    summary = summary_of(lambda cell: 1 / as_published(cell))
    lines = swap_lines(summary.columns)
    assert len(lines) == 2 * len(summary.columns)
    for line in lines:
        assert line.text.count("as fast as") == MOST_TOLD
        assert "more." in line.text


def test_scripts_get_all_of_it(other, tmp_path, capsys):
    run_folders.write_run(tmp_path / "run", other.run)
    program(["show", str(tmp_path / "run"), "--json"], standalone_mode=False)
    objects = json.loads(capsys.readouterr().out)
    base = next(entry for entry in objects if entry["cell"] == "table8/ShuffleNet v2/x40")
    assert base["published_multiply_adds"] == 41e6
    assert base["published_top1_error"] == 39.7
    assert base["published_mmap"] is None
    assert (base["paper_gpu_speed"], base["paper_arm_speed"]) == (417.0, 57.0)
    assert sorted(base["swapped_from_paper_arm"]) == ["ShuffleNet v1", "Xception"]
    low, high = base["fastest_over_slowest_ci95"]
    assert low <= base["fastest_over_slowest"] <= high
    assert base["paper_arm_fastest_over_slowest"] == pytest.approx(57.0 / 31.5)
    others = cell_objects(summarise(run_of(["g1"], noisy(lambda _: 1.0), rounds=(2, 2))))
    assert {entry["fastest_over_slowest"] for entry in others} == {None}
    assert {entry["swapped_from_paper_arm"] for entry in others} == {None}


def quoted_table(section):
    return next(table for table in section.tables if "quoted, not measured" in table.caption)


def test_costs_stand_beside_what_the_paper_prints(same):
    (section,) = document(same).sections
    costs = quoted_table(section)
    titles = [heading.title for heading in costs.headings]
    assert "top-1 error, % (published)" in titles
    assert not any("mmAP" in title for title in titles)
    row = next(row for row in costs.rows if row[0] == "ShuffleNet v2, 140 M")
    entries = dict(zip(titles, row, strict=True))
    assert entries["network"] == "ShuffleNet v2 1x"
    assert entries["published"] == "146"
    # Synthetic networks have 64 M.
    assert entries["difference"] == "-56.2 %"
    assert entries["top-1 error, % (published)"] == "30.6"
    plain = document(summarise(run_of(["g1"], lambda *_: 1.0, rounds=(1,)))).sections[0]
    assert not any("published" in h.title for table in plain.tables for h in table.headings)


def test_a_table_without_speeds_of_its_own_channel_set_stands_beside_the_other():
    summary = summary_of(lambda cell: 1.0 + cell.scale, "table7")
    (section,) = document(summary).sections
    assert "paper" not in section.tables[0].caption
    assert any("not like for like" in note for note in section.notes)
    orders = next(table for table in section.tables if table.caption.startswith("Order here"))
    assert {row[1] for row in orders.rows} == {"GeForce GTX 1080 Ti"}
    titles = [heading.title for heading in quoted_table(section).headings]
    assert titles == ["cell", "network", "mmAP, % (published)"]
    assert len(section.plots) == 1


def test_fig_1_needs_speeds_and_accuracy():
    names = ("table6", "units-28", "input-320", "table8")
    run = run_of_declarations(select(names), lambda *_: 1.0, rounds=(1,))
    plots = {s.anchor: [name for name, _ in s.plots] for s in document(summarise(run)).sections}
    assert plots["table8"] == ["table8", "table8-accuracy"]
    assert plots["table6"] == ["table6"]
    assert plots["units-28"] == ["units-28"]
    assert plots["input-320"] == ["input-320"]


def test_fig_1_has_the_papers_points_beside_those_measured(other):
    figure = accuracy_plot(other, other.experiments[0])
    above, below = figure.axes[:3], figure.axes[3:]
    assert [axes.get_title() for axes in above] == [
        "cpu, measured here",
        "the paper's GeForce GTX 1080 Ti",
        "the paper's Snapdragon 810",
    ]
    assert "published, not measured" in above[0].get_ylabel()
    assert above[1].get_xlabel() == "speed, batches/s, batch 8"
    results = [r for c in other.columns for r in c.results if r.cell.row == "Xception"]
    lines = {line.get_label(): line for line in above[0].get_lines()}
    assert set(lines) == {*FIGURE_1, "MobileNet v2, smaller input"}
    assert lines["Xception"].get_xdata().tolist() == [r.timing.speed for r in results]
    accuracies = [100 - r.cell.quoted.top1_error for r in results]
    assert lines["Xception"].get_ydata().tolist() == accuracies
    theirs = {line.get_label(): line for line in below[2].get_lines()}
    assert theirs["Xception"].get_xdata().tolist() == [40, 145, 305, 525]
    assert theirs["Xception"].get_ydata().tolist() == [52.9, 19.5, 10.5, 6.7]


def test_a_plot_of_rivals_has_a_line_for_each_of_them(other):
    figure = rival_plot(other, other.experiments[0])
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [row[0] for row in document(other).sections[0].tables[0].rows]
    measured = {line.get_label(): line for line in axes.get_lines()}
    for column in other.columns:
        marks = measured[f"{column.scale} M"]
        assert marks.get_xdata().tolist() == [r.timing.relative_speed for r in column.results]
        for result, y in zip(column.results, marks.get_ydata(), strict=True):
            assert round(y) == labels.index(result.cell.row)
