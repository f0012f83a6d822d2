"""What to round channels to: blocks that are there are found, and none is made of noise."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.guidelines import channel_widths
from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.channel_widths import CHANNEL_WIDTHS
from guideline_benchmarks.guidelines.commands import program
from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.networks.cost import cost
from guideline_benchmarks.reports.advice.widths import width_lines
from guideline_benchmarks.reports.run.brief import brief_document
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.advice.blocks import FALSE_BLOCKS, Curve, best_block
from guideline_benchmarks.results.advice.widths import KINDS, blocks_of, sweeps_of
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import noisy, run_of, run_of_declarations, valid
from tests.test_networks import build_on_meta

CELLS = CHANNEL_WIDTHS.cells(NetworkChoice())
WIDTHS = np.arange(64, 97)
# What a part of a block takes beyond a whole one.
EDGE = 1.1


def work(cell):
    """Multiply-adds of the layers of a cell: 14×14 positions."""
    kind, c = cell.axes["kind"], cell.axes["c"]
    each = {"1×1": c * c, "3×3": 9 * c * c, "depthwise": 9 * c}[kind]
    return cell.network.times * 14 * 14 * each


def stairs(block):
    """Times in ms of layers that a runtime computes in whole blocks; of controls, 1."""

    def truth(cell):
        if cell.experiment == "control":
            return 1.0
        c = cell.axes["c"]
        wide = replace(cell, axes={**cell.axes, "c": block * math.ceil(c / block)})
        return 0.05 + work(wide) / 2e7 * (EDGE if c % block else 1.0)

    return truth


def swept(truth, noise=0.005, **options):
    run = run_of_declarations([CHANNEL_WIDTHS], noisy(truth, noise), **options)
    cells = [replace(cell, multiply_adds=work(cell)) for cell in run.cells]
    return valid(run.model_dump() | {"cells": cells})


@pytest.fixture(scope="module")
def run():
    """A run in which blocks are of 16."""
    return swept(stairs(16))


def test_cells_are_layers_of_equal_widths_that_cost_what_they_say():
    assert [cell.axes["c"] for cell in CELLS] == 3 * WIDTHS.tolist()
    assert {cell.axes["kind"] for cell in CELLS} == set(KINDS)
    for cell in CELLS[::16]:
        with torch.device("meta"):
            module = build_on_meta(cell.network)
            assert cost(module, cell.network.input_shape).multiply_adds == work(cell)
        convolutions = [m for m in module.modules() if isinstance(m, torch.nn.Conv2d)]
        assert len(convolutions) == cell.operators.convolutions
        assert {(m.in_channels, m.out_channels) for m in convolutions} == {2 * (cell.axes["c"],)}


@pytest.mark.parametrize("block", [2, 4, 8, 16, 32])
def test_a_staircase_is_found(block):
    run = swept(stairs(block))
    assert blocks_of(run) == dict.fromkeys(KINDS, block)
    for sweep in sweeps_of(run):
        assert all(width.loss.is_loss for width in sweep.widths if width.c % block)
        assert all(width.loss is None for width in sweep.widths if not width.c % block)
        losses = list(sweep.losses.values())
        assert list(sweep.losses) == [b for b in (16, 8, 4, 2, 1) if b < block]
        assert losses == sorted(losses)


def test_a_smooth_curve_has_no_block():
    run = swept(stairs(1))
    assert blocks_of(run) == dict.fromkeys(KINDS, None)
    for line in width_lines(sweeps_of(run)):
        assert "any width does here (a mean loss of " in line


@given(overhead=st.floats(0, 1e6), power=st.floats(0.3, 2))
def test_no_slope_is_taken_for_a_block(overhead, power):
    work = np.log(WIDTHS**2.0)
    times = np.log(overhead + WIDTHS**power)
    curve = Curve(WIDTHS, [np.stack([times] * 4, axis=1)] * 3, work)
    assert best_block(curve).block == 1


@pytest.mark.parametrize("processes", [2, 5])
def test_noise_is_taken_for_a_block_as_seldom_as_is_said(processes):
    random, found, trials = np.random.default_rng(processes), 0, 300
    work = np.log(WIDTHS**2.0)
    for _ in range(trials):
        states = random.normal(0, 0.2, size=(processes, len(WIDTHS), 1))
        rounds = states + random.normal(0, 0.1, size=(processes, len(WIDTHS), 6))
        curve = Curve(WIDTHS, list(work[:, None] + rounds), work)
        found += best_block(curve).block not in (None, 1)
    assert found <= FALSE_BLOCKS * trials


def test_losses_and_what_rounding_changes_are_those_of_the_formula(run):
    truth, (pointwise, *_) = stairs(16), sweeps_of(run)
    ms = {cell.axes["c"]: truth(cell) for cell in CELLS[: len(WIDTHS)]}
    per = {c: time / c**2 for c, time in ms.items()}
    by_width = {width.c: width for width in pointwise.widths}
    line = math.sqrt(per[64] * per[80])
    assert by_width[72].loss.fraction == pytest.approx(per[72] / line - 1, abs=0.02)
    assert by_width[72].wider == 80
    assert by_width[72].rounding.fraction == pytest.approx(ms[80] / ms[72] - 1, abs=0.02)
    assert by_width[72].rounding.is_gain
    assert pointwise.losses[8] == by_width[72].loss.fraction
    assert by_width[64].ps == pytest.approx(1e9 * ms[64] / work(CELLS[0]), rel=0.02)


def test_one_process_tells_no_block():
    run = swept(stairs(16), rounds=(20,))
    assert blocks_of(run) == dict.fromkeys(KINDS, None)
    assert all("no block is told from noise" in line for line in width_lines(sweeps_of(run)))
    assert {found["block"] for found in json_objects(summarise(run))} == {None}


def test_a_run_without_rounds_or_without_widths_has_no_block():
    assert blocks_of(run_of(["g1"], noisy(lambda _: 1.0))) == {}
    run = swept(stairs(16)).model_copy(update={"rounds": []})
    assert blocks_of(run) == dict.fromkeys(KINDS, None)
    assert width_lines(sweeps_of(run))[0] == "1×1: not measured yet."


def test_too_few_widths_or_processes_tell_no_block():
    times = np.log(WIDTHS[::16] ** 2.0)
    processes = [np.stack([times] * 4, axis=1)] * 5
    assert best_block(Curve(WIDTHS[::16], processes, times)).block is None
    (line, *_) = width_lines(sweeps_of(swept(stairs(1), noise=0.5, rounds=(20, 20))))
    assert "no block is told from noise" in line


def test_a_width_that_failed_is_left_out():
    failed = [f"widths/1×1, c = {c}/x1" for c in (72, 96)]
    run = swept(stairs(8), failures=dict.fromkeys(failed, "wrong output"))
    assert blocks_of(run)["1×1"] == 8
    summary = summarise(run)
    assert len(json_objects(summary)) == len(CELLS) - len(failed)
    (section,) = brief_document(summary).sections
    assert f"{failed[0]} has no figure: wrong output." in section.notes


def test_a_report_says_what_to_round_to_and_draws_it(run, tmp_path):
    summary = summarise(run)
    (section,) = brief_document(summary).sections
    first = section.verdicts[0].text
    assert first.startswith("1×1: round to 16 here; 8 loses up to ")
    assert "1×1: 65–79 and 81–95 channels take longer than the next multiple of 16" in " ".join(
        section.notes
    )
    page = write_report(summary, tmp_path)
    assert first in page.read_text()
    assert len((tmp_path / "widths.csv").read_text().splitlines()) == 1 + len(CELLS)
    drawn = (tmp_path / "widths.svg").read_text()
    assert drawn.count("round to 16") == 3


def test_a_record_of_it_is_read_again(run, tmp_path):
    run_folders.write_run(tmp_path, run)
    assert run_folders.read_run(tmp_path) == run


def test_it_is_none_of_the_catalogue():
    with pytest.raises(BadInputError, match="no experiment 'widths'"):
        select(["widths"])


@pytest.mark.parametrize("platform", ["arm-emulated", "cpu-counted"])
def test_what_is_counted_has_no_steps_of_time(platform):
    with pytest.raises(BadInputError, match=r"looks for steps in run time, and .* only counts"):
        plan([CHANNEL_WIDTHS], platform)


def test_the_command_says_what_to_round_to(run, monkeypatch, tmp_path, capsys):
    asked = []
    monkeypatch.setattr(runs, "execute", lambda plan, *_: asked.append(plan) or run)
    program.program(["widths", "--runs", "7", "--out", str(tmp_path)], standalone_mode=False)
    assert (asked[0].experiments, asked[0].cells) == ([channel_widths.EXPERIMENT], CELLS)
    assert asked[0].protocol.runs == 7
    assert "\ndepthwise: round to 16 here; 8 loses up to " in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_measures(cache, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(channel_widths, "WIDTHS", (64, 96))
    few = ("--runs", "4", "--processes", "2", "--out", str(tmp_path))
    program.program(["widths", *few, "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert [(one["kind"], one["c"]) for one in found] == [(k, c) for k in KINDS for c in (64, 96)]
    assert all(one["samples"] == 4 and one["ps_per_multiply_add"] > 0 for one in found)
