"""A run as pandas DataFrames: every stored run, all of it, with documented columns."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from guideline_benchmarks.guidelines.frames import Frames, load
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.tables.frames import SAMPLE_COLUMNS
from guideline_benchmarks.results.tables.json_objects import cell_objects, share_objects
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import counted_run, fig2_run, noisy, run_of
from tests.synthetic_gpu import gpu_run
from tests.test_store import DECLARED_SINCE_6, DECLARED_SINCE_10

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "results" / "reference"
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
# What a record has only from a version on, and in which part.
SINCE = {
    2: {"rounds": ("profiles",)},
    3: {"": ("counts",)},
    4: {"": ("model",)},
    5: {
        "protocol": ("batch", "precision", "stop", "geometry"),
        "processes": ("ceilings", "layouts", "launch_ns", "clock", "seconds"),
        "rounds": ("beside", "sm_mhz", "discarded", "launch_shows", "card"),
    },
    6: DECLARED_SINCE_6,
    10: DECLARED_SINCE_10,
}


def stored(folder: Path, run) -> Path:
    run_folders.write_run(folder, run)
    return folder


def frames(folder: Path, run) -> Frames:
    return load(stored(folder, run))


def test_cells_have_the_figures_of_show(tmp_path):
    run = run_of(["g1", "g2", "g3", "g4"], noisy(lambda _: 1.0), rounds=(4, 4))
    cells = frames(tmp_path, run).cells
    objects = cell_objects(summarise(run))
    assert len(cells) == len(objects) == 51
    for row, entry in zip(cells.to_dict("records"), objects, strict=True):
        assert row["cell"] == entry["cell"]
        assert row["median_ms"] == entry["median_ms"]
        low, high = entry["relative_speed_ci95"]
        assert (row["relative_speed_ci95_low"], row["relative_speed_ci95_high"]) == (low, high)
    assert cells["ci95_low_ms"].dtype == float
    assert not cells.map(lambda value: isinstance(value, list)).any(axis=None)


def test_figures_that_a_run_lacks_are_nan_and_can_be_reckoned_with(tmp_path):
    cells = frames(tmp_path, run_of(["g4"], noisy(lambda _: 1.0), rounds=(4,))).cells
    for name in ("instructions", "relative_speed_ci95_low", "cold_speed", "modelled_ms"):
        assert cells[name].dtype == float
        assert cells[name].isna().all()


def test_samples_are_those_of_the_record(tmp_path):
    run = run_of(["g1"], noisy(lambda _: 1.0), rounds=(3, 2))
    samples = frames(tmp_path, run).samples
    assert tuple(samples.columns) == SAMPLE_COLUMNS
    assert len(samples) == 5 * len(run.networks)
    assert set(samples.unit) == {"ns"}
    for name, times in samples_by_cell(run).items():
        own = samples[samples.cell == name]
        assert own.value.tolist() == np.concatenate(times).tolist()
        assert own.process.tolist() == [0, 0, 0, 1, 1]
        assert own["round"].tolist() == [0, 1, 2, 0, 1]
    first = samples[(samples.process == 0) & (samples["round"] == 0)].sort_values("position")
    assert first.cell.tolist() == [run.networks[place].name for place in run.rounds[0].order]
    assert set(samples[samples.control].cell) == {control.name for control in run.controls}


def test_a_run_on_a_gpu_has_the_samples_beside(tmp_path):
    run = gpu_run(["g4"], noisy(lambda _: 1.0), cold=1.5, eager=3.0, rounds=(2, 2))
    found = frames(tmp_path, run)
    by_kind = found.samples.pivot_table(index="cell", columns="kind", values="value")
    assert set(by_kind.columns) == {"time", "cold", "eager"}
    assert (by_kind.cold / by_kind.time).to_numpy() == pytest.approx(1.5, rel=1e-3)
    assert found.cells.eager_slow_down.to_numpy() == pytest.approx(3.0, rel=1e-3)


def test_a_counted_run_has_its_counts(tmp_path):
    run = counted_run(["g4"], lambda _: 10**7, caches=True, runs=3)
    found = frames(tmp_path, run)
    assert set(found.samples.kind) == {"instructions", "l1d_misses", "l2_misses"}
    assert set(found.samples.unit) == {"count"}
    own = found.samples[found.samples.kind == "instructions"]
    assert own.value.tolist() == [n for count in run.counts for n in count.instructions]
    assert own.groupby("cell").value.min().eq(10**7).all()
    assert found.cells.instructions.eq(10**7).all()


def test_shares_have_the_figures_of_show(tmp_path):
    run = fig2_run(rounds=(3, 3))
    found = frames(tmp_path, run)
    objects = share_objects(summarise(run))
    assert found.cells.empty
    assert found.shares.percent.tolist() == [entry["percent"] for entry in objects]
    assert found.shares.percent_ci95_low.tolist() == [e["percent_ci95"][0] for e in objects]
    assert set(found.shares.input) == {"1×3×224×224"}
    assert found.shares.groupby("network").percent.sum().to_numpy() == pytest.approx(100)
    profiled = found.samples[found.samples.kind == "profiled"]
    assert profiled.value.tolist() == [p.ns for r in run.rounds for p in r.profiles]
    assert profiled.position.tolist() == [
        entry.order.index(p.network) for entry in run.rounds for p in entry.profiles
    ]
    elsewhere = load(tmp_path, depthwise="elemwise").shares
    assert set(elsewhere.depthwise) == {"elemwise"}


def test_a_run_that_has_measured_nothing_is_empty_and_no_fault(tmp_path):
    run = run_of(["g4"], noisy(lambda _: 1.0), rounds=(2,))
    found = frames(tmp_path, run.model_copy(update={"processes": [], "rounds": []}))
    assert len(found.cells) == 12
    assert found.samples.empty
    assert tuple(found.samples.columns) == SAMPLE_COLUMNS
    assert found.shares.empty


@pytest.mark.parametrize("version", range(1, 7))
def test_runs_of_every_version_are_read_compressed_or_not(version, tmp_path):
    run = run_of(["g1", "g4"], noisy(lambda _: 1.0), rounds=(3, 3))
    content = json.loads(run.model_dump_json()) | {"schema_version": version}
    for first, lacking in SINCE.items():
        for part, fields in lacking.items() if version < first else ():
            entries = content[part] if part else content
            for entry in entries if isinstance(entries, list) else [entries]:
                for field in fields:
                    entry.pop(field, None)
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    for folder in (plain, packed):
        folder.mkdir()
    text = json.dumps(content).encode()
    (plain / "run.json").write_bytes(text)
    (packed / "run.json.gz").write_bytes(gzip.compress(text))
    now = frames(tmp_path / "now", run)
    for place in (plain, packed, plain / "run.json", packed / "run.json.gz"):
        found = load(place)
        assert found.cells.equals(now.cells)
        assert found.samples.equals(now.samples)


@pytest.mark.parametrize("folder", sorted(filter(run_folders.has_run, REFERENCE.iterdir())))
def test_the_recorded_runs_are_read(folder):
    found = load(str(folder))
    assert len(found.samples) > 0
    assert found.samples.value.gt(0).any()
    assert bool(len(found.cells)) != bool(len(found.shares))


def test_what_is_no_run_is_one_sentence(tmp_path):
    with pytest.raises(BadInputError, match="no run"):
        load(tmp_path)


def test_reading_a_run_waits_for_nothing_that_it_does_not_need(tmp_path):
    stored(tmp_path / "run", run_of(["g4"], noisy(lambda _: 1.0), rounds=(2, 2)))
    script = (
        "import sys; from guideline_benchmarks import load; load('run').cells;"
        "sys.exit(' '.join({'torch', 'onnx', 'onnxruntime', 'matplotlib', 'jinja2', 'typer',"
        " 'scipy.stats'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment())
    assert done.returncode == 0


def environment() -> dict[str, str]:
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return os.environ | {"PYTHONPATH": paths, "MPLBACKEND": "Agg"}


def test_every_column_is_documented(tmp_path):
    said = (ROOT / "docs" / "data.md").read_text() + (ROOT / "docs" / "record.md").read_text()
    said = re.sub("```.*?```", "", said, flags=re.DOTALL)
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", said))))
    # Two modes share a row there.
    words |= {name.replace("cold_", "eager_") for name in words}
    of_cells = frames(tmp_path / "cells", gpu_run(["g1", "g2", "g3", "g4"], lambda *_: 1.0))
    of_shares = frames(tmp_path / "shares", fig2_run(rounds=(2, 2)))
    for name in (*of_cells.cells, *of_shares.shares, *of_cells.samples, *of_shares.layers):
        assert re.sub("_ci95_(low|high)", "_ci95", name) in words, name


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_of_the_examples_runs_and_holds_nothing_of_this_machine(notebook):
    text = notebook.read_text()
    content = json.loads(text)
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert str(ROOT) not in text
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all((cell["outputs"], cell["execution_count"]) == ([], None) for cell in code)
    # As a kernel does, one cell after another in one namespace.
    script = "\n".join(
        f"exec(compile({''.join(cell['source'])!r}, 'cell {number}', 'exec'))"
        for number, cell in enumerate(code, 1)
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=notebook.parent,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert notebook.name in (notebook.parent / "README.md").read_text()


def test_there_is_a_notebook():
    assert NOTEBOOKS
