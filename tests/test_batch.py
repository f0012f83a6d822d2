"""Batches: of networks, their costs and speeds, and what the paper's figures are of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS, GUIDELINES, select
from guideline_benchmarks.guidelines.export import model_files
from guideline_benchmarks.guidelines.export.formats import OPSET
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.networks.cost import cost
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.store.run_folders import read_run
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import run_of, valid

SMALL = [c for g in GUIDELINES.values() for c in g.cells(NetworkChoice()) if c.scale == 1]


def test_every_cell_gets_the_batch_that_is_asked_for():
    asked = plan(select(["all", "table8"]), "cpu", Options(batch=4))
    assert {cell.network.input_shape[0] for cell in asked.cells} == {4}
    usual = plan(select(["all", "table8"]), "cpu")
    assert {cell.network.input_shape[0] for cell in usual.cells} == {1}


def test_table_8_on_the_gpu_has_the_papers_batch_if_none_is_asked_for():
    def batches(**options):
        asked = plan([EXPERIMENTS["table8"]], "cuda", Options(**options))
        return {cell.network.batch for cell in asked.cells}

    assert batches() == {8}
    assert batches(batch=2) == {2}


@settings(max_examples=20)
@given(st.sampled_from(SMALL), st.integers(2, 16))
def test_costs_grow_with_the_batch_and_weights_do_not(cell, batch):
    module = model_files.build(cell.network, 0)
    shape = cell.network.input_shape
    one, many = cost(module, shape), cost(module, (batch, *shape[1:]))
    assert many.multiply_adds == batch * one.multiply_adds
    assert many.weights == one.weights
    maps = one.memory_access_cost - one.weights
    assert many.memory_access_cost == batch * maps + one.weights


def test_networks_of_one_image_are_those_that_they_always_were():
    network = SMALL[0].network
    declared = asdict(network)
    del declared["batch"]
    parts = [declared, "onnxruntime-cpu", 0, OPSET, model_files._exporters()]
    before = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    assert model_files.digest(network, "onnxruntime-cpu", 0) == before
    several = replace(network, batch=2)
    assert model_files.digest(several, "onnxruntime-cpu", 0) != before


def test_a_batch_is_proved_and_measured(guidelines, tmp_path):
    words = ("run", "g4", "--batch", "3", "--runs", "2", "--processes", "1", "--out", "run")
    code, out, err = guidelines(*words)
    assert code == 0, err
    said = "Networks ran 3 images at a time; the paper's figures are of 1."
    assert " ".join(out.split()).count(said) == 1
    run = read_run(tmp_path / "run")
    assert run.protocol.batch == 3
    for column in summarise(run).columns:
        for result in column.results:
            assert result.cell.network.input_shape[0] == 3
            assert result.timing.speed == pytest.approx(3 / (result.timing.mean_ms / 1e3))


@pytest.mark.parametrize(("unit", "factor"), [("images/s", 8), ("batches/s", 1)])
def test_a_speed_is_in_images_or_in_batches(unit, factor):
    run = run_of(["g1"], lambda *_: 2.0, unit=unit)
    content = run.model_dump()
    for cell in content["cells"]:
        cell["network"]["batch"] = 8
    (column, *_) = summarise(valid(content)).columns
    assert column.results[0].timing.speed == pytest.approx(factor * 500)


def test_figures_of_another_batch_than_the_papers_are_told():
    run = run_of(["g1"], lambda *_: 2.0)
    assert not any(
        "at a time" in note
        for section in document(summarise(run)).sections
        for note in section.notes
    )


def test_one_image_of_a_batch_is_what_it_is_alone():
    cell = SMALL[0]
    module = model_files.build(cell.network, 0)
    x = torch.randn(3, *cell.network.input_shape[1:])
    with torch.no_grad():
        together, alone = module(x), torch.cat([module(one[None]) for one in x])
    torch.testing.assert_close(together, alone)
