"""A board of known costs, made up from the recorded counts, and what is no board."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.cost_model import fitting
from guideline_benchmarks.results.cost_model.board_model import fit_board, observations
from guideline_benchmarks.results.cost_model.coefficient_file import read_model
from guideline_benchmarks.results.cost_model.modelled import modelled_ms
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.store.run_folders import write_run
from tests.program import complains
from tests.synthetic import FINGERPRINT, run_of, valid

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "results" / "reference"
BOARD = {"instructions": 0.4, "l2_misses": 25.0}


@pytest.fixture(scope="module")
def counted():
    return read_run(REFERENCE / "arm-model")


def board_run(counted, noise, architecture="aarch64", **platform):
    """A run of a board that takes just BOARD's time for each cell, times noise (a fraction)."""
    figures = {count.cell: count for count in counted.counts}
    generator = np.random.default_rng(5)
    factors = {name: math.exp(generator.normal(0, noise)) for name in figures}

    def times(cell, process, number):
        count = figures.get(cell.name)
        if count is None:
            return 1.0
        counts = {name: min(getattr(count, name)) for name in BOARD}
        return modelled_ms(counts, BOARD) * factors[cell.name] * (1 + 1e-5 * number)

    run = run_of(["g1", "g2", "g3", "g4"], times, rounds=(4, 4, 4), **platform)
    machine = {
        "architecture": architecture,
        "cpu_model": "Cortex-A57",
        "caches": {"L1i": 48 * 1024, "L1d": 32 * 1024, "L2": 2048 * 1024},
    }
    own = {cell.name: cell for cell in counted.cells}
    changes = {
        "cells": [own[cell.name] for cell in run.cells],
        "platform": run.platform.model_dump() | {"name": "a-board"},
        "fingerprint": FINGERPRINT.model_dump() | machine,
    }
    return valid(run.model_dump() | changes)


@pytest.mark.parametrize(("noise", "within"), [(0.0, 1e-3), (0.03, 0.1)])
def test_a_board_of_known_costs_is_recovered(counted, noise, within):
    cells = observations(board_run(counted, noise), counted)
    assert len(cells) == 51
    found = fit_board(cells, "a", "a core", "a run", counted)
    assert list(found.model.coefficients) == ["instructions", "l2_misses"]
    assert found.model.costs == pytest.approx(BOARD, rel=within)
    assert found.model.errors["kept aside"].median <= 1.5 * noise + 0.002
    assert len(found.aside) == 12
    assert not {c.name for c in found.aside} & {c.name for c in found.fitted}


def test_intervals_hold_the_known_costs_about_as_often_as_they_say(counted):
    """Boards that differ in their noise alone: nominal 95 % intervals, by drawing cells anew."""
    generator = np.random.default_rng(3)
    cells = observations(board_run(counted, 0.0), counted)
    held = dict.fromkeys(BOARD, 0)
    for _ in range(60):
        noise = np.exp(generator.normal(0, 0.05, len(cells)))
        noisy = [replace(c, ms=c.ms * factor) for c, factor in zip(cells, noise, strict=True)]
        for term, (low, high) in fitting.bootstrap(noisy, list(BOARD), resamples=200).items():
            held[term] += low <= BOARD[term] <= high
    # Percentiles of a bootstrap are a little narrow; with 60 boards at 90 %, 48 are unlikely few.
    assert min(held.values()) >= 48, held


def test_what_was_kept_aside_had_no_part_in_the_fit(counted):
    cells = observations(board_run(counted, 0.03), counted)
    found = fit_board(cells, "a", "a core", "a run", counted)
    aside = {cell.name for cell in found.aside}
    changed = [
        fitting.Observation(c.name, c.group, c.counts, c.ms * (5 if c.name in aside else 1))
        for c in cells
    ]
    assert fit_board(changed, "a", "a core", "a run", counted).model.costs == found.model.costs


def test_one_cell_in_four_is_kept_aside_however_small_the_tables(counted):
    cells = observations(board_run(counted, 0.1), counted)
    few = [c for c in cells if c.group == "g1"][:6] + [c for c in cells if c.group != "g1"][::19]
    found = fit_board(few, "a", "a core", "a run", counted)
    assert len(few) == 9
    assert len(found.aside) == 2
    errors = found.model.errors
    assert errors["left out by turns"].cells == 7
    unseen = {c.name: found.modelled_ms[c.name] for c in found.aside}
    assert found.model.spread >= fitting.spread(found.aside, unseen)


def test_cells_of_other_networks_are_not_taken_for_the_same(counted):
    measured = board_run(counted, 0.0)
    cells = [replace(cell, multiply_adds=1) for cell in measured.cells]
    assert observations(measured.model_copy(update={"cells": cells}), counted) == []


