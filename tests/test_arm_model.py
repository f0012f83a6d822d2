"""The cost model of the paper's ARM core, from the recorded counts."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import (
    EQUAL_WIDTH,
    FITTED,
    SETS,
    differences,
    validate,
)
from guideline_benchmarks.results.cost_model.coefficient_file import FOLDER, read_model
from guideline_benchmarks.results.errors import BadInputError
from tests.program import complains
from tests.synthetic import counted_run, valid

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "results" / "reference"


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
    return valid(run.model_dump() | {"counts": counts})


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
