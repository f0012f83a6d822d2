"""Reports hold the measured and the published figures, whatever the record contains."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image
from rich.console import Console

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.reports.formats.latex import escape as latex_escape
from guideline_benchmarks.reports.formats.pipe_tables import escape as markdown_escape
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.layout import significant
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.paper import read_csv
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise
from tests.program import compile_latex
from tests.synthetic import noisy, run_of

ALL = ["g1", "g2", "g3", "g4"]
CONTRACT = """
experiment table cell platform backend scale batch multiply_adds memory_access_cost samples
processes mean_ms median_ms min_ms ci95_low_ms ci95_high_ms speed unit relative_speed
relative_speed_ci95 paper_speed paper_relative_speed
"""
BASE = {"1:1", "g=1", "1-fragment", "relu+shortcut"}


def slower(cell):
    return 1.0 if cell.row in BASE else 1.25


@pytest.fixture(scope="module")
def summary():
    return summarise(run_of(ALL, noisy(slower, 0.004)))


@pytest.fixture(scope="module")
def folder(summary, tmp_path_factory):
    place = tmp_path_factory.mktemp("report")
    assert write_report(summary, place) == place / "report.html"
    return place


def test_json_has_the_contract_of_every_cell(summary):
    contract = CONTRACT.split()
    axes = {
        "g1": {"ratio", "c1", "c2"},
        "g2": {"groups", "c"},
        "g3": {"fragments", "arrangement", "c"},
        "g4": {"relu", "shortcut", "c"},
    }
    objects = json_objects(summary)
    assert len(objects) == 51
    for entry in objects:
        assert set(contract) | axes[entry["experiment"]] <= set(entry)
        assert entry["samples"] == 100
        assert entry["processes"] == 5
        assert entry["min_ms"] <= entry["median_ms"]
        assert entry["ci95_low_ms"] <= entry["median_ms"] <= entry["ci95_high_ms"]
        assert entry["speed"] == pytest.approx(1e3 / entry["mean_ms"])
        low, high = entry["relative_speed_ci95"]
        assert low <= entry["relative_speed"] <= high


def test_published_figures_stand_beside_the_measured_ones(summary):
    for name in ALL:
        cells = GUIDELINES[name].cells(NetworkChoice())
        wanted = {(cell.row, cell.scale): cell.published.speed for cell in cells}
        found = {
            (e["row"], e["scale"]): e["paper_speed"]
            for e in json_objects(summary)
            if e["experiment"] == name
        }
        assert found == wanted
    four = next(e for e in json_objects(summary) if e["cell"] == "g1/1:12/x1")
    assert four["paper_relative_speed"] == pytest.approx(57.6 / 76.2)


def test_the_gpu_set_stands_beside_the_gpu_column():
    objects = json_objects(summarise(run_of(["g2"], noisy(slower), channels="gpu")))
    printed = [row for row in read_csv("table2_g2_group_count") if row["platform"] == "gpu"]
    assert {e["paper_speed"] for e in objects} == {float(row["speed"]) for row in printed}


def test_tables_are_laid_out_as_in_the_paper(summary):
    speeds = {s.anchor: s.tables[0] for s in document(summary).sections}
    assert [row[:2] for row in speeds["g1"].rows][:2] == [["1:1", "(32, 32)"], ["1:2", "(22, 44)"]]
    assert [h.group for h in speeds["g1"].headings] == ["", "", "×1", "×1", "×2", "×2", "×4", "×4"]
    assert [row[0] for row in speeds["g2"].rows] == ["1", "2", "4", "8"]
    assert [row[0] for row in speeds["g3"].rows][1] == "2-fragment-series"
    assert speeds["g3"].headings[1].group == "c = 64"
    assert [row[:2] for row in speeds["g4"].rows][-1] == ["no", "no"]
    assert speeds["g4"].rows[0][3] == "56.7"
    for section in document(summary).sections:
        for table in section.tables:
            assert all(len(row) == len(table.headings) for row in table.rows)


def test_the_impossible_width_is_noted(summary):
    (note,) = next(s for s in document(summary).sections if s.anchor == "g2").notes
    assert "180" in note
    assert "184" in note


def test_every_format_says_the_same(folder, summary):
    console = Console(file=io.StringIO(), width=200)
    show(document(summary), console)
    texts = [console.file.getvalue()]
    texts += [(folder / name).read_text() for name in ("report.md", "report.html", "report.tex")]
    texts[1] = texts[1].replace("\\", "")
    for text in texts:
        for claim in ("Channel ratio", "Group count", "Fragmentation", "Element-wise operations"):
            assert claim in text
        assert "Verdicts" in text
        for figure in ("76.2", "(22, 44)", "0.756", "holds", "Snapdragon 810"):
            assert figure in text, figure
        assert text.count("holds") >= 9


def test_csv_has_a_line_for_each_cell(folder, summary):
    lines = list(csv.DictReader((folder / "cells.csv").open()))
    assert [line["cell"] for line in lines] == [e["cell"] for e in json_objects(summary)]
    assert float(lines[0]["paper_speed"]) == 76.2


def test_markdown_tables_are_whole(folder):
    text = (folder / "report.md").read_text()
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block
    for image in re.findall(r"!\[.*?\]\((.*?)\)", text):
        assert (folder / image).exists()


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.images, self.open = [], 0, []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values[a] for a in ("href", "src") if a in values]
        self.images += tag == "img"


def test_the_page_is_self_contained(folder):
    links = Links()
    links.feed((folder / "report.html").read_text())
    assert links.images == 4
    assert all(link.startswith("data:image/svg+xml;base64,") for link in links.links)


def test_plots_are_images(folder):
    for name in ALL:
        with Image.open(folder / f"{name}.png") as image:
            assert min(image.size) > 400
        assert (folder / f"{name}.svg").read_text().lstrip().startswith("<?xml")


def test_a_report_is_the_same_every_time(folder, summary, tmp_path):
    write_report(summary, tmp_path)
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(folder, tmp_path):
    assert compile_latex(folder / "report.tex", tmp_path).stat().st_size > 10_000


def test_latex_uses_booktabs_and_balances_its_braces(folder):
    text = (folder / "report.tex").read_text()
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 17
    assert text.isascii()
    bare = re.sub(r"\\[{}\\]", "", text)
    assert bare.count("{") == bare.count("}")


NASTY = "<script>a&b_%$#{}~^\\|`*[x]ü$\\frac$</script>"


def test_text_of_a_record_cannot_become_markup(tmp_path):
    run = run_of(["g1"], noisy(slower))
    run = run.model_copy(
        update={"platform": run.platform.model_copy(update={"description": NASTY})}
    )
    write_report(summarise(run), tmp_path)
    assert "<script>" not in (tmp_path / "report.html").read_text()
    assert "<script>" not in (tmp_path / "report.md").read_text()
    assert r"\_\%\$\#\{\}" in (tmp_path / "report.tex").read_text()
    assert latex_escape("[50 %]") == r"[50 \%]"
    assert markdown_escape("a|b") == r"a\|b"


def test_names_are_not_formulas_in_plots(tmp_path):
    run = run_of(["g1"], noisy(slower))
    experiment = replace(run.experiments[0], title=r"$\\frac$")
    write_report(summarise(run.model_copy(update={"experiments": [experiment]})), tmp_path)
    assert (tmp_path / "g1.png").exists()


def test_how_table_4_was_read_is_said(tmp_path):
    run = run_of(["g4"], noisy(slower))
    write_report(summarise(run), tmp_path)
    assert "c → c/4 → c/4 → c at 56×56" in (tmp_path / "report.html").read_text()


def test_axes_cannot_take_the_place_of_figures():
    run = run_of(["g1"], noisy(slower))
    cell = replace(run.cells[0], axes={"speed": 7, "c1": 1, "c2": 1, "ratio": "1:1"})
    run = run.model_copy(update={"cells": [cell, *run.cells[1:]]})
    assert json_objects(summarise(run))[0]["speed"] != 7


def test_cells_without_figures_are_shown_as_such(tmp_path):
    failures = {"g1/1:12/x1": "its output differs from torch's by 1 of the largest value"}
    summary = summarise(run_of(["g1"], noisy(slower), failures=failures))
    write_report(summary, tmp_path)
    assert "1:12/x1 has no figure" in (tmp_path / "report.html").read_text()
    entry = next(e for e in json_objects(summary) if e["cell"] == "g1/1:12/x1")
    assert entry["speed"] is None
    assert entry["relative_speed"] is None
    assert entry["failure"]
    assert "undecided" in document(summary).sections[0].verdicts[0].text


def test_a_failed_base_leaves_speeds_but_no_relative_ones():
    failures = {f"g4/relu+shortcut/x{scale}": "broken" for scale in (1, 2, 4)}
    summary = summarise(run_of(["g4"], noisy(slower), failures=failures))
    others = [e for e in json_objects(summary) if e["row"] != "relu+shortcut"]
    assert all(e["speed"] and e["relative_speed"] is None for e in others)
    assert all(column.verdict.value == "undecided" for column in summary.columns)


def test_one_process_gives_figures_but_no_verdict(tmp_path):
    summary = summarise(run_of(["g1"], noisy(slower), rounds=(3,)))
    write_report(summary, tmp_path)
    assert "One process alone" in (tmp_path / "report.md").read_text()
    assert {column.verdict.value for column in summary.columns} == {"undecided"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234.5, "1230"), (0.0012345, "0.00123"), (9.996, "10.0"), (72.94, "72.9")],
)
def test_significant_digits(value, text):
    assert significant(value) == text


def test_reporting_imports_neither_torch_nor_a_runtime(tmp_path):
    script = (
        "import sys; from guideline_benchmarks.reports.run import brief, report;"
        "from guideline_benchmarks.results.store import run_folders;"
        "sys.exit(bool({'torch', 'onnxruntime', 'onnx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
