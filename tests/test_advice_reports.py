"""What advice says, and that nothing of it is lost, cut or taken for markup where it is shown."""

from __future__ import annotations

import csv
import html as html_text
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from guideline_benchmarks.reports.advice.bar import LENGTH, bar
from guideline_benchmarks.reports.advice.brief import brief, print_advice
from guideline_benchmarks.reports.advice.compare import NOWHERE, compare
from guideline_benchmarks.reports.advice.document import document
from guideline_benchmarks.reports.advice.report import csv_files, write_advice
from guideline_benchmarks.reports.advice.wording import NO_BAR, ONE_PROCESS, headline
from guideline_benchmarks.reports.formats.html import html
from guideline_benchmarks.reports.formats.latex import latex
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.results.advice import json_object
from guideline_benchmarks.results.advice.compare import aligned
from guideline_benchmarks.results.advice.json_object import advice_object, json_schema
from guideline_benchmarks.results.advice.judged import Segment
from guideline_benchmarks.results.advice.ranking import costs_more, ranks
from tests.synthetic_advice import (
    NETWORK_MS,
    finding_of,
    gain_of,
    judged_of,
    segments_of,
    several,
    together_of,
)

SCHEMA_FILE = Path(json_object.__file__).parent / "advice.schema.json"
ODD = ["a|b", "<script>alert(1)</script>", "\"quoted\" 'name'", "日本語/畳み込み", "x\ny", "*[_`#"]


def whole(agrees=True, **options):
    found = several()
    return judged_of(found, segments_of(found), together_of(found, agrees), **options)


def many(count=300):
    return [
        finding_of(
            number,
            max(0.1, 30 / (number + 1) - 1),
            f"G{number % 5}",
            f"layer {number}",
            [[f"/b{number}/Reshape", f"/b{number}/Transpose"]],
        )
        for number in range(count)
    ]


def lines_on(judged, width=80, height=24, everything=False):
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    print_advice(judged, everything, console)
    return out.getvalue().splitlines()


def text_on(*arguments, **options):
    return " ".join(" ".join(lines_on(*arguments, **options)).split())


def shown(document, width=200):
    out = io.StringIO()
    show(document, Console(file=out, width=width))
    return out.getvalue()


def unescaped(page):
    return html_text.unescape(page).replace("\xa0", " ")


# What is said.


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
    judged = judged_of([finding_of(0, 40.0, width=39.0)])
    assert "40.0 not resolved" in text_on(judged)


# The terminal.


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


# Odd names.


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


# JSON and CSV.


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


# The bar.


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


# For continuous integration.


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


# Platforms side by side.


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
