"""A fifth experiment is one declaration: tables, plot, compare, history, check and gate follow.

The paper knows nothing of it, and no other file does.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from guideline_benchmarks.guidelines import catalogue
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.reports.compare.comparison import write_comparison
from guideline_benchmarks.reports.history.history import write_history
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.reports.run.tables import guideline_sections, overview
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate.finding import Change, rows_of
from guideline_benchmarks.results.gate.regression import judge_run
from guideline_benchmarks.results.history.history import digest, history_of
from guideline_benchmarks.results.record.cells import Cell, Experiment, Network, RowLabel
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import noisy, run_of_declarations

KERNELS = Experiment(
    name="kernels",
    label="G5",
    table="Toy table",
    title="Kernel size",
    claim="Large kernels cost more than their multiply-adds",
    axes=("kernel", "width"),
    base="1×1",
    row_labels=(RowLabel("kernel", "{kernel}×{kernel}"), RowLabel("at the smallest", "{width}")),
    column_label="{scale} images wide",
    tick="{kernel}",
    notes=("Kernels are read as square.",),
)


def cells(choice):
    return [
        Cell(
            experiment=KERNELS.name,
            row=f"{kernel}×{kernel}",
            scale=scale,
            axes={"kernel": kernel, "width": 16 * scale},
            network=Network("GroupConvolution", {"c": 16, "groups": 1}, channels=16, times=kernel),
        )
        for kernel in (1, 2, 4)
        for scale in (1, 2)
    ]


TOY = Declaration(KERNELS, cells)


def measured(slower=1.0, seed=0):
    def truth(cell):
        worse = slower if cell.row == "4×4" and cell.scale == 2 else 1.0
        return worse * (1.0 + cell.axes.get("kernel", 0)) * cell.scale

    return run_of_declarations([TOY], noisy(truth, noise=0.002, seed=seed))


@pytest.fixture
def run():
    return measured()


def test_its_record_holds_all_that_readers_need(run, tmp_path):
    run_folders.write_run(tmp_path, run)
    read = run_folders.read_run(tmp_path)
    assert read == run
    assert read.experiments == [KERNELS]


def test_it_has_tables_a_verdict_and_a_plot(run, tmp_path):
    summary = summarise(run)
    (section,) = guideline_sections(summary)
    assert section.title == "Toy table · G5: Kernel size"
    speeds = section.tables[0]
    assert [heading.title for heading in speeds.headings[:2]] == ["kernel", "at the smallest"]
    assert {heading.group for heading in speeds.headings[2:]} == {
        "1 images wide",
        "2 images wide",
    }
    assert [row[:2] for row in speeds.rows] == [["1×1", "16"], ["2×2", "16"], ["4×4", "16"]]
    # The paper prints nothing of it, and so has no column.
    assert [heading.title for heading in speeds.headings[2:]] == ["measured", "measured"]
    assert "Kernels are read as square." in section.notes
    assert overview(summary)[1].rows[0][0] == "G5 Kernel size"
    assert [column.verdict.value for column in summary.columns] == ["holds", "holds"]
    objects = json_objects(summary)
    assert {entry["kernel"] for entry in objects} == {1, 2, 4}
    assert {entry["paper_speed"] for entry in objects} == {None}
    write_report(summary, tmp_path)
    assert b"1 images wide" in (tmp_path / f"{KERNELS.name}.svg").read_bytes()
    assert "G5: Kernel size" in (tmp_path / "report.html").read_text()


def test_it_is_compared(run, tmp_path):
    other = measured(seed=1)
    other = other.model_copy(
        update={"platform": other.platform.model_copy(update={"name": "other"})}
    )
    compared = compare([recorded("a", run), recorded("b", other)])
    assert [experiment.name for experiment in compared.experiments] == [KERNELS.name]
    write_comparison(compared, tmp_path)
    assert "G5 Kernel size" in (tmp_path / "compare.md").read_text()


def test_it_has_a_history(run, tmp_path):
    for number in range(4):
        run_folders.write_run(tmp_path / str(number), measured(seed=number))
    told = history_of([digest(tmp_path / str(number)) for number in range(4)])
    assert {trend.name for trend in told.trends} == {cell.name for cell in run.cells}
    write_history(told, tmp_path / "page")
    assert f"{KERNELS.name}/4×4/x2" in (tmp_path / "page" / "history.md").read_text()


def test_it_is_checked(run):
    judged = judge_run(measured(slower=1.2, seed=1), run)
    slower = [finding.row.name for finding in judged.having(Change.SLOWER)]
    assert f"{KERNELS.name}/4×4/x2" in slower
    assert f"{KERNELS.name}/1×1/x1" not in slower


def test_the_gate_has_rows_for_it(run):
    rows = rows_of(run.experiments, run.cells, run.controls)
    assert [row.name for row in rows if row.kind == "guideline"] == [KERNELS.name]
    assert sum(row.kind == "cell" for row in rows) == 6


def test_the_command_line_knows_it_by_one_line_in_the_catalogue(monkeypatch):
    with pytest.raises(BadInputError, match="no experiment 'kernels'"):
        catalogue.select([KERNELS.name])
    monkeypatch.setitem(catalogue.EXPERIMENTS, KERNELS.name, TOY)
    assert catalogue.select([KERNELS.name]) == [TOY]


def test_labels_that_name_no_axis_are_refused(run, tmp_path):
    run_folders.write_run(tmp_path, run)
    content = json.loads((tmp_path / run_folders.FILE).read_text())
    content["experiments"][0]["tick"] = "{kernal}"
    (tmp_path / run_folders.FILE).write_text(json.dumps(content))
    with pytest.raises(BadInputError, match="labels of kernels name an axis"):
        run_folders.read_run(tmp_path)


def test_readings_that_differ_are_not_compared(run):
    experiment = replace(KERNELS, reading={"kernel": "odd"})
    odd = run.model_copy(update={"experiments": [experiment]})
    even = replace(KERNELS, reading={"kernel": "even"})
    compared = compare(
        [recorded("a", odd), recorded("b", run.model_copy(update={"experiments": [even]}))]
    )
    assert any("its kernel is even" in said for said in compared.left_out)
