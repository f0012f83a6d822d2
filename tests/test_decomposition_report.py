"""Reports of decompositions: every format holds the measured and the published shares."""

from __future__ import annotations

import csv
import io
import shutil

import pytest
from PIL import Image
from rich.console import Console

from guideline_benchmarks.guidelines.runtime_decomposition import user_declaration
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.record.cells import Given, UserNetwork
from guideline_benchmarks.results.tables.summary import summarise
from tests.program import compile_latex
from tests.synthetic import fig2_run

MINE = UserNetwork("mine:net", Given(("1,3,8,8",)), input=(1, 3, 8, 8))
PLOTS = ("fig2", "fig2-bars")


@pytest.fixture(scope="module")
def summary():
    return summarise(fig2_run(noise=0.02, gap_ms=0.4))


@pytest.fixture(scope="module")
def folder(summary, tmp_path_factory):
    place = tmp_path_factory.mktemp("report")
    write_report(summary, place)
    return place


def test_every_format_shows_the_paper_beside_the_measured(folder):
    for name in ("report.html", "report.md", "report.tex"):
        text = (folder / name).read_text()
        for word in ("GeForce GTX 1080 Ti", "Snapdragon 810", "unattributed", "10.5", "depthwise"):
            assert word in text, (name, word)


def test_the_printed_shares_add_up(summary):
    (section,) = document(summary).sections
    shares = [table for table in section.tables if "share of the run time" in table.caption]
    assert len(shares) == 2
    for table in shares:
        assert [row[0] for row in table.rows][-1] == "unattributed"
        assert sum(float(row[1]) for row in table.rows) == pytest.approx(100, abs=1e-9)
    for table in (table for table in section.tables if "by operator" in table.caption):
        assert sum(float(row[4]) for row in table.rows) == pytest.approx(100, abs=1e-9)
        assert sum("depthwise convolution" in row[0] for row in table.rows) == 1


def test_plots_are_images_and_are_shown(folder):
    markdown = (folder / "report.md").read_text()
    for name in PLOTS:
        assert f"({name}.svg)" in markdown
        with Image.open(folder / f"{name}.png") as image:
            assert min(image.size) > 400
    assert (folder / "report.html").read_text().count('<img src="data:image/svg') == 2


def test_csv_has_a_line_a_share_and_a_line_an_operator(folder):
    def lines(name):
        return list(csv.DictReader(io.StringIO((folder / name).read_text())))

    shares = lines("shares.csv")
    assert len(shares) == 12
    assert sum(float(line["percent"]) for line in shares) == pytest.approx(200)
    operators = lines("operators.csv")
    assert {line["operator"] for line in operators} >= {"3×3 depthwise convolution", "Concat"}
    assert not (folder / "cells.csv").exists()


def test_a_report_is_the_same_every_time(folder, summary, tmp_path):
    write_report(summary, tmp_path)
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(folder, tmp_path):
    assert compile_latex(folder / "report.tex", tmp_path).stat().st_size > 10_000


def test_the_terminal_shows_every_column_whole(summary):
    console = Console(record=True, width=80, file=io.StringIO())
    show(document(summary), console)
    text = console.export_text()
    assert "…" not in text
    for word in (
        "without the profiler, ms",
        "of it the profiler's own, ms",
        "paper, Snapdragon 810",
    ):
        assert word in text


def test_a_network_of_the_users_has_no_paper_columns(tmp_path):
    summary = summarise(fig2_run(declaration=user_declaration("mine:net", MINE)))
    write_report(summary, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "Snapdragon" not in text
    assert "mine:net" in text
    assert (tmp_path / "decomposition-bars.png").exists()


def test_a_failure_is_said_and_the_other_network_shown(tmp_path):
    failures = {"fig2/MobileNet v2 1x/x1": "it is broken"}
    write_report(summarise(fig2_run(failures=failures)), tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "MobileNet v2 1x has no figures: it is broken." in text
    assert "ShuffleNet v1 1x g=3, input 1×3×224×224: share" in text.replace("\\", "")


def test_nothing_measured_is_said(tmp_path):
    failures = {"control/profiler/x1": "no profiler"}
    write_report(summarise(fig2_run(failures=failures)), tmp_path)
    assert "has no figures: no profiler" in (tmp_path / "report.md").read_text()
    assert not (tmp_path / "fig2.png").exists()
