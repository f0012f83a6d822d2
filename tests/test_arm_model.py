"""The cost model of the paper's ARM core, from the recorded counts; and a board made up "
"from them."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from results import fitting
from results.arm_validation import EQUAL_WIDTH, FITTED, SETS, differences, validate
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


@pytest.mark.parametrize("group", FITTED)
def test_no_table_is_modelled_by_a_fit_that_saw_it(counted, validation, group):
    """Every cell of a table has the time of a fit to the other two, made here by hand."""
    figures = {count.cell: count for count in counted.counts}

    def row(cell):
        found = figures[cell.cell.name]
        return [min(found.instructions) / 1e6, min(found.l2_misses) / 1e6]

    others = [c for c in validation.cells if c.group in FITTED and c.group != group]
    shares = np.array([np.array(row(cell)) / cell.published_ms for cell in others])
    costs, *_ = np.linalg.lstsq(shares, np.ones(len(others)), rcond=None)
    assert min(costs) > 0
    for cell in validation.of(group):
        assert cell.modelled_ms == pytest.approx(float(row(cell) @ costs))


def test_differences_leave_the_base_cells_out(validation):
    found = differences(validation.of("g4"))
    assert found.cells == 9
    assert found.spread < found.null
    # 1:2 is published slower than 1:1 and modelled faster, at every scale.
    assert differences(validation.of("g1")).reversed_ == 3
    with pytest.raises(ValueError, match="no cell"):
        differences([cell for cell in validation.of("g4") if cell.is_base])


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
    own = {cell.name: cell for cell in counted.cells}
    changes = {
        "cells": [own[cell.name].model_dump() for cell in run.cells],
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
    cells = [cell.model_copy(update={"multiply_adds": 1}) for cell in measured.cells]
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


def test_a_run_on_a_slower_core_is_refused(guidelines, tmp_path, counted):
    run = board_run(counted, 0.0)
    clusters = [
        {"core": core, "count": 2, "cpus": cpus, "min_mhz": None, "max_mhz": None}
        for core, cpus in (("Cortex-A57", [4, 5]), ("Cortex-A53", [0, 1]))
    ]
    machine = run.fingerprint.model_dump() | {"clusters": clusters}
    write_run(tmp_path / "run", Run.model_validate(run.model_dump() | {"fingerprint": machine}))
    said = "kept on Cortex-A53.*fastest core, Cortex-A57: measure that one"
    complains(guidelines("calibrate", tmp_path / "run"), 2, said)


def test_what_makes_a_run_doubtful_is_said(guidelines, board):
    run = read_run(board)
    kept = [entry for entry in run.rounds if entry.process == 0]
    name = "a [/bold] core"
    machine = run.fingerprint.model_dump() | {"cpu_model": name}
    changes = {"rounds": [entry.model_dump() for entry in kept], "fingerprint": machine}
    write_run(board, Run.model_validate(run.model_dump() | changes))
    counts = read_run(board / "counts")
    # Of a core that is not known ways are assumed.
    geometry = counts.protocol.geometry.model_dump() | {
        "l1i": {"kib": 48, "ways": 3},
        "l1d": {"kib": 32, "ways": 4},
        "l2": {"kib": 2048, "ways": 8},
    }
    protocol = counts.protocol.model_dump() | {"geometry": geometry}
    write_run(board / "counts", Run.model_validate(counts.model_dump() | {"protocol": protocol}))
    code, out, err = guidelines("calibrate", board)
    assert code == 0, err
    assert "Warning: Unfinished: 4 of 12" in out
    assert f"how {name} divides its caches into ways" in out
    assert read_model(board / "cost_model.toml").core == name


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


def test_outside_a_checkout_nothing_is_begun(guidelines, tmp_path):
    complains(guidelines("arm-model"), 2, "run this in a checkout of the suite")
    assert list(tmp_path.iterdir()) == []


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
