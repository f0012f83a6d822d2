"""One document for all: a further format sets a run, a comparison, a history and a gate alike."""

from __future__ import annotations

import pytest

from guideline_benchmarks.reports.compare import comparison as of_comparison
from guideline_benchmarks.reports.document import Document, Heading, Said, Section, Table
from guideline_benchmarks.reports.formats.html import html
from guideline_benchmarks.reports.formats.latex import latex
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.reports.formats.registry import FORMATS, Format, write
from guideline_benchmarks.reports.gate import gate, registry
from guideline_benchmarks.reports.history import history as of_history
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.gate.regression import judge_run
from guideline_benchmarks.results.history.history import digest, history_of
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import noisy, run_of


def plain(document: Document) -> str:
    """Set every table's captions and figures as words."""
    lines = [document.title]
    for section in document.sections:
        lines.append(section.title)
        for table in section.tables:
            lines += [table.caption, *(" ".join(row) for row in table.rows)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(FORMATS, "plain", Format("txt", plain))


@pytest.fixture(scope="module")
def run():
    return run_of(["g4"], noisy(lambda cell: 2.0, noise=0.002), rounds=(6,) * 3)


def test_a_further_format_is_one_line_for_a_run_a_comparison_and_a_history(toy, run, tmp_path):
    write_report(summarise(run), tmp_path / "run")
    assert "relu+shortcut, c = 32 2.0" in (tmp_path / "run" / "report.txt").read_text()
    of_comparison.write_comparison(compare([recorded("a", run)]), tmp_path / "compare")
    assert "Platforms side by side" in (tmp_path / "compare" / "compare.txt").read_text()
    for number in range(3):
        run_folders.write_run(tmp_path / "runs" / str(number), run)
    told = history_of([digest(tmp_path / "runs" / str(number)) for number in range(3)])
    of_history.write_history(told, tmp_path / "history")
    assert "g4/none/x1 3 0" in (tmp_path / "history" / "history.txt").read_text()


def test_a_gate_is_a_document_like_any_other(run):
    judged = judge_run(run, run)
    for text in (html, latex, markdown, plain):
        assert "g4/none/x1" in text(gate.document(judged)).replace("\\", "")


def test_a_further_file_for_ci_is_one_line(monkeypatch, run):
    monkeypatch.setitem(registry.FORMATS, "title.txt", lambda judged, strict: judged.title)
    judged = judge_run(run, run)
    written = {name: text(judged, False) for name, text in registry.FORMATS.items()}
    assert written["title.txt"] == judged.title
    assert {"junit.xml", "summary.md", "annotations.txt", "bencher.json"} <= set(written)


EVERYTHING = Document(
    "all",
    "A title",
    [
        Section(
            "A section",
            ["a line"],
            tables=[Table("a caption", [Heading("a heading", "a group")], [["1.234"]])],
            verdicts=[Said("a verdict", "good")],
            notes=["a note"],
            anchor="anchor",
        )
    ],
    headline="a headline",
    facts=[("a label", "a fact")],
    warnings=["a warning"],
    overview=("an overview", Table("", [Heading("a column")], [["decided"]])),
)
PARTS = (
    "A title", "A section", "a line", "a caption", "a heading", "a group", "1.234", "a verdict",
    "a note", "a headline", "a label", "a fact", "a warning", "an overview", "a column", "decided",
)  # fmt: skip


@pytest.mark.parametrize("text", [html, markdown])
def test_pages_hold_every_part_of_a_document(text):
    for part in PARTS:
        assert part in text(EVERYTHING), part


def test_paper_holds_every_part_but_the_title():
    for part in PARTS[1:]:
        assert part in latex(EVERYTHING), part


def test_what_a_document_is_not_written_in_is_left_out(tmp_path):
    document = Document("some", "Title", [], data={"some.csv": "1\n"}, left_out=["latex"])
    assert write(document, tmp_path) == tmp_path / "some.html"
    assert {file.name for file in tmp_path.iterdir()} == {"some.html", "some.md", "some.csv"}
