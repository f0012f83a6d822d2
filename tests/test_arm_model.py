"""The cost model of the paper's ARM core, from the recorded counts."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.guidelines.studies.cortex_a57.kernels import KERNELS, best_first
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import (
    EQUAL_WIDTH,
    FITTED,
    SETS,
    differences,
    validate,
)
from guideline_benchmarks.results.cost_model.coefficient_file import FOLDER, read_model
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.runners.platform_file import load_platform
from tests.program import complains
from tests.synthetic import counted_run, valid

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "results" / "reference"
SIZES = {
    "g1": 12,
    "g2": 12,
    "g3": 15,
    "g4": 12,
    EQUAL_WIDTH: 12,
    "table8": 19,
    "input-320": 0,
    "input-640": 0,
    "input-1080": 0,
    "units-56": 9,
    "units-28": 9,
}
# What some have in a record of its own besides.
FURTHER = {
    "table8": 18,
    "input-320": 16,
    "input-640": 16,
    "input-1080": 16,
    "units-56": 3,
    "units-28": 3,
}


@pytest.fixture(scope="module")
def counted():
    return read_run(REFERENCE / "arm-model")


@pytest.fixture(scope="module")
def validations():
    """Those of all backends, the best first."""
    folders = [REFERENCE / row.folder for row in KERNELS]
    parts = ("", "-equal-width", "-networks")
    records = [[folder.with_name(folder.name + part) for part in parts] for folder in folders]
    return best_first(
        [validate([read_run(one) for one in record if one.exists()]) for record in records]
    )


@pytest.fixture(scope="module")
def validation(validations):
    """That of ONNX Runtime."""
    return next(one for one in validations if one.model.backend == "onnxruntime-cpu")


def test_every_cell_and_network_was_counted_of_every_backend(validations):
    assert {one.model.backend for one in validations} == {row.backend for row in KERNELS}
    for validation in validations:
        row = next(row for row in KERNELS if row.backend == validation.model.backend)
        sizes = {
            group: SIZES[group] + (FURTHER[group] if group in row.further else 0) for group in SETS
        }
        assert {group: len(validation.of(group)) for group in SETS} == sizes


def test_what_was_counted_later_changes_no_cost(validation):
    earlier = [read_run(REFERENCE / f"arm-model{part}") for part in ("", "-equal-width")]
    assert validate(earlier).model.costs == validation.model.costs


def test_the_file_that_comes_with_the_suite_is_of_the_kernels_that_explain_the_paper_best(
    validations,
):
    kept, best = read_model(FOLDER / "cortex-a57.toml"), validations[0].model
    assert best.spread == min(one.model.spread for one in validations)
    assert kept.backend == best.backend == load_platform("arm-modelled").backend
    assert kept.costs == pytest.approx(best.costs, rel=1e-5)
    assert kept.spread == pytest.approx(best.spread, rel=1e-5)
    assert kept.counted_with == best.counted_with


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
    return valid(run.model_dump() | {"counts": counts})


def test_the_page_is_made_from_recorded_counts_alone(guidelines, tmp_path, validations):
    for folder in REFERENCE.glob("arm-model*"):
        shutil.copytree(folder, tmp_path / "counts" / folder.name)
    page, model = tmp_path / "docs" / "page.md", tmp_path / "model.toml"
    words = ("--counts", tmp_path / "counts", "--page", page, "--model", model)
    code, out, err = guidelines("arm-model", *words)
    assert code == 0, err
    assert str(page) in out
    assert read_model(model) == read_model(FOLDER / "cortex-a57.toml")
    text = page.read_text()
    assert text.index("## Where it fails") < text.index("## How well it does")
    assert (page.parent / "arm_model.svg").stat().st_size > 10_000
    assert f"of {validations[0].runtime}'s, which explain the paper's tables best" in text
    of = [{cell.cell.name: cell for cell in one.cells} for one in validations]
    for cell in validations[0].cells:
        name = cell.cell.axes.get("network", cell.cell.row)
        cells = [found[cell.cell.name] for found in of if cell.cell.name in found]
        errors = ".*".join(re.escape(f"| {100 * one.error:+.0f} % |") for one in cells)
        assert re.search(rf"\| {re.escape(str(name))}, .*{errors}", text)
    # Nothing on it is said to be measured.
    for found in re.finditer("(?i)measured", text):
        assert text[: found.start()].endswith(("not ", "was "))


def test_outside_a_checkout_nothing_is_begun(guidelines, tmp_path):
    complains(guidelines("arm-model"), 2, "run this in a checkout of the suite")
    assert list(tmp_path.iterdir()) == []
