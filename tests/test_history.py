"""The history of a platform: changes are found, drifts told, odd runs left out."""

from __future__ import annotations

import io
import json
import os

import numpy as np
import pytest
from rich.console import Console

from guideline_benchmarks.reports.history import history as shown
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate.ratios import typical_log
from guideline_benchmarks.results.history.history import Digest, digest, folders_in, history_of
from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.store import run_folders
from tests.synthetic import counted_run, noisy, run_of

SLOW = "g4/none/x1"


def dated(run, day, **fingerprint):
    session = run.sessions[0].model_copy(update={"started": f"2026-01-{day:02}T00:00:00+00:00"})
    changed = run.fingerprint.model_copy(update=fingerprint)
    return run.model_copy(update={"sessions": [session], "fingerprint": changed})


def store_runs(folder, runs):
    for number, run in enumerate(runs):
        run_folders.write_run(folder / f"run{number:02}", run)


def timed(day, slow=1.0, drift=1.0, **fingerprint):
    def truth(cell):
        return drift * 5.0 * (slow if cell.name == SLOW else 1.0)

    run = run_of(["g4"], noisy(truth, noise=0.004, seed=day), rounds=(6,) * 3)
    return dated(run, day, **fingerprint)


def told(folder, platform=None):
    return history_of([digest(place) for place in folders_in(folder)], platform)


def test_a_digest_holds_the_typical_times_of_a_run(tmp_path):
    run = timed(1)
    run_folders.write_run(tmp_path, run)
    found = digest(tmp_path)
    for name, times in samples_by_cell(run).items():
        assert found.logs[name] == pytest.approx(np.mean([typical_log(ns) for ns in times]))


def test_other_batches_and_precisions_are_of_another_history(tmp_path):
    run = timed(1)
    for number, changes in enumerate([{}, {"batch": 1}, {"batch": 8}, {"precision": "bf16"}]):
        protocol = run.protocol.model_copy(update=changes)
        run_folders.write_run(tmp_path / str(number), run.model_copy(update={"protocol": protocol}))
    networks = [digest(tmp_path / str(number)).networks for number in range(4)]
    assert networks[0] == networks[1]
    assert len(set(networks)) == 3


def test_networks_that_failed_are_not_in_a_digest(tmp_path):
    run_folders.write_run(tmp_path, run_of(["g4"], lambda *_: 1.0, failures={SLOW: "broken"}))
    found = digest(tmp_path)
    assert SLOW not in found.logs
    assert len(found.logs) == 13


def test_a_change_is_found_where_it_was_with_the_software_that_changed(tmp_path):
    store_runs(
        tmp_path,
        [
            timed(day, 1.1 if day > 8 else 1.0, runtimes={"onnxruntime": "2" if day > 8 else "1"})
            for day in range(1, 17)
        ],
    )
    found = told(tmp_path)
    changes = shown.changes_of(found, found.trends)
    assert [change["cell"] for change in changes] == [SLOW]
    assert changes[0]["run"] == "run08"
    assert changes[0]["ratio"] == pytest.approx(1.1, abs=0.01)
    assert (changes[0]["runtimes_before"], changes[0]["runtimes"]) == (
        "onnxruntime 1",
        "onnxruntime 2",
    )
    assert found.drifts[0].changes == []


def test_a_drift_of_the_machine_is_no_cells_change(tmp_path):
    store_runs(tmp_path, [timed(day, drift=1.2 if day > 8 else 1.0) for day in range(1, 17)])
    found = told(tmp_path)
    assert not any(trend.changes for trend in found.trends)
    assert [trend.changes for trend in found.drifts] == [[8], [8]]


def test_instructions_have_a_history_too(tmp_path):
    def counted(day):
        more = 1.001 if day > 5 else 1.0
        return dated(
            counted_run(["g4"], lambda c: round(1e7 * (more if c.name == SLOW else 1))), day
        )

    store_runs(tmp_path, [counted(day) for day in range(1, 11)])
    found = told(tmp_path)
    assert {trend.name for trend in found.trends if trend.changes} == {SLOW}
    assert found.drifts == []