def test_too_few_cells_are_refused(counted):
    cells = observations(board_run(counted, 0.0), counted)[:7]
    with pytest.raises(BadInputError, match="Only 7 cells"):
        fit_board(cells, "a", "a core", "a run", counted)


@pytest.fixture
def board(tmp_path, counted):
    """The folder of a board's run with its counts beside it, so that no emulator is needed."""
    write_run(tmp_path / "board", board_run(counted, 0.02))
    wanted = [e for e in counted.experiments if e.name in ("g1", "g2", "g3", "g4")]
    names = {e.name for e in wanted}
    kept = {cell.name for cell in counted.cells if cell.experiment in names}
    caches = board_run(counted, 0.0).fingerprint
    protocol = counted.protocol.model_dump() | {
        "geometry": {
            "l1i": {"kib": caches.caches["L1i"] // 1024, "ways": 3},
            "l1d": {"kib": caches.caches["L1d"] // 1024, "ways": 2},
            "l2": {"kib": caches.caches["L2"] // 1024, "ways": 16},
        }
    }
    write_run(
        tmp_path / "board" / "counts",
        valid(
            counted.model_dump()
            | {
                "experiments": list(wanted),
                "cells": [c for c in counted.cells if c.name in kept],
                "counts": [c.model_dump() for c in counted.counts if c.cell in kept],
                "protocol": protocol,
            }
        ),
    )
    return tmp_path / "board"


def test_a_board_is_calibrated_from_end_to_end(guidelines, board):
    code, out, err = guidelines("calibrate", board)
    assert code == 0, err
    assert "Cells that took no part in the fit" in out
    assert "modelled, not measured" in out
    assert "The board ran ONNX Runtime 1.0, and" in out
    kept = read_model(board / "cost_model.toml")
    assert kept.costs == pytest.approx(BOARD, rel=0.1)
    assert kept.name == "a-board"
    again = board.parent / "other.toml"
    assert guidelines("calibrate", board, "--out", again)[0] == 0
    assert again.read_text() == (board / "cost_model.toml").read_text()


@pytest.mark.parametrize(
    ("architecture", "platform", "said"),
    [
        ("x86_64", {}, "x86_64 machine.*name a run of an ARM board"),
        ("aarch64", {"threads": 2}, "2 thread.*measure the board so"),
    ],
)
def test_a_run_that_counts_cannot_explain_is_refused(
    guidelines, tmp_path, counted, architecture, platform, said
):
    write_run(tmp_path / "run", board_run(counted, 0.0, architecture, **platform))
    complains(guidelines("calibrate", tmp_path / "run"), 2, said)
    assert not (tmp_path / "run" / "cost_model.toml").exists()


def test_a_run_on_a_slower_core_is_refused(guidelines, tmp_path, counted):
    run = board_run(counted, 0.0)
    clusters = [
        {"core": core, "count": 2, "cpus": cpus, "min_mhz": None, "max_mhz": None}
        for core, cpus in (("Cortex-A57", [4, 5]), ("Cortex-A53", [0, 1]))
    ]
    machine = run.fingerprint.model_dump() | {"clusters": clusters}
    write_run(tmp_path / "run", valid(run.model_dump() | {"fingerprint": machine}))
    said = "kept on Cortex-A53.*fastest core, Cortex-A57: measure that one"
    complains(guidelines("calibrate", tmp_path / "run"), 2, said)


def test_what_makes_a_run_doubtful_is_said(guidelines, board):
    run = read_run(board)
    kept = [entry for entry in run.rounds if entry.process == 0]
    name = "a [/bold] core"
    machine = run.fingerprint.model_dump() | {"cpu_model": name}
    changes = {"rounds": [entry.model_dump() for entry in kept], "fingerprint": machine}
    write_run(board, valid(run.model_dump() | changes))
    counts = read_run(board / "counts")
    # Of a core that is not known ways are assumed.
    geometry = counts.protocol.geometry.model_dump() | {
        "l1i": {"kib": 48, "ways": 3},
        "l1d": {"kib": 32, "ways": 4},
        "l2": {"kib": 2048, "ways": 8},
    }
    protocol = counts.protocol.model_dump() | {"geometry": geometry}
    write_run(board / "counts", valid(counts.model_dump() | {"protocol": protocol}))
    code, out, err = guidelines("calibrate", board)
    assert code == 0, err
    assert "Warning: Unfinished: 4 of 12" in out
    assert f"how {name} divides its caches into ways" in out
    assert read_model(board / "cost_model.toml").core == name


def test_counts_are_no_measured_run(guidelines):
    complains(guidelines("calibrate", REFERENCE / "arm-model"), 2, "was counted")
