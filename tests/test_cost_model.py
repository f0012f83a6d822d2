"""Cost models: files, modelled times, their intervals, and reports that call them what they are."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from guideline_benchmarks.guidelines.session.planning import counting_plan, plan
from guideline_benchmarks.reports.formats.html import html
from guideline_benchmarks.reports.formats.latex import latex
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.plots import plot
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.cost_model.caches import (
    CORTEX_A57,
    Cache,
    caches_of,
    possible_ways,
)
from guideline_benchmarks.results.cost_model.coefficient_file import (
    load_model,
    model_names,
    read_model,
    write_model,
)
from guideline_benchmarks.results.cost_model.cost_model import Coefficient, CostModel, Errors
from guideline_benchmarks.results.cost_model.modelled import modelled, prediction_interval
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.platform import Cluster, Platform
from guideline_benchmarks.results.store.run_folders import read_run, write_run
from guideline_benchmarks.results.tables.counts import counts_of
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise
from guideline_benchmarks.runners.platform_file import load_platform
from tests.synthetic import FINGERPRINT, counted_run, run_of, valid

MODEL = CostModel(
    name="some-core",
    core="some core",
    caches=CORTEX_A57,
    fitted_on="made-up times",
    cells=10,
    spread=0.1,
    spread_cells=20,
    counted_with={"onnxruntime": "1.0"},
    coefficients={
        "instructions": Coefficient(ns=0.5, ci95_ns=(0.4, 0.6)),
        "l2_misses": Coefficient(ns=10.0, ci95_ns=(0.0, 20.0)),
    },
    errors={"g1": Errors(cells=3, median=0.1, p90=0.2, bias=-0.1, rank=None)},
)


def modelled_run(names, instructions=lambda cell: 10**6 * cell.scale, model=MODEL):
    counted = counted_run(names, instructions, caches=True)
    platform = counted.platform.model_dump() | {
        "name": "arm-modelled",
        "unit": "images/s",
        "model": "some-core",
    }
    protocol = counted.protocol.model_dump() | {"geometry": model.caches.model_dump()}
    return valid(
        counted.model_dump()
        | {"platform": platform, "protocol": protocol, "model": model.model_dump()}
    )


def test_a_modelled_time_is_the_sum_of_its_events():
    run = modelled_run(["g2"])
    counts = counts_of(run, run.cells[0], run.cells[0])
    found = modelled(MODEL, counts, counts)
    assert (counts.instructions, counts.l2_misses) == (1_000_000, 10_000)
    assert found.ms == pytest.approx((0.5 * 1_000_000 + 10 * 10_000) / 1e6)
    assert found.relative_speed == 1.0
    low, high = found.ci95_ms
    assert low * high == pytest.approx(found.ms**2)
    # Student's t of 20 degrees of freedom.
    assert high / found.ms == pytest.approx(2.718281828 ** (2.086 * 0.1), rel=1e-3)


def test_a_larger_spread_is_a_wider_interval():
    wider = MODEL.model_copy(update={"spread": 0.2})
    assert prediction_interval(wider, 1.0)[1] > prediction_interval(MODEL, 1.0)[1] > 1.0


def test_without_the_figure_there_is_no_time():
    run = counted_run(["g2"], lambda _: 10**6)
    assert modelled(MODEL, counts_of(run, run.cells[0], None), None) is None


def test_json_has_modelled_and_published_times_and_no_measured_one(tmp_path):
    run = modelled_run(["g1", "g2"])
    write_run(tmp_path, run)
    objects = json_objects(summarise(read_run(tmp_path)))
    assert len(objects) == 24
    for found in objects:
        low, high = found["modelled_ci95_ms"]
        assert low < found["modelled_ms"] < high
        assert found["published_ms"] == pytest.approx(1e3 / found["paper_speed"])
        assert (found["mean_ms"], found["median_ms"], found["speed"]) == (None, None, None)
        assert found["verdict"] is None
    timed = json_objects(summarise(run_of(["g1"], lambda *_: 1.0)))
    assert {found["modelled_ms"] for found in timed} == {None}
    assert all(found["published_ms"] for found in timed)


def test_no_output_calls_it_measured(tmp_path):
    summary = summarise(modelled_run(["g1", "g4"]))
    figure = plot(summary, summary.experiments[0])
    assert "modelled, not measured" in figure.get_suptitle()
    write_report(summary, tmp_path)
    texts = [
        markdown(document(summary)),
        latex(document(summary)),
        html(replace(document(summary), drawings=dict.fromkeys(("g1", "g4"), b""))),
    ]
    for text in texts:
        assert "modelled, not measured" in text
        for found in re.finditer(r"(?i)measured", re.sub(r"\s+", " ", text)):
            before = re.sub(r"\s+", " ", text)[: found.start()]
            assert before.endswith(("not ", "None was ", "was not ")), before[-60:]
    assert "modelled_ms" in (tmp_path / "cells.csv").read_text()


def test_comparing_marks_it():
    measured = recorded("b", run_of(["g1"], lambda cell, *_: cell.scale))
    found = compare([recorded("a", modelled_run(["g1"])), measured])
    assert [entrant.kind for entrant in found.entrants] == ["modelled", "measured"]
    said = next(line for line in found.left_out if line.startswith("§ arm-modelled: modelled"))
    assert "agrees with what it was fitted on because it was" in said
    assert "fitted on made-up times" in found.entrants[0].origin
    first = found.entrants[0]
    assert all(standing.interval is None for standing in first.standings.values())
    assert first.standings["g1", "1:1", 1].speed == pytest.approx(1e3 / 0.6)


def test_a_model_and_its_platform_belong_together():
    run = modelled_run(["g1"])
    with pytest.raises(ValueError, match="belong together"):
        valid(run.model_dump() | {"model": None})
    others = MODEL.caches.model_dump() | {"l2": {"kib": 1024, "ways": 16}}
    with pytest.raises(ValueError, match="other caches"):
        valid(run.model_dump() | {"model": MODEL.model_dump() | {"caches": others}})
    with pytest.raises(ValueError, match="needs counts"):
        Platform(name="a", backend="onnxruntime-cpu", model="cortex-a57")


def test_a_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "models" / "some.toml"
    write_model(path, MODEL, "One line.\nAnother.")
    assert path.read_text().startswith("# One line.\n# Another.\n\nname = ")
    assert read_model(path) == MODEL


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name = ", "is not valid TOML"),
        ("name = 'a'", "core: Field required"),
        (None, "cannot be read: No such file"),
        (b"\xff\xfe", "is not valid TOML"),
    ],
)
def test_a_bad_file_is_told_in_one_sentence(tmp_path, content, said):
    path = tmp_path / "some.toml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInputError, match=said):
        read_model(path)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("ns = 0.5", "ns = -0.5", r"coefficients.instructions.ns: .*greater than or"),
        ("ns = 0.5", "ns = 1e308", r"coefficients.instructions.ns: .*less than or"),
        ("spread = 0.1", "spread = 1000.0", "spread: .*less than or"),
        ("spread = 0.1", "spread = nan", "spread: .*finite"),
        ("kib = 2048", "kib = 8589934592", "caches.l2.kib: .*less than or"),
        ('core = "some core"', r'core = "a\u001bcore"', "core: .*pattern"),
        ("l2_misses", "l3_misses", "coefficients.l3_misses"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, before, after, said):
    path = tmp_path / "some.toml"
    write_model(path, MODEL, "")
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(BadInputError, match=said):
        read_model(path)


def test_a_model_in_which_nothing_costs_anything_is_none():
    free = Coefficient(ns=0.0, ci95_ns=(0.0, 0.0))
    with pytest.raises(ValueError, match="costs nothing"):
        CostModel.model_validate(
            MODEL.model_dump() | {"coefficients": {"instructions": free.model_dump()}}
        )


def test_a_platform_s_model_lies_where_the_platform_s_file_sees_it(tmp_path):
    (tmp_path / "board.toml").write_text(
        'name = "board"\nbackend = "onnxruntime-cpu"\ntransport = "emulator"\n'
        'unit = "images/s"\nmodel = "cost_model.toml"\n'
    )
    write_model(tmp_path / "cost_model.toml", MODEL, "")
    platform = load_platform(str(tmp_path / "board.toml"))
    assert load_model(platform.model) == MODEL


def test_a_model_is_for_the_kernels_that_it_was_fitted_to(tmp_path):
    (tmp_path / "board.toml").write_text(
        'name = "board"\nbackend = "ncnn-cpu"\ntransport = "emulator"\n'
        'unit = "images/s"\nmodel = "cost_model.toml"\n'
    )
    write_model(tmp_path / "cost_model.toml", MODEL, "")
    with pytest.raises(BadInputError, match=r"kernels of ncnn-cpu.* to those of onnxruntime-cpu"):
        plan([], str(tmp_path / "board.toml"))
    own = MODEL.model_copy(update={"backend": "ncnn-cpu"})
    write_model(tmp_path / "cost_model.toml", own, "")
    assert plan([], str(tmp_path / "board.toml")).cost_model == own


@pytest.mark.parametrize(
    ("backend", "platform"),
    [
        ("onnxruntime-cpu", "arm-emulated"),
        ("ncnn-cpu", "arm-emulated-ncnn"),
        ("litert-cpu", "arm-emulated-litert"),
    ],
)
def test_the_kernels_that_a_model_needs_are_counted(backend, platform):
    asked = counting_plan([], backend)
    assert asked.platform.name == platform
    assert asked.protocol.caches
    with pytest.raises(BadInputError, match="No platform counts the kernels of backend torch-cpu"):
        counting_plan([], "torch-cpu")


def test_on_the_gpu_s_networks_nothing_is_called_a_difference():
    run = modelled_run(["g2"])
    differences = {
        channels: text.count(" % |")
        for channels in ("arm", "gpu")
        for text in [
            markdown(
                document(
                    summarise(run.model_copy(update={"protocol": with_channels(run, channels)}))
                )
            )
        ]
    }
    assert differences["arm"] - differences["gpu"] == 12


def with_channels(run, channels):
    return run.protocol.model_copy(update={"channels": channels})


def test_models_go_by_name_or_path():
    assert "cortex-a57" in model_names()
    assert load_model(load_platform("arm-modelled").model).caches == CORTEX_A57
    with pytest.raises(BadInputError, match=r"no cost model 'cortex-a75'. Did you mean cortex-a57"):
        load_model("cortex-a75")


def machine(core, caches):
    clusters = [Cluster(core=core, count=4, cpus=[], min_mhz=None, max_mhz=None)]
    sizes = {level: kib * 1024 for level, kib in caches.items()}
    return FINGERPRINT.model_copy(update={"clusters": clusters, "caches": sizes})


def test_caches_are_those_of_the_board():
    found, assumed = caches_of(machine("Cortex-A72", {"L1d": 32, "L1i": 48, "L2": 1024}))
    assert str(found) == "L1i 48 KiB 3-way, L1d 32 KiB 2-way, L2 1024 KiB 16-way"
    assert assumed == []
    found, assumed = caches_of(machine("Some core", {"L1d": 128, "L1i": 192, "L2": 12288}))
    # 12 MiB are no power of 2, so the ways take the 3 in it.
    assert str(found) == "L1i 192 KiB 3-way, L1d 128 KiB 4-way, L2 12288 KiB 6-way"
    assert assumed == ["how Some core divides its caches into ways"]
    found, assumed = caches_of(machine("Cortex-A57", {}))
    assert found == CORTEX_A57
    assert assumed == ["the size of L1i", "the size of L1d", "the size of L2"]


@pytest.mark.parametrize("kib", [1, 3, 32, 48, 1280, 2048, 12288])
def test_ways_leave_a_power_of_two_of_sets(kib):
    for ways in possible_ways(kib):
        sets = Cache(kib=kib, ways=ways).sets
        assert sets & (sets - 1) == 0
        assert sets * ways * 64 == kib * 1024
    with pytest.raises(ValueError, match="do not divide"):
        Cache(kib=kib, ways=7)
