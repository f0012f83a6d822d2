"""Table 8 and Appendix Table 1b: what the paper prints of them, and the networks that repeat it."""

from __future__ import annotations

import pytest

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS, select
from guideline_benchmarks.guidelines.export import model_files
from guideline_benchmarks.guidelines.stacked_units import UNITS, equal_width
from guideline_benchmarks.networks.catalogue import NETWORKS
from guideline_benchmarks.networks.cost import cost
from guideline_benchmarks.reports.document import MISSING
from guideline_benchmarks.reports.run.tables import guideline_sections
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.paper import LEVELS, read_csv, read_network_speeds, read_speeds
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import run_of_declarations

STACKS = ("units-56", "units-28")


def test_table_8_has_every_published_arm_speed_once():
    entries = read_network_speeds("arm")
    names = [entry.columns["name"] for entry in entries]
    assert len(set(names)) == len(names)
    printed = [row for row in read_csv("table8_networks") if row["arm_images_per_s_batch1"]]
    # One network is printed twice with the same speeds, as published elsewhere and "our impl.".
    assert len(printed) - len(entries) == 2
    assert {entry.published.speed for entry in entries} == {
        float(row["arm_images_per_s_batch1"]) for row in printed
    }
    assert {entry.scale for entry in entries} == set(LEVELS)


def test_the_gpu_column_of_table_8_is_of_another_batch():
    entries, on_gpu = (read_network_speeds(channels) for channels in ("arm", "gpu"))
    assert {(e.columns["name"], e.scale) for e in on_gpu} == {
        (e.columns["name"], e.scale) for e in entries
    }
    assert {(e.published.unit, e.published.batch) for e in on_gpu} == {("batches/s", 8)}


def test_whole_networks_are_those_that_can_be_built():
    cells = EXPERIMENTS["table8"].cells(NetworkChoice())
    assert len(cells) == 19
    for cell in cells:
        network = NETWORKS[cell.network.name]
        assert cell.network.size == network.size == cell.axes["size"]
    assert {cell.row for cell in cells if cell.scale == 500} >= {"ShuffleNet v2", "MobileNet v1"}
    # The base comes first in every column.
    first = {}
    for cell in cells:
        first.setdefault(cell.scale, cell.row)
    assert set(first.values()) == {"ShuffleNet v2"}


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
