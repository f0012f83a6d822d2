"""What a gate prints, what it writes for CI, and when it stays shut."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.reports.gate import gate
from guideline_benchmarks.reports.gate.action_benchmark import action_benchmark
from guideline_benchmarks.reports.gate.annotations import workflow_commands
from guideline_benchmarks.reports.gate.bencher import bencher
from guideline_benchmarks.reports.gate.junit import junit
from guideline_benchmarks.reports.gate.sentences import cannot_tell
from guideline_benchmarks.results.gate.finding import (
    Change,
    Figure,
    Finding,
    Judgement,
    Row,
    without_figures,
)
from guideline_benchmarks.results.gate.regression import LOST

ROW = Row("g1/1:6/x1", "cell", ("g1/1:6/x1",), "g1")
OTHER = Row("g2/g=8/x4", "cell", ("g2/g=8/x4",), "g2")


def finding(verdict=Change.SAME, ratio=1.0, row=ROW):
    return Finding(row, verdict, ratio, (ratio - 0.01, ratio + 0.01), 0.25, 1.04, 8)


def judgement(*findings, title="A trial"):
    return Judgement(
        title=title,
        metric="time",
        margin=0.02,
        facts=[("A", "old"), ("B", "new|er")],
        findings=findings,
        remarks=["A remark."],
        figures={
            ROW.name: Figure(1.25, (1.2, 1.3), "ms"),
            "counted": Figure(5e6, None, "instructions"),
        },
        drifts={"control/compute-bound/x1": (1.25, (1.2, 1.3))},
    )


def markdown_of(judged):
    return markdown(gate.document(judged))


@pytest.mark.parametrize(
    ("judged", "strict", "objection"),
    [
        (judgement(finding()), False, None),
        (judgement(finding(Change.FASTER, 0.9)), True, None),
        (judgement(finding(Change.SLOWER, 1.1)), False, "is SLOWER"),
        (judgement(finding(Change.INCONCLUSIVE)), False, None),
        (judgement(finding(Change.INCONCLUSIVE)), True, "INCONCLUSIVE"),
        (judgement(finding(), without_figures(OTHER, LOST)), False, "was not measured"),
        (judgement(), False, "nothing was measured"),
        (judgement(without_figures(ROW, "it broke")), False, "it broke"),
    ],
)
def test_a_gate_opens_or_says_why_not(judged, strict, objection):
    objections = judged.objections(strict)
    assert bool(objections) == (objection is not None)
    assert objection is None or any(objection in said for said in objections)


def test_junit_counts_and_names_what_is_wrong():
    judged = judgement(
        finding(Change.SLOWER, 1.1),
        finding(Change.INCONCLUSIVE, row=OTHER),
        without_figures(Row("g4", "guideline", (), "g4"), "no \x00 <figures> & so on"),
        without_figures(Row("g3/1-fragment/x1", "cell", (), "g3"), LOST),
    )
    suite = ElementTree.fromstring(junit(judged)).find("testsuite")
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "2",
        "skipped": "2",
    }
    first = suite.findall("testcase")[1]
    assert (first.get("classname"), first.get("name")) == ("guidelines.g1", "1:6/x1")
    assert "1.100" in first.find("failure").get("message")
    strict = ElementTree.fromstring(junit(judged, strict=True)).find("testsuite")
    assert (strict.get("failures"), strict.get("skipped")) == ("3", "0")


def test_annotations_are_workflow_commands_on_one_line_each():
    broken = without_figures(Row("g4", "guideline", (), "g4"), "100 % lost\nat once")
    lines = workflow_commands(judgement(finding(Change.SLOWER, 1.1), broken)).splitlines()
    assert lines[0].startswith("::error title=g1/1%3A6/x1 is slower::SLOWER: time × 1.100")
    assert lines[1] == "::error title=g4 has no figures::100 %25 lost%0Aat once"
    assert "Drift of the machine" in lines[2]
    assert all(line.startswith("::notice ") for line in lines[2:])
    assert len(lines) == 5


def unsure(rows=20, still_open=3, **said):
    """A judgement of so many rows, of which so many are open."""
    found = [
        Finding(Row(f"g1/{i}/x1", "cell", ()), Change.SAME, 1.0, (0.99, 1.01), 0.9, 1.01, 8)
        for i in range(rows - still_open)
    ]
    found += [
        Finding(Row(f"g2/{i}/x1", "cell", ()), Change.INCONCLUSIVE, 1.0, (0.9, 1.1), 0.5, seen, 8)
        for i, seen in enumerate([1.04, 1.08, None][:still_open] + [1.5] * (still_open - 3))
    ]
    return replace(judgement(*found), **said)


@pytest.mark.parametrize(
    ("rows", "still_open", "first"), [(20, 2, False), (20, 3, True), (57, 41, True)]
)
def test_a_gate_cannot_tell_beyond_a_tenth_of_its_rows(rows, still_open, first):
    judged = unsure(rows, still_open)
    assert judged.cannot_tell == first
    assert judged.objections(strict=False) == []
    objections = judged.objections(strict=True)
    if first:
        assert objections == [f"{still_open} of {rows} rows are INCONCLUSIVE"]
    else:
        assert len(objections) == still_open
    lost = [without_figures(OTHER, LOST)] * 30
    assert replace(judged, findings=[*judged.findings, *lost]).cannot_tell == first


def first_line(text):
    """The first line below the title that says anything."""
    return next(line for line in text.splitlines()[1:] if line.strip())


def test_that_it_cannot_tell_is_said_before_all_else():
    said = "3 of 20 rows are INCONCLUSIVE: this session cannot tell; in half of them, nothing below"
    judged = unsure(spread="Noisy.", needed="6 more minutes.")
    out = io.StringIO()
    gate.print_judgement(judged, Console(file=out, width=200))
    terminal = out.getvalue()
    assert first_line(terminal).startswith(f"Warning: {said} 1.080 could have been seen")
    shown = markdown_of(judged)
    assert first_line(shown).startswith(f"> **Warning.** {said}")
    lines = workflow_commands(judged).splitlines()
    assert lines[0].startswith(f"::warning title=A trial::{said}")
    assert lines[0].endswith("%0ASpread: Noisy.%0ANeeded: 6 more minutes.")
    assert sum("Noisy." in line for line in lines) == 1
    for text in (terminal, shown):
        assert text.index(said) < text.index("Noisy.") < text.index("6 more") < text.index("new")
    few = unsure(still_open=2, spread="Noisy.")
    assert "cannot tell" not in markdown_of(few)
    assert first_line(markdown_of(few)) == "**Of 20 cells: 18 SAME, 2 INCONCLUSIVE.**"
    assert "::notice title=A trial::Spread: Noisy." in workflow_commands(few)


@pytest.mark.parametrize(("strict", "kind"), [(False, "skipped"), (True, "failure")])
def test_junit_says_first_that_it_cannot_tell(strict, kind):
    judged = unsure(spread="Noisy.", needed="6 more minutes.")
    suite = ElementTree.fromstring(junit(judged, strict)).find("testsuite")
    properties = {p.get("name"): p.get("value") for p in suite[0]}
    assert suite[0].tag == "properties"
    assert properties["spread"] == "Noisy."
    assert properties["inconclusive"].startswith("3 of 20 rows")
    case = suite.find("testcase")
    assert case.get("name") == "decided"
    assert case.find(kind).get("message").endswith("seen. Spread: Noisy. Needed: 6 more minutes.")
    assert suite.find("system-out").text.startswith("3 of 20 rows are INCONCLUSIVE")
    assert suite.get("tests") == "21"


def test_what_could_not_be_seen_at_all_has_no_figure():
    judged = unsure(still_open=3)
    nothing = [replace(finding, smallest_detectable=None) for finding in judged.findings]
    assert cannot_tell(replace(judged, findings=nothing)).endswith("this session cannot tell.")
    assert "these runs cannot tell" in cannot_tell(replace(judged, rests_on="processes"))


def test_nothing_measured_is_an_error_wherever_it_is_read():
    suite = ElementTree.fromstring(junit(judgement())).find("testsuite")
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    assert "nothing was measured" in workflow_commands(judgement())


def test_drift_is_told_and_judged_by_nobody():
    judged = judgement(finding())
    drift = judged.json_objects()[-1]
    assert (drift["kind"], drift["verdict"], drift["ratio"]) == ("drift", None, 1.25)
    assert judged.objections(strict=True) == []
    suite = ElementTree.fromstring(junit(judged)).find("testsuite")
    assert "control/compute-bound/x1 × 1.250 [1.200, 1.300]" in suite.find("system-out").text
    assert "× 1.250" in markdown_of(judged)


def test_bencher_gets_nanoseconds_and_instructions():
    metrics = json.loads(bencher(judgement(finding())))
    assert metrics[ROW.name] == {
        "latency": {"value": 1.25e6, "lower_value": 1.2e6, "upper_value": 1.3e6}
    }
    assert metrics["counted"] == {"instructions": {"value": 5e6}}


def test_github_action_benchmark_gets_a_list_of_smaller_is_better():
    entries = json.loads(action_benchmark(judgement(finding())))
    assert entries[0] == {"name": ROW.name, "unit": "ms", "value": 1.25, "range": "1.2 to 1.3"}
    assert all({"name", "unit", "value"} <= set(entry) for entry in entries)


def test_the_terminal_lists_what_changed_and_counts_the_rest():
    out = io.StringIO()
    judged = judgement(finding(Change.SLOWER, 1.1), finding(row=OTHER))
    gate.print_judgement(judged, Console(file=out, width=40))
    assert "g1/1:6/x1 is SLOWER: 1.100 [1.090, 1.110]" in out.getvalue()
    assert OTHER.name not in out.getvalue()
    assert "Of 2 cells: 1 SLOWER, 1 SAME" in out.getvalue()


def test_the_job_summary_holds_every_cell_and_escapes():
    text = markdown_of(judgement(finding(Change.SLOWER, 1.1), finding(row=OTHER)))
    assert text.startswith("# A trial\n")
    assert "new\\|er" in text
    assert "g2/g=8/x4" in text
    assert "**Of 2 cells: 1 SLOWER, 1 SAME.**" in text


def test_json_has_what_the_contract_names():
    assert set(finding().json_object()) >= {
        "cell",
        "verdict",
        "ratio",
        "ratio_ci95",
        "p",
        "smallest_detectable",
        "blocks",
    }
