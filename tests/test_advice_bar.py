"""The network as a bar of time, findings marked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guideline_benchmarks.reports.advice.bar import LENGTH, bar
from guideline_benchmarks.reports.advice.report import write_advice
from guideline_benchmarks.reports.advice.wording import NO_BAR
from guideline_benchmarks.results.advice.judged import Segment
from tests.shown_advice import ODD, many, whole
from tests.synthetic_advice import (
    judged_of,
    segments_of,
    several,
)


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def drawn_ms(figure):
    """The time of all that is drawn, by colour and hatch."""
    return sum(
        path.get_extents().width
        for collection in figure.axes[0].collections
        if type(collection).__name__ == "PolyCollection"
        for path in collection.get_paths()
    )


@pytest.mark.parametrize("plain", [5, 100, 450])
def test_the_bar_holds_all_time_and_the_ranks_of_findings(plain):
    found = several()
    judged = judged_of(found, segments_of(found, plain))
    figure = bar(judged)
    total = sum(segment.ms for segment in judged.segments)
    assert drawn_ms(figure) == pytest.approx(total)
    assert {*texts(figure)} == set("123456")
    rows = len(figure.axes[0].get_yticks())
    assert figure.axes[0].get_xlim()[1] * rows == pytest.approx(total)
    assert rows == max(1, round(len(judged.segments) / 40))
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[0] == "G0 widths off the runtime's blocks"
    assert "G3 fragmentation, no gain shown" in names
    assert names[-1] == "no finding"


def test_an_operator_of_two_findings_has_both_numbers():
    found = several()
    segments = [replace(segments_of(found, 0)[0], findings=(5, 3))]
    assert texts(bar(judged_of(found, segments))) == ["1+3"]


def test_numbers_do_not_cover_one_another():
    segments = [*segments_of(many(100), 0), Segment("long", "Conv", 5000.0)]
    figure = bar(judged_of(many(100), segments))
    inch = figure.axes[0].get_xlim()[1] / LENGTH
    for one in figure.axes[0].texts:
        for other in figure.axes[0].texts:
            near = one.get_position()[1] == other.get_position()[1] and one is not other
            apart = abs(one.get_position()[0] - other.get_position()[0])
            assert not near or apart > 0.07 * inch
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any(label.startswith("numbers without room") for label in labels)


def test_without_times_of_operators_there_is_no_bar(tmp_path):
    page = write_advice(judged_of(several()), tmp_path)
    assert NO_BAR in page.read_text()
    assert {file.name for file in tmp_path.iterdir()} == {
        "advice.html", "advice.md", "advice.tex", "alternatives.csv", "findings.csv",
    }  # fmt: skip


def test_the_page_shows_the_bar(tmp_path):
    page = write_advice(whole(model=" ".join(ODD)), tmp_path).read_text()
    assert 'src="data:image/svg+xml;base64,' in page
    assert "![Bar of time along the network" in (tmp_path / "advice.md").read_text()
    assert {"bar.svg", "bar.png", "operators.csv"} <= {file.name for file in tmp_path.iterdir()}
