"""Boards of a fleet go and come, and its driver ends at any moment."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from guideline_benchmarks.guidelines.session.fleet import (
    attempt,
    driving,
    stopping,
)
from guideline_benchmarks.results.errors import (
    BadInputError,
    CheckFailedError,
    GoneError,
    PlatformError,
)
from guideline_benchmarks.results.fleet.state import read_state
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.files import locked
from tests.fleet_machines import GONE, RUN, drive, record, words
from tests.program import wait_until

pytest.importorskip("distributed", reason="there is no Dask: make fleet installs it")


def test_a_device_that_is_lost_while_it_measures_goes_on_with_what_is_missing(machines):
    machines.ends = {"a": [(2, GoneError(GONE)), (4, GoneError(GONE))]}
    drive("a", "b")
    assert machines.begun["a"] == [("onnxruntime-1t-fp32", stored) for stored in (0, 2, 4)]
    assert machines.begun["b"] == [("onnxruntime-1t-fp32", 0)]
    assert len(run_folders.read_run(record("a")).rounds) == 6


def test_a_device_that_does_not_answer_is_asked_after_growing_pauses(machines, monkeypatch):
    paused = []

    def pause(seconds):
        paused.append(seconds)

    monkeypatch.setattr(attempt, "pause", pause)
    monkeypatch.setattr(attempt, "FIRST_PAUSE", 60.0)
    machines.ends = {"a": [(2, GoneError(GONE)), *[(2, GoneError(GONE))] * 9]}
    drive("a", patience=3600)
    # It is asked at once when it was lost, and not more than once a minute from then on.
    assert paused[:5] == [0.0, 0.0, 60.0, 90.0, 135.0]
    assert max(paused) == attempt.LONGEST_PAUSE == paused[-1]


@pytest.mark.parametrize(
    ("failures", "left", "seconds"),
    [(0, 0.0, 0.0), (2, 3600.0, 90.0), (9, 3600.0, 600.0), (9, 250.0, 250.0), (9, 5.0, 60.0)],
)
def test_no_pause_outlasts_patience_by_more_than_a_minute(failures, left, seconds, monkeypatch):
    monkeypatch.setattr(attempt, "FIRST_PAUSE", 60.0)
    assert attempt.pause_before(failures, left) == seconds


def test_a_device_that_stays_away_is_given_up_and_the_others_are_measured(machines):
    machines.ends = {"a": [(0, GoneError(GONE))] * 1000}
    with pytest.raises(CheckFailedError) as failed:
        drive("a", "b", patience=0.3)
    assert str(failed.value) == "1 of 2 records failed:"
    (fault,) = failed.value.faults
    said = rf"a onnxruntime-1t-fp32: Given up after \d+ s\. {re.escape(GONE)}"
    assert re.fullmatch(said, fault)
    assert words() == {"a": "failed", "b": "done"}
    # Asked again it is when the fleet goes on.
    machines.ends.clear()
    drive("a", "b")
    assert words() == {"a": "done", "b": "done"}


def test_a_device_that_was_given_up_is_asked_once_for_each_further_record(machines):
    machines.ends = {"a": [(0, GoneError(GONE))] * 1000}
    with pytest.raises(CheckFailedError, match="2 of 2 records failed"):
        drive("a", head=RUN + "threads = [1, 2]\n", patience=0.3)
    asked = [name for name, _ in machines.begun["a"]]
    assert asked.count("onnxruntime-1t-fp32") > 1
    assert asked.count("onnxruntime-2t-fp32") == 1


def test_a_record_that_a_worker_has_written_elsewhere_is_not_believed(machines, monkeypatch):
    monkeypatch.setattr(attempt, "digest", lambda _: "0" * 64)
    with pytest.raises(CheckFailedError) as failed:
        drive("a")
    (fault,) = failed.value.faults
    assert "which is not seen here: choose an --out on a file system that all share." in fault


def test_what_cannot_be_mended_by_waiting_is_said_at_once(machines):
    machines.ends = {"a": [(2, BadInputError("This is not the platform that it was begun on."))]}
    with pytest.raises(CheckFailedError) as failed:
        drive("a", "b")
    (fault,) = failed.value.faults
    assert fault.endswith("This is not the platform that it was begun on.")
    assert len(machines.begun["a"]) == 1
    assert read_state(record("a")).stored == 2


def test_a_second_driver_of_the_same_folder_is_refused(machines):
    with locked(Path("out")), pytest.raises(BadInputError, match="Another process is measuring"):
        drive("a")


def test_ctrl_c_keeps_all_and_the_same_command_goes_on(machines, monkeypatch, capsys):
    machines.seconds = 0.2

    def pressed(own, work, *_):
        for device, tasks in work.items():
            own.submit(device, tasks)
        wait_until(lambda: read_state(record("a")).stored >= 2, "two rounds")
        raise KeyboardInterrupt

    monkeypatch.setattr(driving, "_wait", pressed)
    with pytest.raises(typer.Exit) as left:
        drive("a", "b")
    assert left.value.exit_code == 130
    said = capsys.readouterr()
    assert "0 of 2 records in out are done, and all that was measured is kept" in said.err
    assert set(words().values()) == {"stopped"}
    assert 2 <= len(run_folders.read_run(record("a")).rounds) < 6


def test_what_is_ended_with_all_else_has_not_failed(machines, monkeypatch):
    """What the device waited for is killed, and complains."""

    def pressed(engine, work, *_):
        engine.submit("a", work["a"])
        wait_until(lambda: machines.busy == {"a"}, "a start")
        stopping._STOP.set()
        machines.everyone.abort()
        raise KeyboardInterrupt

    def ended(*_):
        with suppress(threading.BrokenBarrierError):
            machines.everyone.wait(60)
        raise PlatformError("labgrid does not give the place.")

    machines.everyone = threading.Barrier(2)
    monkeypatch.setattr(machines, "_execute", ended)
    monkeypatch.setattr(driving, "_wait", pressed)
    with pytest.raises(typer.Exit):
        drive("a")
    assert words() == {"a": "stopped"}


def test_work_is_ended_when_the_driver_fails(machines, monkeypatch):
    machines.seconds = 0.1

    def failed(own, work, *_):
        own.submit("a", work["a"])
        raise PlatformError("The scheduler is gone.")

    monkeypatch.setattr(driving, "_wait", failed)
    with pytest.raises(PlatformError, match=r"The scheduler is gone\. 0 of 1 records in out are"):
        drive("a")
    assert machines.busy == set()
    assert stopping.is_stopped()
