"""What advice says in short: headline, table, sentences, one screen."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from guideline_benchmarks.reports.advice.brief import brief
from guideline_benchmarks.reports.advice.document import document
from guideline_benchmarks.reports.advice.wording import ONE_PROCESS, headline
from guideline_benchmarks.reports.formats.html import html
from tests.shown_advice import lines_on, many, text_on, unescaped, whole
from tests.synthetic_advice import (
    finding_of,
    gain_of,
    judged_of,
    several,
    together_of,
)


def test_the_headline_names_what_costs_most():
    assert headline(whole()) == (
        "ShuffleNet v1 1x g=3 on cpu: 25.9 ms; G4 costs most: 2.10 ms (8.1 %) by channel shuffle "
        "of 240 channels, 16 times"
    )


@pytest.mark.parametrize(
    ("findings", "unseen", "said"),
    [
        ([], [], "25.9 ms; it obeys all guidelines"),
        ([], ["A loop: unknown."], "it obeys all guidelines, as far as it was looked at"),
        ([finding_of(0, 0.1)], [], "it breaks guidelines, and nothing of that costs time here"),
        ([finding_of(0, None)], [], "it breaks guidelines, and nothing of that was measured"),
        (
            [finding_of(0, 0.1), finding_of(1, None)],
            [],
            "it breaks guidelines, and what was measured of that costs no time here",
        ),
    ],
)
def test_the_headline_without_a_gain(findings, unseen, said):
    assert headline(judged_of(findings, unseen=unseen)).endswith(said)


@pytest.mark.parametrize(
    ("agrees", "said"),
    [
        (True, "(12 %): they agree."),
        (False, "(6.0 %): they do not agree; gains of layers do not add up"),
        (None, "(6.0 %): without intervals nothing says whether they agree."),
    ],
)
def test_sum_and_whole_stand_side_by_side(agrees, said):
    judged = whole(agrees)
    for text in (text_on(judged), unescaped(html(document(judged)))):
        assert "#1 and #2 in the whole network: gains add up to 3.19" in text
        assert said in text


def test_without_anything_applied_that_is_said():
    judged = judged_of(several())
    assert "whether gains add up was not measured" in text_on(judged)
    assert "Multiply-adds 137.0 M, weights 2.430 M; nothing was applied" in text_on(judged)


@pytest.mark.parametrize(
    ("fused", "said"),
    [
        ({"Relu": 2}, "Fused into other operators, at no cost: 2 Relu."),
        ({}, "The runtime executes every operator by itself."),
        (None, "The runtime does not tell which operators it executes inside others."),
    ],
)
def test_what_is_fused(fused, said):
    judged = judged_of([], fused=fused)
    assert said in text_on(judged)
    assert said in html(document(judged))


def test_one_process_gives_figures_and_decides_nothing():
    judged = judged_of(several(None), intervals=False)
    for text in (text_on(judged), unescaped(html(document(judged))).replace("\n", " ")):
        assert ONE_PROCESS in text
        assert "2.10" in text
        assert "[7" not in text
        assert "costs nothing here" not in text
    assert "so nothing is decided" in document(judged).sections[0].tables[0].caption


def test_an_interval_too_wide_is_not_resolved():
    found = [finding_of(number, 40.0, width=39.0) for number in range(2)]
    gain = gain_of(40.0, 39.0)
    together = replace(together_of(found), predicted=gain, measured=gain)
    judged = judged_of(found, together=together)
    assert "40.0 not resolved" in text_on(judged)
    said = text_on(judged, everything=True)
    assert "not resolved ms" not in said
    assert "gains add up to 10.4 ms, not resolved (40 %)" in said
    assert "gains 10.4 ms, not resolved (40.0 %, not resolved)" in said


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("height", [24, 40])
@pytest.mark.parametrize(
    "judged",
    [
        whole(False),
        judged_of([]),
        judged_of(many(), together=together_of(many(), False), unseen=[f"{'x ' * 90}."] * 9),
        judged_of(several(None), intervals=False, fused={f"Operator{i}": i + 1 for i in range(50)}),
        judged_of([finding_of(0, 9.0, title="ü" * 300, text="語" * 300)], model="m" * 100),
    ],
    ids=["usual", "none", "many", "one process", "long names"],
)
def test_it_fits_one_screen(judged, width, height):
    lines = lines_on(judged, width, height)
    assert len(lines) < height
    assert all(len(line) <= width for line in lines)


def test_the_table_is_ranked_and_says_how_much_is_left_out():
    lines = lines_on(judged_of(many()))
    rows = [line.split()[:2] for line in lines if re.match(r" *\d+ +G\d ", line)]
    assert rows[:4] == [["1", "G0"], ["2", "G1"], ["3", "G2"], ["4", "G3"]]
    # What gains nothing is listed, too.
    assert any("costs nothing here" in line and "G" in line for line in lines)
    text = " ".join(lines)
    left = re.search(r"And (\d+) more \((\d+) “gain”, (\d+) “costs nothing here”\): --all", text)
    total, gains, others = map(int, left.groups())
    assert total == gains + others == 300 - len(rows)


def test_all_of_a_small_advice_is_on_the_screen():
    judged = whole()
    text = text_on(judged, width=140, height=40)
    assert all(finding.found.title in text for finding in judged.findings)
    for said in ("costs nothing here", "would be slower", "not measured", "Not looked at: Softmax"):
        assert said in text
    assert "--all" not in text


def test_everything_is_everything():
    judged = judged_of(many(30), unseen=[f"Part {number}: unknown." for number in range(30)])
    text = text_on(judged, everything=True)
    for finding in judged.findings:
        assert f"#{finding.number + 1} {finding.found.guideline} {finding.found.title}" in text
    assert all(sentence in text for sentence in judged.advice.unseen)
    assert all(f"Nodes: /b{n}/Reshape, /b{n}/Transpose" in text for n in range(30))
    assert text.count("half of it: gains") == 30
    assert all(len(line) <= 80 for line in lines_on(judged, everything=True))


def test_a_brief_document_needs_no_terminal():
    assert brief(whole()).brief
    assert "G4 costs most" in brief(whole()).headline
