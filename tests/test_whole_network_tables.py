"""Tables of whole networks and of their units: what the paper prints, and what repeats it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, replace

import onnx
import pytest

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS, select
from guideline_benchmarks.guidelines.export import model_files
from guideline_benchmarks.guidelines.export.formats import OPSET
from guideline_benchmarks.guidelines.session.asked_networks import named_cost
from guideline_benchmarks.guidelines.stacked_units import UNITS, equal_width
from guideline_benchmarks.networks.catalogue import NETWORKS
from guideline_benchmarks.networks.cost import cost
from guideline_benchmarks.reports.document import MISSING
from guideline_benchmarks.reports.run.tables import guideline_sections
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.paper import read_csv, read_speeds
from guideline_benchmarks.results.paper.networks import LEVELS, read_table8
from guideline_benchmarks.results.record.cells import NetworkChoice, WholeNetwork
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import run_of_declarations

STACKS = ("units-56", "units-28")
WHOLE = ("table6", "table7", "table8", "input-320", "input-640", "input-1080")


def test_table_8_has_every_row_of_the_paper_with_all_its_figures():
    printed, cells = read_csv("table8_networks"), {}
    for channels in ("arm", "gpu"):
        cells[channels] = EXPERIMENTS["table8"].cells(NetworkChoice(channels=channels))
    assert len(printed) == len(cells["arm"]) == len({cell.name for cell in cells["arm"]}) == 39
    columns = {
        "arm": ("arm_images_per_s_batch1", "images/s", 1),
        "gpu": ("gpu_batches_per_s_batch8", "batches/s", 8),
    }
    for channels, (column, unit, batch) in columns.items():
        wanted = [
            (float(row["mflops"]), float(row["top1_error_percent"]), row[column]) for row in printed
        ]
        found = [
            (
                cell.quoted.multiply_adds / 1e6,
                cell.quoted.top1_error,
                f"{cell.published.speed:g}" if cell.published else "",
            )
            for cell in cells[channels]
        ]
        as_text = [
            (work, error, f"{float(speed):g}" if speed else "") for work, error, speed in wanted
        ]
        assert sorted(found) == sorted(as_text)
        assert {cell.network.batch for cell in cells[channels]} == {batch}
        assert {(c.published.unit, c.published.batch) for c in cells[channels] if c.published} == {
            (unit, batch)
        }
        for cell in cells[channels]:
            assert cell.published == cell.quoted.speeds.get(channels)


def test_groups_of_table_8_are_the_papers():
    by_level = {}
    for entry in read_table8():
        by_level.setdefault(entry.level, []).append(entry)
    assert {level: len(entries) for level, entries in by_level.items()} == dict(
        zip(LEVELS, (8, 9, 9, 13), strict=True)
    )
    for entries in by_level.values():
        assert re.fullmatch(r"ShuffleNet v2 [\d.]+x", entries[0].name)
    # Nearer to 300 M, and yet in the group of 140 M.
    assert [e.quoted.multiply_adds for e in by_level[140] if "IGCV3" in e.printed] == [210e6]


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("channels", ["arm", "gpu"])
def test_every_whole_network_can_be_built_and_the_base_comes_first(name, channels):
    declaration = EXPERIMENTS[name]
    cells = declaration.cells(NetworkChoice(channels=channels))
    first = {}
    for cell in cells:
        assert cell.network.name == cell.axes["network"]
        assert cell.network.name in NETWORKS
        first.setdefault(cell.scale, cell.row)
    assert set(first.values()) == {declaration.experiment.base}
    if name == "table8":
        assert all(cell.network.size == NETWORKS[cell.network.name].size for cell in cells)


def test_table_6_has_what_the_paper_prints_and_no_speed():
    cells = EXPERIMENTS["table6"].cells(NetworkChoice())
    printed = read_csv("table6_large_models")
    assert [(c.quoted.multiply_adds, c.quoted.top1_error) for c in cells] == [
        (1e9 * float(row["gflops"]), float(row["top1_error_percent"])) for row in printed
    ]
    assert all(cell.published is None for cell in cells)
    # SENet's rival is the deep ShuffleNet v2.
    assert {cell.row for cell in cells if cell.scale == 12700} == {"ShuffleNet v2", "SENet"}


def test_table_7_is_at_its_own_input_and_its_speeds_are_the_gpus():
    printed = {(r["backbone"], int(r["mflops_level"])): r for r in read_csv("table7_detection")}
    for channels, batch in (("gpu", 4), ("arm", 1)):
        cells = EXPERIMENTS["table7"].cells(NetworkChoice(channels=channels))
        assert {(cell.row, cell.scale) for cell in cells} == set(printed)
        assert {cell.network.input_shape for cell in cells} == {(batch, 3, 800, 1200)}
        for cell in cells:
            row = printed[cell.row, cell.scale]
            assert cell.quoted.mmap == float(row["mmap_percent"])
            speed = float(row["gpu_images_per_s_batch4_800x1200"])
            assert cell.quoted.speeds["gpu"].speed == speed
            assert (cell.published is None) == (channels == "arm")
    assert any("not like for like" in note for note in EXPERIMENTS["table7"].experiment.notes)


@pytest.mark.parametrize(
    ("name", "size", "shape"),
    [
        ("input-320", "320x320", (320, 320)),
        ("input-640", "640x480", (480, 640)),
        ("input-1080", "1080x720", (720, 1080)),
    ],
)
@pytest.mark.parametrize("channels", ["arm", "gpu"])
def test_appendix_table_1a_has_each_row_with_its_own_batch(name, size, shape, channels):
    cells = EXPERIMENTS[name].cells(NetworkChoice(channels=channels))
    found = {
        (cell.row, str(cell.scale), str(cell.network.batch), cell.published.speed) for cell in cells
    }
    assert found == {
        (row["network"], row["mflops_level"], row["batch"], float(row["speed"]))
        for row in read_csv("appendix_table1a_resolutions")
        if (row["platform"], row["input_size"]) == (channels, size)
    }
    for cell in cells:
        assert cell.network.input_shape[2:] == shape
        assert cell.quoted.speeds[channels] == cell.published


def test_a_network_of_a_square_input_is_the_same_one_in_every_table():
    square = WholeNetwork("ShuffleNet v2 1x", 320)
    cells = EXPERIMENTS["input-320"].cells(NetworkChoice())
    assert square in [cell.network for cell in cells]
    declared = asdict(square)
    del declared["batch"], declared["width"]
    parts = [declared, "onnxruntime-cpu", 0, OPSET, model_files._exporters()]
    before = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    assert model_files.digest(square, "onnxruntime-cpu", 0) == before
    wide = replace(square, width=480)
    assert model_files.digest(wide, "onnxruntime-cpu", 0) != before
    assert wide.input_shape == (1, 3, 320, 480)


def test_inputs_that_are_not_square_are_counted_as_they_are():
    high, wide = (named_cost(WholeNetwork("ShuffleNet v2 0.5x", 64, 1, w)) for w in (None, 128))
    classifier = wide.layers[-1].multiply_adds
    # Twice as many positions, and one classifier.
    assert wide.multiply_adds - classifier == 2 * (high.multiply_adds - classifier)


def test_a_wide_network_is_exported_as_it_is(tmp_path):
    cell = next(
        cell for cell in EXPERIMENTS["table8"].cells(NetworkChoice()) if cell.scale == LEVELS[0]
    )
    cell = replace(cell, network=WholeNetwork("ShuffleNet v2 0.5x", 32, 1, 64))
    _, files = model_files.prepare(cell, "onnxruntime-cpu", 0, tmp_path)
    (x,) = onnx.load(files.model).graph.input
    assert [axis.dim_value for axis in x.type.tensor_type.shape.dim] == [1, 3, 32, 64]


@pytest.mark.parametrize("experiment", STACKS)
@pytest.mark.parametrize("channels", ["arm", "gpu"])
def test_units_have_their_speeds_on_both_of_the_papers_platforms(experiment, channels):
    for cell in EXPERIMENTS[experiment].cells(NetworkChoice(channels=channels)):
        assert set(cell.quoted.speeds) == {"gpu", "arm"}
        assert cell.quoted.speeds[channels] == cell.published


@pytest.mark.parametrize("experiment", STACKS)
@pytest.mark.parametrize("channels", ["arm", "gpu"])
def test_every_unit_has_its_published_speed(experiment, channels):
    cells = EXPERIMENTS[experiment].cells(NetworkChoice(channels=channels))
    size = f"{experiment[-2:]}x{experiment[-2:]}"
    table = read_speeds("appendix_table1b_units", channels, "c_of_shufflenet_v2", input_size=size)
    entries = {(e.columns["unit_of"], e.scale): e for e in table}
    assert len(cells) == len(entries) == 12
    for cell in cells:
        entry = entries[cell.row, cell.scale]
        assert cell.axes["c"] == int(entry.columns["c_of_shufflenet_v2"])
        assert cell.published == entry.published
        assert cell.network.size == int(experiment[-2:])


@pytest.mark.parametrize("row", list(UNITS))
@pytest.mark.parametrize("c", [64, 128, 256])
def test_units_cost_what_is_said_of_them(row, c):
    """The formula is the built unit's own count, and no possible width lies nearer."""
    unit = UNITS[row]
    width = equal_width(unit, c)
    cells = EXPERIMENTS["units-28"].cells(NetworkChoice())
    cell = next(cell for cell in cells if cell.row == row and cell.axes["c"] == c)
    assert cell.axes["width"] == width
    total = cost(model_files.build(cell.network, 0), cell.network.input_shape)
    assert total.multiply_adds == 10 * 28 * 28 * unit.multiply_adds(width)
    wanted = UNITS["ShuffleNet v2"].multiply_adds(c)
    off = abs(unit.multiply_adds(width) - wanted)
    for other in (width - unit.step, width + unit.step):
        assert off <= abs(unit.multiply_adds(other) - wanted)
    assert off <= 0.07 * wanted


