"""The cost model of the paper's ARM core, from the recorded counts; and a board made up "
"from them."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from results import fitting
from results.arm_validation import EQUAL_WIDTH, FITTED, SETS, validate
from results.board_model import fit_board, observations
from results.coefficient_file import read_model
from results.errors import BadInputError
from results.modelled import modelled_ms
from results.schema import Run
from results.store import read_run, write_run
from runners.model_file import FOLDER
from tests.program import complains
from tests.synthetic import FINGERPRINT, counted_run, run_of

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "results" / "reference"
BOARD = {"instructions": 0.4, "l2_misses": 25.0}


@pytest.fixture(scope="module")
def counted():
    return read_run(REFERENCE / "arm-model")


@pytest.fixture(scope="module")
def validation(counted):
    return validate([counted, read_run(REFERENCE / "arm-model-equal-width")])


def test_every_cell_and_network_was_counted(validation):
    sizes = {group: len(validation.of(group)) for group in SETS}
    assert sizes == {
        "g1": 12,
        "g2": 12,
        "g3": 15,
        "g4": 12,
        EQUAL_WIDTH: 12,
        "table8": 19,
        "units-56": 9,
        "units-28": 9,
    }


def test_the_file_that_comes_with_the_suite_is_the_fit_to_the_recorded_counts(validation):
    kept = read_model(FOLDER / "cortex-a57.toml")
    assert kept.costs == pytest.approx(validation.model.costs, rel=1e-5)
    assert kept.spread == pytest.approx(validation.model.spread, rel=1e-5)
    assert kept.counted_with == validation.model.counted_with


def test_no_cell_is_modelled_by_a_fit_that_saw_it(validation):
    """A table whose published times are doubled is modelled as before; the others are not."""
    cells = {cell.group: cell for cell in validation.cells}
    fitted = [cell for cell in validation.cells if cell.group in FITTED]
    known = [fitting.Observation(c.cell.name, c.group, {}, c.published_ms) for c in fitted]
    assert validation.model.cells == len(known)
    for group in FITTED:
        rest = validate_without(group)
        assert modelled_ms(counts_of_cell(cells[group]), rest) == pytest.approx(
            cells[group].modelled_ms
        )


def counts_of_cell(cell):
    run = read_run(REFERENCE / "arm-model")
    found = next(count for count in run.counts if count.cell == cell.cell.name)
    names = ("instructions", "l2_misses")
    return {name: min(getattr(found, name)) for name in names}


def validate_without(group):
    """The costs of a fit to the other two of Tables 1 to 3, made here by hand."""
    run = read_run(REFERENCE / "arm-model")
    rows, by_name = [], {count.cell: count for count in run.counts}
    for cell in validate([run]).cells:
        if cell.group in FITTED and cell.group != group:
            found = by_name[cell.cell.name]
            counts = [min(found.instructions), min(found.l2_misses)]
            rows.append([number / 1e6 / cell.published_ms for number in counts])
    costs, *_ = np.linalg.lstsq(np.array(rows), np.ones(len(rows)), rcond=None)
    return dict(zip(("instructions", "l2_misses"), costs.tolist(), strict=True))


def test_missing_tables_are_named():
    with pytest.raises(BadInputError, match="No counts with caches of g1, g3, g4"):
        validate([with_new_figures(counted_run(["g2"], lambda cell: 10**8, caches=True))])
    with pytest.raises(BadInputError, match="g1, g2, g3, g4"):
        validate([counted_run(["g2"], lambda cell: 10**8)])


def with_new_figures(run):
    counts = [
        count.model_dump()
        | {name: [10**4] * 5 for name in ("branches", "memory_bytes", "l1i_misses")}
        for count in run.counts
    ]
    return Run.model_validate(run.model_dump() | {"counts": counts})


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
    changes = {
        "platform": run.platform.model_dump() | {"name": "a-board"},
        "fingerprint": FINGERPRINT.model_dump() | machine,
    }
    return Run.model_validate(run.model_dump() | changes)


@pytest.mark.parametrize(("noise", "within"), [(0.0, 1e-3), (0.03, 0.1)])
def test_a_board_of_known_costs_is_recovered(counted, noise, within):
    cells = observations(board_run(counted, noise), counted)
    assert len(cells) == 51
    found = fit_board(cells, "a", "a core", "a run", counted)
    assert list(found.model.coefficients) == ["instructions", "l2_misses"]
    assert found.model.costs == pytest.approx(BOARD, rel=within)
    for term, coefficient in found.model.coefficients.items():
        low, high = coefficient.ci95_ns
        assert low * 0.999 <= BOARD[term] <= high * 1.001
    assert found.model.errors["kept aside"].median <= 1.5 * noise + 0.002
    assert len(found.aside) == 12
    assert not {c.name for c in found.aside} & {c.name for c in found.fitted}


def test_what_was_kept_aside_had_no_part_in_the_fit(counted):
    cells = observations(board_run(counted, 0.03), counted)
    found = fit_board(cells, "a", "a core", "a run", counted)
    aside = {cell.name for cell in found.aside}
    changed = [
        fitting.Observation(c.name, c.group, c.counts, c.ms * (5 if c.name in aside else 1))
        for c in cells
    ]
    assert fit_board(changed, "a", "a core", "a run", counted).model.costs == found.model.costs


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
        Run.model_validate(
            counted.model_dump()
            | {
                "experiments": [e.model_dump() for e in wanted],
                "cells": [c.model_dump() for c in counted.cells if c.name in kept],
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


def test_counts_are_no_measured_run(guidelines):
    complains(guidelines("calibrate", REFERENCE / "arm-model"), 2, "was counted")


def test_the_page_is_made_from_recorded_counts_alone(guidelines, tmp_path, validation):
    for name in ("arm-model", "arm-model-equal-width"):
        shutil.copytree(REFERENCE / name, tmp_path / "counts" / name)
    page, model = tmp_path / "docs" / "page.md", tmp_path / "model.toml"
    words = ("--counts", tmp_path / "counts", "--page", page, "--model", model)
    code, out, err = guidelines("arm-model", *words)
    assert code == 0, err
    assert str(page) in out
    assert read_model(model) == read_model(FOLDER / "cortex-a57.toml")
    text = page.read_text()
    assert text.index("## Where it fails") < text.index("## How well it does")
    assert (page.parent / "arm_model.svg").stat().st_size > 10_000
    for cell in validation.cells:
        name = cell.cell.axes.get("network", cell.cell.row)
        error = re.escape(f"| {100 * cell.error:+.0f} % |")
        assert re.search(rf"\| {re.escape(str(name))}, .*{error}", text)
    # Nothing on it is said to be measured.
    for found in re.finditer("(?i)measured", text):
        assert text[: found.start()].endswith(("not ", "was "))


def test_unknown_networks_and_files_are_told(guidelines, tmp_path):
    complains(guidelines("predict", "ShuffleNet v2 1"), 2, r"Did you mean ShuffleNet v2 1x\?")
    complains(guidelines("predict", "ShuffleNet v2 1x", "--on", "a.toml"), 2, "cannot be read")
    words = ("predict", "ShuffleNet v2 1x", "--input", "1,3,64,64")
    complains(guidelines(*words), 2, "networks of your own: ShuffleNet v2 1x has 224×224")


TINY = """
import torch

def network():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU())
"""


def test_a_network_is_predicted_and_counted_once(emulator, guidelines, tmp_path, cache):
    (tmp_path / "tiny.py").write_text(TINY)
    words = ("predict", "tiny:network", "--input", "1,3,32,32")
    code, out, err = guidelines(*words, "--json")
    assert code == 0, err
    found = json.loads(out)
    model = read_model(FOLDER / "cortex-a57.toml")
    counts = {name: min(found["counts"][name]) for name in model.coefficients}
    assert found["modelled_ms"] == pytest.approx(modelled_ms(counts, model.costs), rel=1e-5)
    low, high = found["modelled_ci95_ms"]
    assert low < found["modelled_ms"] < high
    assert found["fingerprint"]["architecture"] == "aarch64"
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("counts/*.json")}
    code, out, err = guidelines(*words)
    assert code == 0, err
    assert "modelled, not measured" in out
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("counts/*.json")} == kept
