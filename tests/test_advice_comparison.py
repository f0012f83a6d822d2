"""Advice on several platforms side by side, and what costs too much."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from guideline_benchmarks.reports.advice.compare import NOWHERE, compare
from guideline_benchmarks.reports.advice.wording import ONE_PROCESS
from guideline_benchmarks.reports.formats.html import html
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.results.advice.compare import aligned
from guideline_benchmarks.results.advice.ranking import costs_more, ranks
from tests.shown_advice import many, shown, unescaped, whole
from tests.synthetic_advice import (
    finding_of,
    gain_of,
    judged_of,
    several,
)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, [1, 2, 3]), (3.8, [1]), (3.6, [1, 2]), (8, [])]
)
def test_what_costs_more_does_so_by_its_whole_interval(percent, expected):
    judged = whole()
    rank_of = ranks(judged)
    assert [rank_of[finding.number] for finding in costs_more(judged, percent)] == expected


def test_without_an_interval_the_figure_decides():
    judged = judged_of(several(None), intervals=False)
    assert [finding.found.guideline for finding in costs_more(judged, 4)] == ["G4", "G2"]


def elsewhere(**gains):
    """The findings of `several`, some of which gain otherwise."""
    changed = []
    for finding in several():
        percent = gains.get(finding.found.guideline.lower(), 0)
        changed.append(
            replace(
                finding, gain=gain_of(percent), verdict="gain" if percent else "costs nothing here"
            )
            if finding.gain
            else finding
        )
    return changed


def test_what_matters_on_one_platform_alone_comes_first():
    here, there = judged_of(several()), judged_of(elsewhere(g4=8.0, g0=1.0), platform="cpu-torch")
    rows = aligned([here, there])
    assert [row.first.found.guideline for row in rows if row.differs] == ["G2"]
    assert rows[0].differs
    assert len(rows) == 6
    said = shown(compare([here, there]))
    assert said.index("1×1 convolution 240→240") < said.index("All other findings")
    assert said.index("All other findings") < said.index("channel shuffle")


def test_intervals_that_overlap_set_no_platforms_apart():
    one = judged_of([finding_of(0, 0.6)])
    other = judged_of([finding_of(0, 0.4)], platform="cpu-torch")
    assert not aligned([one, other])[0].differs
    assert NOWHERE in shown(compare([one, other]))


def test_a_finding_of_one_platform_alone():
    both = [finding_of(0, 5.0, "G0", text="64"), finding_of(1, 5.0, "G0", text="72")]
    one, other, without = judged_of(both[:1]), judged_of(both[1:], platform="b"), judged_of([])
    # Another alternative of the same nodes is a finding as well.
    assert [row.differs for row in aligned([one, other])] == [False, False]
    assert [row.differs for row in aligned([one, without])] == [True]
    said = shown(compare([one, other, replace(without, platform=other.platform)]))
    assert "other alternative" in said
    assert "no finding" in said


def test_platforms_of_one_name_are_told_apart():
    said = compare([whole(), whole(), whole(platform="b")]).title
    assert said.endswith("on cpu, onnxruntime 1.0, cpu, onnxruntime 1.0 #2, b")


def test_networks_that_may_differ_are_said():
    found = compare([whole(), judged_of(several(None), model="another", intervals=False)])
    assert len(found.warnings) == 2
    assert "different networks" in found.warnings[0]
    assert ONE_PROCESS in found.warnings[1]


def test_nothing_is_lost_side_by_side():
    advices = [judged_of(many()), judged_of(several(), platform="cpu-torch", model="<b>|")]
    page = unescaped(html(compare(advices)))
    for judged in advices:
        assert all(finding.found.title in page for finding in judged.findings)
    assert "<b>" not in html(compare(advices))


def test_two_platforms_fit_a_terminal_part_by_part():
    found = compare([whole(), whole(platform="cpu-torch")], brief=True)
    out = io.StringIO()
    show(found, Console(file=out, width=80, force_terminal=True, color_system=None))
    assert all(len(line) <= 80 for line in out.getvalue().splitlines())
