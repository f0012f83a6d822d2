"""A machine is known by its hardware and by the name that its user gave it, never by its host's."""

from __future__ import annotations

import json

import pytest

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session.gate.trials import _continued
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.reports.run.heading import describe
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate.regression import judge_run
from guideline_benchmarks.results.history.history import digest, folders_in, history_of
from guideline_benchmarks.results.record.same_machine import (
    changed_software,
    differing_fields,
    other_machine,
    refuse_other_machine,
)
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.runners.launcher import launcher_of
from guideline_benchmarks.runners.platform_file import load_platform
from tests.program import complains
from tests.synthetic import FINGERPRINT, noisy, run_of, valid
from tests.synthetic_trials import trial_of


def changed(**fields):
    return FINGERPRINT.model_copy(update=fields)


def of_machine(seed, **fields):
    run = run_of(["g4"], noisy(lambda _: 5.0, noise=0.004, seed=seed))
    return run.model_copy(update={"fingerprint": changed(**fields)})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"hostname": "3f9a1c77d2e0"}, {}),
        ({"hostname": "3f9a1c77d2e0", "machine": "bench"}, {"machine": "bench"}),
        ({"hostname": "3f9a1c77d2e0", "machine": "bench"}, {}),
        ({}, {"hostname": "3f9a1c77d2e0", "machine": "bench"}),
    ],
)
def test_a_hostname_refuses_nothing_nor_does_a_name_on_one_side(one, other):
    one, other = changed(**one), changed(**other)
    assert other_machine(one, other) == []
    refuse_other_machine(one, other)
    (said, *_) = changed_software(one, other)
    assert said.startswith("hostname (")


@pytest.mark.parametrize(
    ("virtualisation", "may"),
    [("virtual machine (Xen), container", True), ("container", False), (None, False)],
)
def test_the_memory_of_a_virtual_machine_may_grow_while_it_is_measured(virtualisation, may):
    one = changed(virtualisation=virtualisation)
    other = changed(virtualisation=virtualisation, memory=2 * FINGERPRINT.memory)
    assert (other_machine(one, other) == []) == may
    assert (differing_fields(one, other) == []) == may


@pytest.mark.parametrize("hostname", ["bench", "3f9a1c77d2e0"])
def test_two_names_are_two_machines(hostname):
    one, other = changed(machine="bench"), changed(machine="desk", hostname=hostname)
    assert other_machine(one, other) == ["machine (bench / desk)"]
    with pytest.raises(BadInputError, match=r"machine \(bench / desk\)"):
        refuse_other_machine(one, other)


def test_one_name_does_not_make_one_machine_of_other_hardware():
    one, other = changed(machine="bench"), changed(machine="bench", cores=FINGERPRINT.cores + 1)
    assert len(other_machine(one, other)) == 1
    with pytest.raises(BadInputError, match="cores"):
        refuse_other_machine(one, other)


def test_a_check_takes_another_container_of_the_same_machine_and_says_so():
    judged = judge_run(of_machine(1, hostname="3f9a1c77d2e0"), of_machine(2))
    assert judged.objections(strict=True) == []
    assert any("hostname (bench / 3f9a1c77d2e0)" in remark for remark in judged.remarks)


def test_a_trial_is_continued_in_another_container(tmp_path):
    earlier = trial_of(["g4"])
    a = earlier.a.model_copy(update={"fingerprint": changed(hostname="3f9a1c77d2e0")})
    _continued(earlier, earlier.model_copy(update={"a": a}), tmp_path)
    b = earlier.b.model_copy(update={"fingerprint": changed(cpu_model="another")})
    with pytest.raises(BadInputError, match="Side B is not what it was"):
        _continued(earlier, earlier.model_copy(update={"b": b}), tmp_path)


