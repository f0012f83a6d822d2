"""What reports say of runs on a GPU: both modes, cold caches, the card, what bounds cells."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.heading import describe, warnings
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.roofline import bound_of
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import run_of, valid
from tests.synthetic_gpu import CEILINGS, gpu_run


def fragmented(cell, *_):
    """Ten blocks of 0.1 ms; in parallel fragments cost nothing as a graph."""
    return 0.1


@pytest.fixture(scope="module")
def run():
    return gpu_run(["g3"], fragmented)


def captions(run):
    return [
        table.caption for section in document(summarise(run)).sections for table in section.tables
    ]


def test_graph_and_eager_stand_beside_the_papers_card(run):
    (section,) = document(summarise(run)).sections
    speeds = section.tables[0]
    assert "GeForce GTX 1080 Ti" in speeds.caption
    assert [heading.title for heading in speeds.headings[1:4]] == ["graph", "eager", "paper"]
    first = speeds.rows[0]
    assert first[1:3] == ["10000", "3330"]
    assert first[3] == "2446"


def test_the_cost_of_launching_is_what_a_graph_saves(run):
    table = next(
        t
        for section in document(summarise(run)).sections
        for t in section.tables
        if "launching" in t.caption
    )
    assert table.rows[0][1:] == ["100", "300", "67 %", "[67, 67]"]


def test_hot_and_cold_stand_side_by_side(run):
    table = next(
        t
        for s in document(summarise(run)).sections
        for t in s.tables
        if t.caption.startswith("Hot")
    )
    assert table.rows[0][1:4] == ["100", "150", "1.500 [1.500, 1.500]"]
    assert table.rows[0][-1] == "channels-last 4 of 5"


def test_an_eager_run_has_no_table_of_modes():
    said = captions(gpu_run(["g4"], lambda *_: 1.0, eager=None))
    assert not any("eager" in caption for caption in said)
    assert any(caption.startswith("Hot") for caption in said)


def test_a_run_on_a_cpu_has_none_of_it():
    run = run_of(["g3"], fragmented)
    assert not any("eager" in caption or "Hot" in caption for caption in captions(run))
    assert "GPU" not in dict(describe(run))


def test_json_and_csv_have_all_of_it(run, tmp_path):
    summary = summarise(run)
    first = json_objects(summary)[0]
    assert first["mode"] == "graph"
    assert first["precision"] == "fp32"
    assert first["cold_median_ms"] == pytest.approx(0.15)
    assert first["eager_slow_down"] == pytest.approx(3.0)
    assert first["eager_speed"] == pytest.approx(1e3 / 0.3)
    assert first["eager_relative_speed"] == pytest.approx(1.0)
    assert first["bound_by"] in ("launch", "bandwidth", "compute")
    json.dumps(json_objects(summary), allow_nan=False)
    write_report(summary, tmp_path)
    cells = pd.read_csv(tmp_path / "cells.csv")
    assert set(first) == set(cells.columns)
    for name in ("g3.png", "g3-roofline.png", "g3-roofline.svg"):
        assert (tmp_path / name).stat().st_size > 1000


def test_the_card_and_its_state_are_told(run):
    said = dict(describe(run))
    assert "Simulated" in said["GPU"]
    assert "channels-last 80 %" in said["GPU"]
    assert "steps of 32 ns" in said["GPU"]
    assert "power cap in 1 of 100 rounds" in said["Card state"]
    assert "10.0 T multiply-adds/s (fp32 matrix product)" in said["Ceilings"]
    assert "memory 1.00 TB/s, 4.00 TB/s with a working set of 1.00 MiB" in said["Ceilings"]


def test_discarded_and_slow_samples_are_counted_and_warned_of():
    run = gpu_run(["g3"], fragmented, mhz=lambda number: 1400 if number < 2 else 1900, discarded=1)
    networks = len(run.networks)
    state = dict(describe(run))["Card state"]
    assert f"{100 * networks} samples discarded at a low clock, {2 * networks} kept" in state
    assert any(f"{2 * networks} samples were taken below 75 %" in text for text in warnings(run))


def test_a_clock_that_is_not_shown_is_told(run):
    rounds = [entry.model_copy(update={"sm_mhz": [], "card": None}) for entry in run.rounds]
    hidden = run.model_copy(update={"rounds": rounds})
    assert any("clock was not shown" in text for text in warnings(hidden))
    assert dict(describe(hidden))["Card state"] == "not shown by the driver"


def test_launches_that_show_are_told(run):
    shows = [index == 1 for index in run.rounds[0].order]
    rounds = [entry.model_copy(update={"launch_shows": shows}) for entry in run.rounds[:7]]
    late = run.model_copy(update={"rounds": [*rounds, *run.rounds[7:]]})
    (said,) = (text for text in warnings(late) if "waited for the host" in text)
    assert said.startswith("In 7 samples")
    assert said.endswith(f"most in {run.cells[1].name}.")
    assert not any("waited for the host" in text for text in warnings(run))


def test_a_compiler_launches_no_kernels_for_what_it_fuses():
    run = gpu_run(["g4"], lambda *_: 1.0)
    content = run.model_dump()
    for process in content["processes"]:
        for proof in process["proofs"].values():
            proof["operators"] = {"convolutions": 30, "adds": 10, "relus": 30}
    launch = {}
    for mode in ("graph", "compile"):
        content["platform"]["mode"] = mode
        found = bound_of(valid(content), run.cells[0], 1.0, CEILINGS)
        launch[mode] = found.shares["launch"]
    assert launch == {"graph": pytest.approx(0.07), "compile": pytest.approx(0.03)}


def test_without_a_product_in_its_precision_nothing_is_said_of_bounds(run):
    without = CEILINGS.model_copy(update={"products": {"bf16": 1e12}})
    assert bound_of(run, run.cells[0], 1.0, without) is None


def test_networks_too_short_for_the_events_are_told(run):
    assert not any("steps of the card's events" in text for text in warnings(run))
    coarse = gpu_run(["g3"], fragmented, resolution_ns=2000)
    assert any("less than 100 steps of the card's events (2000 ns)" in w for w in warnings(coarse))


@pytest.mark.parametrize(
    ("ms", "launch_us", "roof", "share"),
    [
        # 64 M multiply-adds at 10 T/s are 6.4 µs; 16 MB at 4 TB/s (0.8 MB a layer) are 4 µs.
        (0.0128, 1.0, "compute", 0.5),
        (0.0256, 20.0, "launch", 20 / 25.6),
    ],
)
def test_the_ceiling_that_takes_longest_bounds_a_cell(ms, launch_us, roof, share):
    run = gpu_run(["g1"], lambda *_: ms, launch_us=lambda _: launch_us)
    operators = {"convolutions": 20, "adds": 0, "relus": 0}
    slow_kernels = CEILINGS.model_copy(update={"kernel_ns": 10.0})
    content = run.model_dump()
    for process in content["processes"]:
        for proof in process["proofs"].values():
            proof["operators"] = operators
    run = valid(content)
    bound = bound_of(run, run.cells[0], ms, slow_kernels)
    assert bound.roof == roof
    assert bound.share == pytest.approx(share)
    # 20 kernels of 1 µs each are more than either.
    kernels = bound_of(run, run.cells[0], ms, CEILINGS)
    assert kernels.roof == "launch"
    assert kernels.share == pytest.approx(max(20.0, launch_us) / 1e3 / ms)


def test_half_the_bytes_are_moved_in_half_precision():
    run = gpu_run(["g1"], lambda *_: 1.0)
    half = run.model_copy(
        update={"protocol": run.protocol.model_copy(update={"precision": "fp16"})}
    )
    cell = run.cells[0]
    full, halved = (bound_of(one, cell, 1.0, CEILINGS) for one in (run, half))
    assert halved.intensity == pytest.approx(2 * full.intensity)
    assert halved.shares["compute"] == pytest.approx(full.shares["compute"] / 20)
    assert halved.shares["bandwidth"] < full.shares["bandwidth"]


def test_other_kinds_of_samples_in_some_rounds_are_no_run(run):
    content = run.model_dump()
    del content["rounds"][3]["beside"]["eager"]
    with pytest.raises(ValueError, match="different kinds of samples"):
        valid(content)
    content["rounds"][3] |= {"beside": run.rounds[3].beside, "sm_mhz": [1]}
    with pytest.raises(ValueError, match="order and times do not match"):
        valid(content)