def test_comparing_leaves_out_what_is_no_guideline():
    both = recorded("a", run_of_declarations(select(["g1", "table8"]), lambda cell, *_: cell.scale))
    found = compare([both, recorded("b", run_of_declarations(select(["g1"]), lambda *_: 1.0))])
    assert [experiment.name for experiment in found.experiments] == ["g1"]
    assert not any("table8" in line for line in found.left_out)
    alone = compare([recorded("c", run_of_declarations(select(["table8"]), lambda *_: 1.0)), both])
    assert any("c is left out: it has no table to compare" in line for line in alone.left_out)


def test_all_means_the_four_guidelines():
    assert [declaration.name for declaration in select(["all"])] == ["g1", "g2", "g3", "g4"]


def test_a_row_that_is_not_at_every_level_leaves_a_gap():
    run = run_of_declarations(select(["table8"]), lambda cell, *_: 1.0 + cell.scale)
    section = guideline_sections(summarise(run))[0]
    assert section.title == "Table 8: Whole networks"
    speeds = section.tables[0]
    widths = {len(row) for row in speeds.rows}
    assert widths == {len(speeds.headings)}
    by_name = {row[0]: row[1:] for row in speeds.rows}
    assert by_name["ShuffleNet v2 SE"][:6] == [MISSING] * 6
    assert MISSING not in by_name["ShuffleNet v2"]
