"""A fleet is driven: all devices at once, each for itself, and what is done is not done again."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from guideline_benchmarks.guidelines.session import threads
from guideline_benchmarks.guidelines.session.fleet import (
    device_lock,
    engine,
)
from guideline_benchmarks.guidelines.session.fleet.attempt import Task
from guideline_benchmarks.guidelines.session.fleet.driving import Driving, run_fleet
from guideline_benchmarks.guidelines.session.fleet.engine import OWN, Engine, own_engine
from guideline_benchmarks.guidelines.session.fleet.jobs import read_jobs
from guideline_benchmarks.results.errors import (
    BadInputError,
    CheckFailedError,
    PlatformError,
)
from guideline_benchmarks.results.fleet.wanted import read_wanted
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from tests.fleet_machines import RUN, drive, record, words
from tests.program import wait_until

pytest.importorskip("distributed", reason="there is no Dask: make fleet installs it")


def test_all_devices_are_measured_at_the_same_time_and_compared(machines, capsys):
    machines.everyone = threading.Barrier(3)
    drive("a", "b", "c")
    assert set(words().values()) == {"done"}
    for device in "abc":
        assert complete(run_folders.read_run(record(device)))
    said = capsys.readouterr()
    assert "Page: out/compare/compare.html" in said.out
    assert "Dask's dashboard: http://127.0.0.1:" in said.err
    assert "a onnxruntime-1t-fp32: done (6/6)" in said.err
    assert "3 records: 3 done" in said.err


def test_a_quiet_fleet_says_only_where_its_page_is(machines, capsys):
    drive("a", "b", quiet=True)
    assert capsys.readouterr() == ("out/compare/compare.html\n", "")


def test_nothing_is_given_to_a_device_whose_name_two_workers_carry(machines, monkeypatch):
    reason = "there are 2 units of the resource a, and must be 1."
    monkeypatch.setattr(Engine, "without_worker", lambda *_: {"a": reason})
    with pytest.raises(CheckFailedError, match="1 of 2 records failed") as failed:
        drive("a", "b", patience=0.3)
    assert failed.value.faults == [f"a onnxruntime-1t-fp32: {reason}"]
    assert [*machines.begun] == ["b"]
    assert words() == {"a": "failed", "b": "done"}


def test_a_device_is_taken_back_while_it_has_no_worker_and_goes_on_when_it_has(
    machines, monkeypatch
):
    # It has one, and has none, and has one again.
    answers = iter([{}, {"a": "no worker"}, {"a": "no worker"}])
    monkeypatch.setattr(Engine, "without_worker", lambda *_: next(answers, {}))
    machines.seconds = 0.05
    drive("a", "b")
    assert machines.overlapping == []
    assert words() == {"a": "done", "b": "done"}


def test_two_fleets_of_one_cluster_that_call_devices_alike_get_their_own_records(machines):
    Path("fleet.toml").write_text(RUN + '[[device]]\nname = "a"\nplatform = "ssh:a"\n')
    (job,) = read_jobs(Path("fleet.toml"))
    folders = [Path("one").resolve(), Path("two").resolve()]
    with own_engine(["a"]) as own:
        engines = [own, Engine(own.client, OWN)]
        for each, folder in zip(engines, folders, strict=True):
            each.submit("a", [Task(job, folder, device_lock.lock_of(job, "0" * 32, False), 60.0)])
        wait_until(lambda: not any(each.unfinished() for each in engines), "both fleets")
        assert [one.folder for each in engines for one in each.outcomes()] == folders


def test_an_error_of_dasks_own_is_a_failure_that_is_said_in_whole(machines, monkeypatch):
    def broken(*_):
        raise RuntimeError("Error during deserialization. This frequently\noccurs.\n")

    monkeypatch.setattr(engine, "attempt", broken)
    monkeypatch.setattr(engine, "RETRIES", 0)
    with pytest.raises(CheckFailedError) as failed:
        drive("a")
    said = "RuntimeError: Error during deserialization. This frequently occurs."
    assert failed.value.faults == [f"a onnxruntime-1t-fp32: {said}"]


def test_a_device_has_one_measurement_at_a_time(machines):
    machines.seconds = 0.05
    drive("a", "b", head=RUN + "threads = [1, 2, 4]\n")
    assert machines.overlapping == []
    assert [name for name, _ in machines.begun["a"]] == [
        f"onnxruntime-{threads}t-fp32" for threads in (1, 2, 4)
    ]


def test_what_is_done_is_not_done_again(machines):
    drive("a", "b")
    machines.begun.clear()
    drive("a", "b", "c")
    assert machines.begun == {"c": [("onnxruntime-1t-fp32", 0)]}


def test_a_record_that_was_changed_since_is_said_so_and_looked_at_again(machines):
    drive("a")
    run_folders.write_run(record("a"), measured_part(record("a"), 4))
    assert words() == {"a": "changed"}
    machines.begun.clear()
    drive("a")
    assert machines.begun == {"a": [("onnxruntime-1t-fp32", 4)]}
    assert words() == {"a": "done"}


@pytest.mark.parametrize("kept", [6, 4])
def test_a_record_of_something_else_is_told_before_anything_starts(machines, kept):
    drive("a", "b")
    run_folders.write_run(record("b"), measured_part(record("b"), kept))
    before = read_wanted(Path("out"))
    machines.begun.clear()
    head = RUN.replace("runs = 6", "runs = 8").replace('"g2"', '"g2", "g3"')
    with pytest.raises(BadInputError, match="records of something else") as raised:
        drive("a", "b", "c", head=head)
    assert [fault.partition(" (")[0] for fault in raised.value.faults] == [
        "experiments",
        "networks",
        "runs",
    ]
    assert raised.value.faults[-1] == "runs (6 / 8): a onnxruntime-1t-fp32 and 1 more"
    assert machines.begun == {}
    assert read_wanted(Path("out")) == before


def test_records_with_all_threads_and_at_another_address_are_the_same(machines, monkeypatch):
    monkeypatch.setattr(threads, "most_threads", lambda *_: 4)
    monkeypatch.setattr(threads, "launcher_of", lambda *_, **__: None)
    head = RUN + 'threads = ["all"]\n'
    drive("a", head=head)
    machines.begun.clear()
    monkeypatch.setattr(threads, "most_threads", unreachable)
    Path("fleet.toml").write_text(f'{head}[[device]]\nname = "a"\nplatform = "ssh:pi@other"\n')
    run_fleet(read_jobs(Path("fleet.toml")), Path("out"), Driving())
    assert machines.begun == {}


def unreachable(*_):
    raise AssertionError("a machine was asked")


def measured_part(folder, rounds):
    run = run_folders.read_run(folder)
    kept = {"rounds": run.rounds[:rounds], "processes": run.processes[:rounds]}
    return run.model_copy(update=kept)


def test_where_dask_is_missing_the_command_that_installs_it_is_said(machines, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(PlatformError, match=r"A fleet needs distributed: pip install"):
        drive("a")
