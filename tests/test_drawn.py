"""Table 5 is counted and the paper's other figures are drawn, with all that they show."""

from __future__ import annotations

import pytest
from torch import nn

from guideline_benchmarks.guidelines.paper.drawn import drawn, fragmented_blocks
from guideline_benchmarks.networks.layers import conv_bn
from guideline_benchmarks.networks.paper.architecture import architecture
from guideline_benchmarks.networks.whole.shufflenet_v2 import ShuffleNetV2Unit
from guideline_benchmarks.reports.formats import images
from guideline_benchmarks.reports.paper.architecture import CountedRow, architecture_section
from guideline_benchmarks.results.paper import read_csv


def test_the_blocks_drawn_of_guideline_3_are_the_papers():
    printed = {row["block"] for row in read_csv("table3_g3_fragmentation")}
    assert set(fragmented_blocks()) == printed


def test_all_sections_have_their_figures_and_table_5_is_as_printed_but_for_one():
    sections, figures = drawn()
    assert [section.title.split(":")[0] for section in sections] == [
        "Table 5",
        "Fig. 3",
        "Fig. 4",
        "Appendix Fig. 1",
        "Appendix Fig. 2",
    ]
    assert [name for section in sections for name, _ in section.plots] == list(figures)
    table_5, _, reuse, *_ = sections
    (table,) = table_5.tables
    # 0.5x has 40.48 M multiply-adds, and the paper prints 41 M.
    bracketed = [entry for row in table.rows for entry in row if "(" in entry]
    assert bracketed == ["FLOPs (multiply-adds)", "40M (41M)"]
    assert "84 of the 85 figures" in table_5.verdicts[0].text
    stage = next(row for row in table.rows if row[0] == "Stage3")
    assert stage[:9] == ["Stage3", "14x14", "", "2", "1", "96", "232", "352", "488"]
    assert reuse.verdicts[0].tone == "good"


def test_stages_are_counted_while_the_network_runs():
    layers = [conv_bn(3, 8, 3, stride=2), ShuffleNetV2Unit(8, 16, 2), ShuffleNetV2Unit(16, 16, 1)]
    found = architecture(nn.Sequential(*layers, ShuffleNetV2Unit(16, 16, 1)), size=32)
    lines = [(s.layer, s.size, s.kernel, s.stride, s.repeat, s.channels) for s in found.stages]
    assert lines == [
        ("Image", 32, None, None, 1, 3),
        ("Conv1", 16, 3, 2, 1, 8),
        ("Stage2", 8, None, 2, 1, 16),
        ("Stage2", 8, None, 1, 2, 16),
    ]
    assert sum(stage.multiply_adds for stage in found.stages) == found.multiply_adds
    assert found.stages[1].multiply_adds == 16 * 16 * 9 * 3 * 8
    # Of each unit: two 1×1 convolutions of 8 channels and a 3×3 depthwise one, on 8×8 positions.
    assert found.stages[3].multiply_adds == 2 * 64 * (8 * 8 + 9 * 8 + 8 * 8)


PRINTED = {"layer": "Conv1", "output_size": "16x16", "kernel": "", "stride": "2", "repeat": "1"}


def section_of(**counted):
    row = CountedRow({**PRINTED, "x1": "24", **counted}, {"x1": 1_234_567})
    return architecture_section([row], [{**PRINTED, "x1": "24"}])


def test_what_was_counted_as_printed_stands_alone():
    section = section_of(kernel="3x3")
    assert section.tables[0].rows == [["Conv1", "16x16", "", "2", "1", "24", "1.235"]]
    assert section.verdicts[0].tone == "good"
    assert "All 4 figures" in section.verdicts[0].text


def test_what_was_counted_otherwise_is_said():
    section = section_of(x1="32", stride="1")
    assert section.tables[0].rows == [["Conv1", "16x16", "", "1 (2)", "1", "32 (24)", "1.235"]]
    (said,) = section.verdicts
    assert said.tone == "open"
    assert "2 of the 4" in said.text
    assert "Conv1 of 1x: 32, and the paper prints 24" in said.text


def test_other_layers_are_refused():
    with pytest.raises(ValueError, match="Conv1 was to be counted, not Conv2"):
        section_of(layer="Conv2")


def test_a_compact_drawing_keeps_every_name_that_something_in_it_uses():
    drawing = (
        b'<svg><defs><path id="DejaVuSans-30" d="M 1.23456 2 \nL 3 4 \nz\n"/>'
        b'<clipPath id="p1"/></defs><g id="figure_1" clip-path="url(#p1)">'
        b'<use xlink:href="#DejaVuSans-30" style="fill: #ffffff; stroke: none"/></g></svg>'
    )
    small = images.compact(drawing)
    assert small == (
        b'<svg><defs><path id="DejaVuSans-30" d="M1.23 2L3 4z"/>'
        b'<clipPath id="p1"/></defs><g clip-path="url(#p1)">'
        b'<use xlink:href="#DejaVuSans-30" style="fill:#ffffff;stroke:none"/></g></svg>'
    )
    assert images.compact(small) == small
