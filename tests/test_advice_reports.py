"""Advice as a page, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import jsonschema
import pytest

from guideline_benchmarks.reports.advice.document import document
from guideline_benchmarks.reports.advice.report import csv_files
from guideline_benchmarks.reports.formats.html import html
from guideline_benchmarks.reports.formats.latex import latex
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.results.advice import json_object
from guideline_benchmarks.results.advice.json_object import advice_object, json_schema
from tests.shown_advice import ODD, many, shown, text_on, unescaped, whole
from tests.synthetic_advice import (
    NETWORK_MS,
    finding_of,
    judged_of,
    segments_of,
    several,
    together_of,
)

SCHEMA_FILE = Path(json_object.__file__).parent / "advice.schema.json"


def test_the_page_says_everything():
    judged = whole()
    for text in (unescaped(html(document(judged))), shown(document(judged), 400)):
        for finding in judged.findings:
            found = finding.found
            assert found.title in text
            assert found.why in text
            assert all(name in text for name in found.nodes)
            assert all(one.text in text for one in found.alternatives)
        for said in (
            "Breaks the rule, costs nothing here",
            "the alternative is slower",
            "its kernel is not known",
            "Accuracy was not assessed",
            "137.0 → 140.2 M (+2.3 %)",
            "2.430 → 2.500 M (+2.9 %)",
            "49 BatchNormalization, 33 Relu",
            "Softmax: no guideline is about it.",
            "8.1 [7.6, 8.6]",
            "-3.0 [-3.5, -2.5]",
            "3×3: multiples of 8, depthwise: any width",
        ):
            assert said in text


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_only_text(name):
    found = [finding_of(0, 5.0, title=name, places=[[name, "b"]], text=name)]
    judged = judged_of(found, segments_of(found, 3), together_of(found), model=name, unseen=[name])
    page, table = html(document(judged)), markdown(document(judged))
    line = " ".join(name.split())
    assert "<script>" not in page
    assert line in unescaped(page)
    for row in (row for row in table.splitlines() if row.startswith("|")):
        # Bars that are no part of a name divide columns, of which each table has as many.
        assert len(re.findall(r"(?<!\\)\|", row)) > 2
    rows = [re.split(r"(?<!\\)\|", row) for row in table.splitlines() if row.startswith("| 1 |")]
    assert {len(row) for row in rows} <= {5, 9, 10, 11}
    assert line in text_on(judged, everything=True)
    assert line in " ".join(shown(document(judged)).split())
    assert latex(document(judged))
    assert advice_object(judged)["findings"][0]["nodes"] == [name, "b"]
    read = list(csv.DictReader(io.StringIO(csv_files(judged)["findings.csv"])))
    assert read[0]["title"] == name


def test_the_schema_in_the_repository_is_the_one_of_the_code():
    assert SCHEMA_FILE.read_text() == json_schema(), (
        "run: python -m guideline_benchmarks.results.advice.json_object "
        "> results/advice/advice.schema.json"
    )


@pytest.mark.parametrize(
    "judged",
    [
        whole(),
        judged_of([]),
        judged_of(several(None), together=together_of(several(), None), intervals=False),
        judged_of(many(), fused=None, blocks={}),
    ],
    ids=["usual", "none", "one process", "many"],
)
def test_objects_follow_the_schema(judged):
    found = json.loads(json.dumps(advice_object(judged), allow_nan=False))
    jsonschema.validate(found, json.loads(SCHEMA_FILE.read_text()))
    assert len(found["findings"]) == len(judged.findings)


def test_an_object_has_what_scripts_need():
    found = advice_object(whole())
    assert found["network_ms"] == NETWORK_MS
    assert found["network_ms_ci95"] == [25.5, 26.4]
    assert (found["platform"], found["model"]) == ("cpu", "ShuffleNet v1 1x g=3")
    assert [one["rank"] for one in found["findings"]] == [1, 2, 3, 4, 5, 6]
    first, last = found["findings"][0], found["findings"][-1]
    assert (first["guideline"], first["count"], first["verdict"]) == ("G4", 16, "gain")
    assert first["gain_percent"] == pytest.approx(8.1)
    assert first["gain_percent_ci95"] == pytest.approx([7.6, 8.6])
    assert first["gain_ms"] == pytest.approx(0.081 * NETWORK_MS)
    assert len(first["nodes"]) == 32
    assert first["alternatives"][1]["gain_percent"] == pytest.approx(4.05)
    # In all 16 places, 6 M multiply-adds more in each.
    assert first["alternatives"][0]["multiply_adds"] == {
        "before": 137_000_000,
        "after": 233_000_000,
    }
    assert first["memory_access_bound"] == 3_900_000.0
    assert (
        last["gain_ms"] is last["gain_percent_ci95"] is last["alternatives"][0]["gain_ms"] is None
    )
    assert last["unmeasured"] == "its kernel is not known"
    applied = found["applied"]
    # The numbers of findings run the other way: what is applied is named by rank.
    assert applied["findings"] == [1, 2]
    assert applied["agrees"] is True
    assert applied["measured_gain_percent"] == 12.0
    assert applied["weights"] == {"before": 2_430_000, "after": 2_500_000}
    assert found["accuracy_assessed"] is False


def test_csv_has_a_line_a_finding():
    files = csv_files(whole())
    rows = {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items()}
    assert [row["rank"] for row in rows["findings.csv"]] == list("123456")
    first = rows["findings.csv"][0]
    assert first["places"].startswith("/stage0/Reshape /stage0/Transpose; /stage1/Reshape")
    assert (first["inputs"], first["instead"]) == (
        "1×240×28×28",
        "one permutation before the network",
    )
    assert float(first["gain_percent_ci95_high"]) == pytest.approx(8.6)
    assert rows["findings.csv"][-1]["gain_percent_ci95_high"] == ""
    assert len(rows["alternatives.csv"]) == 12
    assert len(rows["operators.csv"]) == len(whole().segments)
    assert csv_files(judged_of([])) == {}