def test_what_is_no_run_is_named_and_left_out(tmp_path):
    store_runs(tmp_path, [timed(1), timed(2)])
    for name, content in (("cut", '{"cells": ['), ("other", json.dumps({"a": 1})), ("empty", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(content)
    found = told(tmp_path)
    assert len(found.runs) == 2
    assert sorted(said.split("/")[-2] for said in found.left_out) == ["cut", "empty", "other"]


@pytest.mark.parametrize("ns", [10**400, 0, -5])
def test_a_run_with_impossible_times_is_named_and_left_out(tmp_path, ns):
    store_runs(tmp_path, [timed(1), timed(2), timed(3)])
    file = tmp_path / "run01" / "run.json"
    content = json.loads(file.read_text())
    content["rounds"][3]["ns"][5] = ns
    file.write_text(json.dumps(content))
    found = told(tmp_path)
    assert len(found.runs) == 2
    assert any("run01" in said for said in found.left_out)


def test_a_run_that_measured_nothing_is_named(tmp_path):
    empty = timed(1).model_copy(update={"rounds": [], "processes": []})
    store_runs(tmp_path, [empty, timed(2), timed(3)])
    assert "run00 measured nothing." in told(tmp_path).left_out


def test_platforms_are_not_mixed(tmp_path):
    other = timed(3)
    other = other.model_copy(
        update={"platform": other.platform.model_copy(update={"name": "cpu-torch"})}
    )
    store_runs(tmp_path, [timed(1), other])
    with pytest.raises(BadInputError, match="cpu, cpu-torch"):
        told(tmp_path)
    assert len(told(tmp_path, "cpu-torch").runs) == 1
    with pytest.raises(BadInputError, match="no run of cuda"):
        told(tmp_path, "cuda")


def test_runs_of_other_machines_are_left_out(tmp_path):
    store_runs(tmp_path, [timed(1, cpu_model="old"), timed(2), timed(3)])
    found = told(tmp_path)
    assert [run.folder for run in found.runs] == ["run01", "run02"]
    assert any("1 run(s) of other machines" in said for said in found.left_out)


def test_runs_of_other_networks_are_left_out(tmp_path):
    other = dated(run_of(["g4"], noisy(lambda _: 5.0), rounds=(6,) * 3, channels="gpu"), 1)
    store_runs(tmp_path, [other, timed(2), timed(3)])
    found = told(tmp_path)
    assert [run.folder for run in found.runs] == ["run01", "run02"]
    assert any("1 run(s) in which cells are something else" in said for said in found.left_out)


def test_a_run_without_a_control_is_no_part_of_any_trend(tmp_path):
    broken = run_of(["g4"], lambda *_: 1.0, failures={"control/memory-heavy/x1": "broken"})
    store_runs(tmp_path, [dated(broken, 1), timed(2), timed(3)])
    assert all(
        np.isnan(trend.values).tolist() == [True, False, False] for trend in told(tmp_path).trends
    )


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="no run in"):
        folders_in(tmp_path)


def test_cells_that_some_runs_lack_have_a_history_of_the_others(tmp_path):
    store_runs(tmp_path, [timed(day) for day in range(1, 5)])
    whole = [digest(tmp_path / f"run{number:02}") for number in range(4)]
    logs = {name: value for name, value in whole[1].logs.items() if name != SLOW}
    holed = Digest(**{**vars(whole[1]), "logs": logs})
    trend = next(t for t in history_of([whole[0], holed, *whole[2:]]).trends if t.name == SLOW)
    assert np.isnan(trend.values).tolist() == [False, True, False, False]
    assert not np.isnan(trend.levels()).any()


def test_it_is_written_and_printed_whole(tmp_path):
    store_runs(tmp_path, [timed(day, 1.1 if day > 8 else 1.0) for day in range(1, 17)])
    found = told(tmp_path)
    page = shown.write_history(found, tmp_path / "history")
    assert {file.name for file in page.parent.iterdir()} == {
        "history.html",
        "history.md",
        "history.csv",
        "heatmap.png",
        "heatmap.svg",
        "changes.png",
        "changes.svg",
    }
    out = io.StringIO()
    shown.print_history(found, Console(file=out, width=80))
    assert SLOW in out.getvalue()
    assert "11 of 12 cells never changed" in out.getvalue()


def test_a_record_that_is_left_out_is_named_so_that_it_can_be_written(tmp_path):
    folder = tmp_path / os.fsdecode(b"d\xe9cembre")
    folder.mkdir()
    (folder / "run.json").write_text("{")
    assert r"d\xe9cembre" in digest(folder)
