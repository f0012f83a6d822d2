"""The program from the outside: real runs, interruptions, and every kind of bad input."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from tests.program import BOTH_RUNTIMES, complains, compress, slow_but_first, wait_for
from tests.synthetic import noisy, run_of

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "results" / "record" / "run.schema.json").read_text())


@pytest.mark.parametrize("platform", BOTH_RUNTIMES)
def test_a_run_measures_stores_and_reports(guidelines, tmp_path, platform):
    arguments = ("run", "g1", "g4", "--platform", platform, "--runs", 4, "--processes", 2)
    code, out, err = guidelines(*arguments, "--out", "mine")
    assert code == 0, err
    assert "Table 1 · G1: Channel ratio" in out
    assert "Table 4 · G4: Element-wise operations" in out
    assert "4/4 rounds" in err or "rounds" in err

    jsonschema.validate(json.loads((tmp_path / "mine" / "run.json").read_text()), SCHEMA)
    run = run_folders.read_run(tmp_path / "mine")
    assert complete(run)
    assert len(run.processes) == 2
    assert all(len(entry.order) == 26 for entry in run.rounds)
    assert run.fingerprint.cpu_model
    assert run.sessions[0].command[3:5] == ["run", "g1"]
    assert (tmp_path / "mine" / "report" / "report.html").exists()

    code, out, err = guidelines("show", "mine", "--json")
    assert code == 0, err
    objects = json.loads(out)
    assert len(objects) == 24
    assert all(entry["samples"] == 4 and entry["processes"] == 2 for entry in objects)
    assert {entry["platform"] for entry in objects} == {platform}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins nothing")
@pytest.mark.alone
def test_workers_are_kept_on_the_core_asked_for(guidelines, tmp_path):
    core = min(os.sched_getaffinity(0))
    arguments = ("run", "g4", "--runs", 2, "--processes", 2, "--core", core, "--out", "mine")
    code, out, err = guidelines(*arguments)
    assert code == 0, err
    assert f"on core {core}" in out
    run = run_folders.read_run(tmp_path / "mine")
    assert [process.core for process in run.processes] == [core, core]
    assert run.protocol.core == str(core)
    again = guidelines("run", "g4", "--runs", 2, "--processes", 2, "--out", "mine", "--resume")
    complains(again, 2, rf"core \({core} / None\)")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins nothing")
@pytest.mark.parametrize("core", ["4096", "cortex-z1", "0-4096"])
def test_a_core_that_is_not_there_is_bad_input(guidelines, tmp_path, core):
    result = guidelines("run", "g4", "--runs", 1, "--core", core, "--out", "mine")
    complains(result, 2, f"--core {core} cannot be measured", "the cores there, which are")
    assert not run_folders.has_run(tmp_path / "mine")


@pytest.fixture
def small(once, tmp_path):
    """A copy, in the empty folder, of a small run that lies where runs lie; and what it said."""
    folder, said = once("small", "run", "g4", "--runs", 2, "--json")
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (run,) = (tmp_path / "results" / "runs").iterdir()
    return run, said


def test_json_goes_to_standard_output_alone(small):
    folder, (code, out, err) = small
    assert code == 0, err
    assert len(json.loads(out)) == 12
    assert re.fullmatch(r"cpu-\d{8}-\d{6}", folder.name)


def test_quiet_says_only_where_the_run_is(guidelines):
    code, out, err = guidelines("run", "g4", "--runs", 1, "--quiet", "--out", "here")
    assert (code, out, err) == (0, "here\n", "")


@pytest.mark.slow
def test_the_gpu_channel_set_and_the_other_unit_can_be_chosen(guidelines):
    code, out, err = guidelines(
        "run", "g4", "--runs", 1, "--channels", "gpu", "--g4-unit", "equal-width", "--json"
    )
    assert code == 0, err
    first = json.loads(out)[0]
    assert first["paper_speed"] == 2427
    assert first["multiply_adds"] == 10 * 28 * 28 * (32 * 32 * 2 + 9 * 32 * 32)


def worker_of(process):
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
    )
    return int(listed.stdout.split()[0])


@pytest.mark.parametrize("victim", slow_but_first("kill", "ctrl-c", "worker", "controller"))
def test_an_interrupted_run_keeps_its_rounds_and_is_finished(command, guidelines, tmp_path, victim):
    arguments = ("run", "g4", "--runs", 40, "--processes", 2, "--out", "mine")
    process = command(*arguments)
    folder = tmp_path / "mine"
    wait_for(folder, "rounds", 2)
    if victim == "controller":
        process.kill()
    elif victim == "worker":
        os.kill(worker_of(process), signal.SIGKILL)
    else:
        process.send_signal({"ctrl-c": signal.SIGINT, "kill": signal.SIGTERM}[victim])
    _, err = process.communicate(timeout=60)
    assert process.returncode == {"controller": -9, "worker": 3, "ctrl-c": 130, "kill": 130}[victim]
    assert "Traceback" not in err
    if victim != "controller":
        assert re.search(r"Rounds kept in mine: \d+", err)
        assert "--resume" in err
    kept = run_folders.read_run(folder)
    assert 2 <= len(kept.rounds) < 40

    complains(guidelines(*arguments), 2, "holds a run already", "--resume")
    complains(guidelines(*arguments[:3], 30, *arguments[4:], "--resume"), 2, r"runs \(40 / 30\)")
    assert run_folders.read_run(folder) == kept

    code, _, err = guidelines(*arguments, "--resume")
    assert code == 0, err
    run = run_folders.read_run(folder)
    assert run.rounds[: len(kept.rounds)] == kept.rounds
    assert len(run.rounds) == 40
    assert len(run.sessions) == 2
    counts = [sum(r.process == p.index for r in run.rounds) for p in run.processes]
    assert sum(counts) == 40
    objects = json.loads(guidelines("show", "mine", "--json")[1])
    assert {entry["samples"] for entry in objects} == {40}


def test_the_same_command_with_resume_finds_the_run_by_itself(guidelines, small, tmp_path):
    arguments = ("run", "g4", "--runs", 2)
    folder, (code, _, err) = small
    assert code == 0, err
    run = run_folders.read_run(folder)
    for compressed in (False, True):
        run_folders.write_run(folder, run.model_copy(update={"rounds": run.rounds[:1]}))
        if compressed:
            compress(folder / "run.json")
        code, out, err = guidelines(*arguments, "--resume")
        assert code == 0, err
        assert "/run.json\n" in out
        assert len(run_folders.read_run(folder).rounds) == 2
        assert {file.name for file in folder.iterdir()} == {"run.json", "report"}
        assert list((tmp_path / "results" / "runs").iterdir()) == [folder]


def test_resume_begins_a_run_where_there_is_none(guidelines, tmp_path):
    code, _, err = guidelines("run", "g4", "--runs", 1, "--out", "empty", "--resume")
    assert code == 0, err
    assert complete(run_folders.read_run(tmp_path / "empty"))


def test_a_run_of_another_machine_is_not_continued(guidelines, tmp_path):
    foreign = run_of(["g4"], lambda *_: 1.0, rounds=(1,))
    foreign = foreign.model_copy(
        update={
            "platform": foreign.platform.model_copy(
                update={"description": "ONNX Runtime on this machine's CPU"}
            ),
            "protocol": foreign.protocol.model_copy(update={"runs": 2}),
        }
    )
    run_folders.write_run(tmp_path / "mine", foreign)
    before = (tmp_path / "mine" / "run.json").read_bytes()
    result = guidelines("run", "g4", "--runs", 2, "--processes", 1, "--out", "mine", "--resume")
    complains(result, 2, "not the platform", "cpu_model")
    assert (tmp_path / "mine" / "run.json").read_bytes() == before


def test_report_takes_the_newest_run_and_needs_no_torch(guidelines, tmp_path):
    for age, name in enumerate(["new", "old"]):
        folder = tmp_path / "results" / "runs" / name
        run_folders.write_run(folder, run_of(["g1"], noisy(lambda _: 1.0)))
        os.utime(folder / "run.json", (10**9 - age, 10**9 - age))
    code, out, err = guidelines("report")
    assert code == 0, err
    assert out.strip() == "results/runs/new/report/report.html"
    assert not (tmp_path / "results" / "runs" / "old" / "report").exists()
    code, out, err = guidelines("report", "results/runs/old", "--out", "elsewhere")
    assert code == 0, err
    assert (tmp_path / "elsewhere" / "g1.svg").exists()


def test_a_run_whose_claims_were_changed_is_not_continued(guidelines, small):
    folder, (code, _, err) = small
    assert code == 0, err
    run = run_folders.read_run(folder)
    cells = [replace(run.cells[0], multiply_adds=5), *run.cells[1:]]
    changed = run.model_copy(update={"rounds": run.rounds[:1], "cells": cells})
    run_folders.write_run(folder, changed)
    complains(guidelines("run", "g4", "--runs", 2, "--out", folder, "--resume"), 2, "have changed")
    assert run_folders.read_run(folder) == changed


def test_a_full_standard_output_is_one_sentence(command):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "guidelines", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    complains((done.returncode, "", done.stderr), 3, "disk is full")


def test_a_reader_that_has_enough_is_no_error():
    script = f"{sys.executable} -m guidelines list | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Experiments\n", "")


def test_list_names_everything(guidelines):
    code, out, _ = guidelines("list")
    assert code == 0
    for word in ("g1", "g2", "g3", "g4", "Table 3", "15 cells", "cpu", "cpu-torch"):
        assert word in out


def test_help_and_list_stay_light():
    script = (
        "import sys, runpy; sys.argv[1:] = [{!r}]\n"
        "try: runpy.run_module('guidelines', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {{'torch', 'pandas', 'scipy', 'matplotlib', 'onnx'}} & set(sys.modules)\n"
        "print('loaded', sorted(heavy), file=sys.stderr)"
    )
    for word in ("--help", "list"):
        done = subprocess.run(
            [sys.executable, "-c", script.format(word)], capture_output=True, text=True
        )
        assert done.stderr.strip() == "loaded []"


def test_doctor_speaks(guidelines):
    code, out, err = guidelines("doctor")
    assert code == 0, err
    assert out.strip()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "g5"], 2, ["no experiment 'g5'", "Did you mean g"]),
        (["run", "channels"], 2, ["no experiment", "Known: g1"]),
        (["run", "g1", "--platform", "cpu-troch"], 2, ["Did you mean cpu-torch"]),
        (["run", "g1", "--platform", "nowhere.toml"], 2, ["nowhere.toml cannot be read"]),
        (["run", "g1", "--runs", "0"], 2, ["--runs"]),
        (["run", "g1", "--runs", "-3"], 2, ["--runs"]),
        (["run", "g1", "--runs", "many"], 2, ["--runs"]),
        (["run", "g1", "--runs", "3", "--processes", "4"], 2, ["--processes 4", "--runs 3"]),
        (["run", "g1", "--channels", "tpu"], 2, ["--channels"]),
        (["run", "all", "g4", "--channels", "exact"], 2, ["is for g1, g2, g3", "measure g4 with"]),
        (["run", "g1", "--out", "a-file"], 2, ["a-file cannot be written"]),
        (["run", "g1", "--out", "a-file/below"], 2, ["cannot be written"]),
        (["run"], 2, ["EXPERIMENT"]),
        (["show", "nowhere"], 2, ["no run at nowhere"]),
        (["show", "a-file"], 2, ["truncated or not JSON|not JSON"]),
        (["report"], 2, ["no stored run", "make tables"]),
        (["report", "one", "two", "--out", "x"], 2, ["one run only"]),
        (["shwo", "x"], 2, ["shwo"]),
        (["run", "g1", "--seed", "4294967296"], 2, ["--seed"]),
        (["show", "a-fiel"], 2, ["Did you mean a-file"]),
        (["run", "g1", "--platform", "./a-fiel"], 2, ["Did you mean a-file"]),
        (["run", "g4", "--runs", "1", "--out", "x" * 300], 2, ["cannot be written"]),
        (["show", "x" * 300], 2, ["cannot be read"]),
    ],
)
def test_bad_input_is_one_sentence(guidelines, tmp_path, arguments, code, words):
    (tmp_path / "a-file").write_text("mine")
    complains(guidelines(*arguments), code, *words)
    assert (tmp_path / "a-file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a-file"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name = ", ["not valid TOML"]),
        ('name = "a"', ["backend"]),
        ('name = "../a"\nbackend = "onnxruntime-cpu"', ["name"]),
        ('name = "a"\nbackend = "onnxruntime-cqu"', ["Did you mean onnxruntime-cpu"]),
        ('name = "a"\nbackend = "torch-cpu"\ncolour = 1', ["colour"]),
        ('name = "a"\nbackend = "torch-cpu"\nthreads = 0', ["threads"]),
        ('name = "a"\nbackend = "torch-cpu"\nthreads = "2"', ["threads"]),
        ('name = "a"\nbackend = "torch-cpu"\nthreads = 100000', ["threads"]),
    ],
)
def test_bad_platform_files_are_one_sentence(guidelines, tmp_path, content, words):
    (tmp_path / "mine.toml").write_text(content)
    complains(guidelines("run", "g1", "--platform", "mine.toml"), 2, *words)


def test_a_platform_file_of_ones_own_is_measured(guidelines, tmp_path):
    (tmp_path / "mine.toml").write_text('name = "board"\nbackend = "onnxruntime-cpu"\n')
    code, out, err = guidelines("run", "g4", "--runs", 1, "--platform", "mine.toml", "--json")
    assert code == 0, err
    assert {entry["platform"] for entry in json.loads(out)} == {"board"}


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_writable_is_one_sentence(guidelines, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    complains(guidelines("run", "g4", "--runs", 1, "--out", "locked/run"), 2, "cannot be written")