@pytest.mark.parametrize(
    ("first", "kept"),
    [
        ({"hostname": "3f9a1c77d2e0"}, 2),
        ({"hostname": "3f9a1c77d2e0", "machine": "bench"}, 2),
        ({"machine": "desk"}, 1),
    ],
)
def test_a_history_goes_on_over_hostnames_and_not_over_names(tmp_path, first, kept):
    for day, fields in ((1, first), (2, {"machine": "bench"})):
        run = of_machine(day, **fields)
        started = f"2026-01-0{day}T00:00:00+00:00"
        session = run.sessions[0].model_copy(update={"started": started})
        run_folders.write_run(tmp_path / str(day), run.model_copy(update={"sessions": [session]}))
    told = history_of([digest(folder) for folder in folders_in(tmp_path)])
    assert len(told.runs) == kept
    assert told.runs[-1].called == "bench"
    assert any("(desk) are left out" in said for said in told.left_out) == (kept == 1)


def test_records_without_a_name_are_read_and_reports_tell_a_name():
    content = json.loads(of_machine(1).model_dump_json())
    del content["fingerprint"]["machine"], content["platform"]["machine"]
    assert valid(content) == of_machine(1)
    assert "Machine" not in dict(describe(of_machine(1)))
    assert dict(describe(of_machine(1, machine="bench")))["Machine"] == "bench"


@pytest.fixture
def platform_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nbackend = "onnxruntime-cpu"\nmachine = "by the file"\n')
    return str(file)


def test_a_machine_is_named_by_option_variable_or_file_in_that_order(
    platform_file, tmp_path, monkeypatch
):
    monkeypatch.delenv("GUIDELINES_MACHINE", raising=False)
    assert load_platform("cpu").machine == ""
    assert load_platform(platform_file).machine == "by the file"
    monkeypatch.setenv("GUIDELINES_MACHINE", "")
    assert load_platform(platform_file).machine == "by the file"
    monkeypatch.setenv("GUIDELINES_MACHINE", "by the variable")
    assert load_platform(platform_file).machine == "by the variable"
    assert load_platform(platform_file, "by the option").machine == "by the option"
    # Neither a board nor an emulated core is the machine that this program runs on.
    assert load_platform("ssh:pi@board").machine == ""
    assert load_platform("arm-emulated").machine == ""
    assert load_platform("ssh:pi@board", "pi in the rack").machine == "pi in the rack"
    asked = plan(select(["g4"]), "cpu", Options(machine="bench"))
    assert launcher_of(asked.platform, tmp_path).machine == "bench"


@pytest.mark.parametrize("name", ["two\nlines", "x" * 101, "bell\a", "\udce9"])
def test_what_can_be_no_name_is_refused_before_anything_is_measured(guidelines, tmp_path, name):
    words = ("run", "g4", "--runs", 1, "--out", "mine")
    complains(guidelines(*words, "--machine", name), 2, "--machine|not UTF-8")
    named = {"GUIDELINES_MACHINE": name}
    complains(guidelines(*words, environment=named), 2, "GUIDELINES_MACHINE")
    assert not (tmp_path / "mine").exists()


def test_counts_are_of_no_machine(guidelines):
    words = ("run", "g4", "--platform", "arm-emulated", "--machine", "bench")
    complains(guidelines(*words), 2, "--machine", "counts are of no machine")


def test_a_named_machine_is_recorded_and_a_container_may_go_on_there(guidelines, tmp_path):
    words = ("run", "g4", "--runs", 2, "--processes", 1, "--out", "mine")
    code, _, err = guidelines(*words, "--machine", "bench", "--quiet")
    assert code == 0, err
    run = run_folders.read_run(tmp_path / "mine")
    assert (run.fingerprint.machine, run.platform.machine) == ("bench", "bench")
    elsewhere = run.fingerprint.model_copy(update={"hostname": "3f9a1c77d2e0"})
    begun = run.model_copy(update={"fingerprint": elsewhere, "rounds": run.rounds[:1]})
    run_folders.write_run(tmp_path / "mine", begun)
    named = {"GUIDELINES_MACHINE": "desk"}
    result = guidelines(*words, "--resume", environment=named)
    complains(result, 2, r"machine \(bench / desk\)")
    code, _, err = guidelines(*words, "--resume", "--quiet")
    assert code == 0, err
    assert len(run_folders.read_run(tmp_path / "mine").rounds) == 2
