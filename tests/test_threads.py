"""Several threads: asked for, kept on a core each, and shown to have been busy or not."""

from __future__ import annotations

import os

import pytest

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session.gate import sides
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.reports.run.heading import describe, warnings
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate.trial import TrialProtocol
from guideline_benchmarks.results.history.history import digest, history_of
from guideline_benchmarks.results.store.run_folders import read_run, write_run
from guideline_benchmarks.results.tables.threads import threads_busy
from guideline_benchmarks.runners.worker.backends import onnxruntime_cpu
from guideline_benchmarks.runners.worker.backends.interface import Settings
from guideline_benchmarks.runners.worker.machine import cores
from tests.program import BOTH_RUNTIMES
from tests.synthetic import FINGERPRINT, run_of, valid


def with_threads(number, busy):
    """A run on so many threads, of which so many were busy all the time."""
    run = run_of(["g1"], lambda *_: 2.0, rounds=(2, 2))
    content = run.model_dump()
    content["platform"]["threads"] = number
    for entry in content["rounds"]:
        entry["cpu_ns"] = [round(busy * ns) for ns in entry["ns"]]
    return valid(content)


def test_all_are_as_many_as_a_worker_can_have():
    here = os.sched_getaffinity(0)
    asked = plan(select(["g1"]), "cpu", Options(threads="all"))
    assert asked.platform.threads == len(cores.choose(None, None)) >= 1
    try:
        os.sched_setaffinity(0, {min(here)})
        assert plan(select(["g1"]), "cpu", Options(threads="all")).platform.threads == 1
    finally:
        os.sched_setaffinity(0, here)
    one = plan(select(["g1"]), "cpu", Options(threads="all", core=str(min(here))))
    assert one.platform.threads == 1


@pytest.mark.parametrize(
    ("platform", "wanted", "said"),
    [
        ("cpu", "two", "--threads 'two' is neither a number from 1 to 256 nor all"),
        ("cpu", "-1", "neither a number"),
        ("cpu", "²", "neither a number"),
        ("cpu", "0", "--threads '0' is neither a number from 1 to 256"),
        ("cpu", "999", "neither a number from 1"),
        ("cpu", "9" * 5000, "--threads '9{20}' is neither"),
        ("cuda", "2", "runs on a GPU"),
        ("arm-emulated", "2", "counts what one thread executes"),
        ("cpu-counted", "all", "counts what one thread executes"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(platform, wanted, said):
    with pytest.raises(BadInputError, match=said):
        plan(select(["g1"]), platform, Options(threads=wanted))


def test_platform_files_choose_threads_and_the_option_goes_first(tmp_path):
    file = tmp_path / "two.toml"
    file.write_text('name = "two"\nbackend = "onnxruntime-cpu"\nthreads = 2\n')
    assert plan(select(["g1"]), str(file)).platform.threads == 2
    assert plan(select(["g1"]), str(file), Options(threads="3")).platform.label == "two, 3 threads"
    assert plan(select(["g1"]), "cpu").platform.label == "cpu"


@pytest.mark.parametrize("threads", ["0", "257", '"2"', '"all"', "2.0", "true", "[2]"])
def test_a_platform_file_with_no_such_number_is_refused(tmp_path, threads):
    file = tmp_path / "odd.toml"
    file.write_text(f'name = "odd"\nbackend = "onnxruntime-cpu"\nthreads = {threads}\n')
    with pytest.raises(BadInputError, match=r"threads: .* is no whole number from 1 to 256\.$"):
        plan(select(["g1"]), str(file))
    file.write_text('name = "odd"\nthreads = 2\n')
    with pytest.raises(BadInputError, match=r"odd.toml: backend is missing\.$"):
        plan(select(["g1"]), str(file))


def test_more_threads_than_cores_are_refused_before_anything_is_measured(guidelines, tmp_path):
    code, _, err = guidelines("run", "g1", "--threads", "200", "--out", str(tmp_path / "run"))
    assert code == 2
    assert "--threads 200 cannot be measured: 200 threads need as many cores of one kind" in err
    assert not (tmp_path / "run" / "run.json").exists()


def test_reports_say_how_many_threads_were_busy():
    run = with_threads(2, 1.87)
    assert threads_busy(run) == pytest.approx(1.87)
    assert "2 threads" in dict(describe(run))["Protocol"]
    assert "(1.87 of them busy in the mean)" in dict(describe(run))["Protocol"]
    assert not any("one alone was busy" in said for said in warnings(run))


def test_titles_tell_runs_of_one_platform_apart():
    run = with_threads(2, 1.9)
    bf16 = run.model_copy(
        update={"protocol": run.protocol.model_copy(update={"precision": "bf16"})}
    )
    assert (run.label, bf16.label) == ("cpu, 2 threads", "cpu, 2 threads, bf16")
    assert dict(describe(bf16))["Platform"].startswith("cpu, 2 threads, bf16 (")


def test_both_sides_of_a_trial_have_the_threads_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(sides, "identify", lambda *_: FINGERPRINT)
    monkeypatch.setattr(sides.runs, "prepare", lambda *_: ([], [], {}))
    asked = sides.AskedSide("cpu")
    question = sides.question(["g4"], asked, asked, TrialProtocol(), Options(threads="2"))
    trial, _ = sides.begin(question, tmp_path)
    assert (trial.a.platform.threads, trial.b.platform.threads) == (2, 2)


def test_a_runtime_that_ignored_the_setting_is_a_warning():
    (said,) = (said for said in warnings(with_threads(2, 1.01)) if "one alone was busy" in said)
    assert "Of 2 threads one alone was busy (1.01 in the mean)" in said


def test_one_thread_is_as_it_always_was():
    run = run_of(["g1"], lambda *_: 2.0, rounds=(2, 2))
    assert threads_busy(run) is None
    assert "busy" not in dict(describe(run))["Protocol"]


def test_a_history_is_of_one_number_of_threads(tmp_path):
    for number in (1, 2):
        write_run(tmp_path / str(number), with_threads(number, 1.0))
    found = [digest(tmp_path / str(number)) for number in (1, 2)]
    assert len(history_of(found).runs) == 1


@pytest.mark.usefixtures("several_cores")
@pytest.mark.alone
@pytest.mark.parametrize("backend", BOTH_RUNTIMES)
def test_two_threads_are_measured_on_two_cores(guidelines, tmp_path, backend):
    out = tmp_path / "run"
    asked = ("run", "g4", "--platform", backend, "--threads", "2", "--runs", "2", "--quiet")
    code, _, err = guidelines(*asked, "--processes", "1", "--out", str(out))
    assert code == 0, err
    run = read_run(out)
    assert run.platform.threads == 2
    assert len(run.processes[0].core) == 2
    # How many were busy depends on what else runs; that it was kept does not.
    assert threads_busy(run) > 0


def test_threads_of_one_network_s_session_do_not_spin_while_the_next_is_timed():
    """Interleaved, networks took 2.4 times as long on two threads as in a loop of their own."""
    entry = "session.force_spinning_stop"
    several = onnxruntime_cpu.open_backend(Settings(2, "eager", "fp32")).options()
    assert several.get_session_config_entry(entry) == "1"
