"""What is left of an effect in exact widths, and what was alignment, where the truth is known."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.networks.cost import cost
from guideline_benchmarks.reports.compare import comparison as shown
from guideline_benchmarks.reports.compare.alignment import (
    NONE_BESIDE,
    SAME,
    TITLE,
    alignment_objects,
    alignment_sections,
)
from guideline_benchmarks.reports.document import MISSING
from guideline_benchmarks.results.compare.alignment import alignments
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import published, recorded
from guideline_benchmarks.results.record.cells import NetworkChoice
from tests.synthetic import counted_run, noisy, run_of
from tests.test_networks import build_on_meta

TABLES = ["g1", "g2", "g3"]
# Rows whose widths are multiples of 8 in the paper's ARM set, too: they are in both runs.
IN_BOTH = ("g=4", "4-fragment-series", "4-fragment-parallel")


@cache
def costs(channels):
    """Multiply-adds and memory access cost of one block of each cell of a channel set."""
    found = {}
    for name in TABLES:
        for cell in GUIDELINES[name].cells(NetworkChoice(channels=channels)):
            with torch.device("meta"):
                block = build_on_meta(replace(cell.network, times=1))
                one = cost(block, cell.network.input_shape)
            found[cell.name] = one.multiply_adds, one.memory_access_cost
    return found


def with_costs(run):
    """A run whose cells cost what their networks do."""
    known = costs(run.protocol.channels)
    cells = [
        replace(cell, multiply_adds=known[cell.name][0], memory_access_cost=known[cell.name][1])
        for cell in run.cells
    ]
    return run.model_copy(update={"cells": cells})


def unaligned(cell):
    sizes = [size for name, size in cell.network.arguments.items() if name[0] in "cw"]
    return any(size % 8 for size in sizes)


def timed(channels, effect=0.4, price=1.0, noise=0.002, seed=0, tables=TABLES, others=None):
    """A run whose times go with a power of memory access cost; unaligned widths have a price.

    `others` are factors of some cells' times, by name.
    """

    def truth(cell):
        multiply_adds, memory = costs(channels).get(cell.name, (1e7, 1e5))
        own = multiply_adds / 1e7 * (memory / 1e5) ** effect * (others or {}).get(cell.name, 1.0)
        return own * (price if cell.name in costs(channels) and unaligned(cell) else 1.0)

    return with_costs(run_of(tables, noisy(truth, noise, seed), channels=channels))


def beside(*runs):
    return compare([recorded(str(number), run) for number, run in enumerate(runs)])


def rows_of(printed, exact):
    compared = beside(printed, exact)
    (found,) = alignments(compared.entrants, compared.experiments)
    return {row.name: row for row in found.rows}, found.hours


def words(compared):
    """What is said of each row: what is left of its effect, and what alignment does."""
    (section,) = alignment_sections(compared, brief=True)
    return {row[0].split(" ", 1)[1]: tuple(row[-2:]) for row in section.tables[0].rows}


def width(effect):
    """How wide an interval is, in logarithms."""
    return math.log(effect.interval[1] / effect.interval[0])


@cache
def usual():
    """Two runs of the same truth, in which alignment costs nothing."""
    return timed("arm"), timed("exact", seed=1)


def test_every_row_of_the_papers_widths_has_exact_ones_beside_it():
    rows, _ = rows_of(*usual())
    assert {name: row.between for name, row in rows.items()} == {
        "1:2": ("1:1", "1:4"),
        "1:6": ("1:4", "1:16"),
        "1:12": ("1:4", "1:16"),
        "g=2": ("g=1", "g=4"),
        "g=4": ("g=4",),
        "g=8": ("g=4", "g=16"),
        "2-fragment-series": ("1-fragment", "4-fragment-series"),
        "4-fragment-series": ("4-fragment-series",),
        "2-fragment-parallel": ("1-fragment", "4-fragment-parallel"),
        "4-fragment-parallel": ("4-fragment-parallel",),
    }
    assert {row.columns for row in rows.values()} == {3}


def test_where_alignment_costs_nothing_the_whole_effect_is_left():
    rows, hours = rows_of(*usual())
    for name, row in rows.items():
        # Fewer multiply-adds are all that sets the two apart.
        assert row.alignment.ratio == pytest.approx(1 - row.multiply_adds, rel=0.01)
        assert row.printed.ratio == pytest.approx(row.exact.ratio * row.alignment.ratio)
        assert words(beside(*usual()))[name][0] == "an effect"
    assert rows["1:12"].multiply_adds == pytest.approx(-0.051, abs=0.001)
    assert hours.deviation < 0.01


def test_an_effect_that_is_all_alignment_leaves_nothing():
    printed, exact = timed("arm", effect=0, price=1.2), timed("exact", effect=0, seed=1)
    rows, _ = rows_of(printed, exact)
    low, high = rows["2-fragment-series"].alignment.interval
    assert low < 1 / 1.2 < high
    said = words(beside(printed, exact))
    assert said["2-fragment-series"] == ("none within ±3 %", "slows")
    assert {said[name] for name in IN_BOTH} == {("none within ±3 %", SAME)}


def test_what_noisy_processes_do_not_show_is_inconclusive():
    random = np.random.default_rng(0)
    shaky = run_of(TABLES, lambda *_: random.lognormal(0, 0.5), rounds=(2,) * 3, channels="exact")
    said = words(beside(timed("arm"), with_costs(shaky)))
    assert said["2-fragment-series"] == ("inconclusive", "inconclusive")


@settings(max_examples=5, deadline=None)
@given(st.floats(-0.5, 1.0), st.floats(0.8, 1.5))
def test_a_power_of_memory_access_cost_is_read_exactly(effect, price):
    printed = timed("arm", effect, price, noise=0.0, tables=["g1"])
    rows, _ = rows_of(printed, timed("exact", effect, noise=0.0, tables=["g1"]))
    for name in ("1:6", "1:12"):
        ratios = [
            costs("arm")[f"g1/1:1/x{scale}"][1] / costs("arm")[f"g1/{name}/x{scale}"][1]
            for scale in (1, 2, 4)
        ]
        assert rows[name].exact.ratio == pytest.approx(math.prod(ratios) ** (effect / 3), rel=1e-4)


def test_a_curve_that_bends_is_read_with_a_doubt():
    late = {f"g2/g=16/x{scale}": 2.0 for scale in (1, 2, 4)}
    straight, _ = rows_of(*usual())
    bent, _ = rows_of(usual()[0], timed("exact", seed=1, others=late))
    assert width(bent["g=8"].exact) > 10 * width(straight["g=8"].exact)
    assert width(bent["g=4"].exact) == pytest.approx(width(straight["g=4"].exact))


def test_intervals_of_alignment_allow_for_how_far_two_hours_lie_apart():
    random = np.random.default_rng(0)
    moved = {name: random.lognormal(0, 0.05) for name in costs("exact")}
    rows, hours = rows_of(usual()[0], timed("exact", seed=1, others=moved))
    assert hours.deviation > 0.02
    # As much as for a cell: those of a row may have moved together.
    assert width(rows["g=4"].alignment) > 4 * hours.deviation
    # Table 1 has no network but the base cell in both sets.
    assert rows_of(*(timed(channels, tables=["g1"]) for channels in ("arm", "exact")))[1] is None


def test_columns_of_the_gpu_set_are_those_with_the_same_base_cell():
    rows, _ = rows_of(timed("gpu"), usual()[1])
    columns = {(row.experiment.name, row.columns) for row in rows.values()}
    assert columns == {("g1", 1), ("g2", 2), ("g3", 2)}


def changed(run, part, **fields):
    return run.model_copy(update={part: getattr(run, part).model_copy(update=fields)})


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("platform", {"name": "other"}),
        ("platform", {"threads": 2}),
        ("fingerprint", {"cpu_model": "Another"}),
        ("fingerprint", {"runtimes": {"onnxruntime": "2.0"}}),
        ("protocol", {"precision": "int8"}),
        ("protocol", {"batch": 8}),
    ],
)
def test_runs_of_two_platforms_are_not_laid_beside_each_other(part, fields):
    printed, exact = usual()
    compared = beside(printed, changed(exact, part, **fields))
    assert alignment_objects(compared) == []
    (section,) = alignment_sections(compared, brief=False)
    assert section.lines == [NONE_BESIDE]


def test_there_is_no_section_without_both_widths():
    printed, exact = usual()
    cells = [cell for name in TABLES for cell in GUIDELINES[name].cells(NetworkChoice())]
    paper = published("paper:arm", {n: GUIDELINES[n].experiment for n in TABLES}, cells)
    for compared in (
        beside(printed, printed),
        beside(exact),
        compare([paper, recorded("b", exact)]),
    ):
        assert alignment_sections(compared, brief=False) == []


def test_counts_and_single_processes_have_ratios_and_decide_nothing():
    def executed(channels):
        return with_costs(
            counted_run(TABLES, lambda c: costs(channels)[c.name][1], channels=channels)
        )

    alone = with_costs(run_of(TABLES, lambda *_: 1.0, rounds=(5,), channels="exact"))
    for pair in ((executed("arm"), executed("exact")), (usual()[0], alone)):
        rows, hours = rows_of(*pair)
        assert rows["g=8"].exact.interval is rows["g=8"].alignment.interval is hours is None
        assert words(beside(*pair))["g=8"] == (MISSING, MISSING)
        assert words(beside(*pair))["g=4"] == (MISSING, SAME)
        assert not alignment_sections(beside(*pair), brief=True)[0].verdicts


def test_runs_without_a_table_in_common_say_nothing():
    compared = beside(timed("arm", tables=["g1"]), timed("exact", tables=["g2"]))
    assert alignment_sections(compared, brief=True)[0].lines == [NONE_BESIDE]


def test_cells_that_cost_nothing_are_left_out():
    printed, exact = usual()
    free = [replace(cell, memory_access_cost=0) for cell in exact.cells]
    compared = beside(printed, exact.model_copy(update={"cells": free}))
    assert alignment_objects(compared) == []


def test_it_is_on_the_page_on_the_terminal_and_in_json(tmp_path):
    compared = beside(*usual())
    page = shown.write_comparison(compared, tmp_path)
    assert f"<h2>{TITLE}</h2>" in page.read_text()
    text = page.with_suffix(".md").read_text()
    assert "| G1 1:12 |" in text
    assert "**G3 Fragmentation, 2-fragment-parallel: " in text
    out = io.StringIO()
    shown.print_comparison(compared, Console(file=out, width=120))
    assert TITLE in out.getvalue()
    objects = json.loads(json.dumps(shown.comparison_object(compared)["alignment"]))
    assert len(objects) == 10
    last = objects[-1]
    assert (last["row"], last["read_at"]) == ("4-fragment-parallel", ["4-fragment-parallel"])
    assert last["verdicts"] == {"effect_left": "an effect", "alignment": SAME}
    assert last["alignment_ci95"][0] < last["alignment"] < last["alignment_ci95"][1]
