"""A fleet is driven: all devices at once, boards that go and come, an end at any moment."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import typer

from guideline_benchmarks.guidelines.session import runs, threads
from guideline_benchmarks.guidelines.session.fleet import (
    attempt,
    device_lock,
    driving,
    engine,
    reporter,
    stopping,
)
from guideline_benchmarks.guidelines.session.fleet.attempt import Task
from guideline_benchmarks.guidelines.session.fleet.driving import Driving, run_fleet
from guideline_benchmarks.guidelines.session.fleet.engine import OWN, Engine, own_engine
from guideline_benchmarks.guidelines.session.fleet.jobs import read_jobs
from guideline_benchmarks.results.errors import (
    BadInputError,
    CheckFailedError,
    GoneError,
    PlatformError,
)
from guideline_benchmarks.results.fleet.overview import read_overview
from guideline_benchmarks.results.fleet.state import read_state
from guideline_benchmarks.results.fleet.wanted import read_wanted
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.files import locked
from tests.program import wait_until
from tests.test_matrix import measured

pytest.importorskip("distributed", reason="there is no Dask: make fleet installs it")

RUN = '[run]\nexperiments = ["g2"]\nruns = 6\nprocesses = 2\n'
GONE = "The connection to it was lost."


class Machines:
    """Measure nothing: they store runs by a formula, two rounds at a time, and fail as told.

    `ends` are by device what comes after how many rounds; of each device is kept how many rounds
    were there when it was begun, and how many were at work at once.
    """

    def __init__(self):
        self.ends = {}
        self.begun = {}
        self.busy = set()
        self.seconds = 0.0
        self.overlapping = []
        self.everyone = threading.Barrier(1)

    def execute(self, plan, folder, resume, watcher, preparing):
        device = folder.parent.name
        if device in self.busy:
            self.overlapping.append(device)
        self.busy.add(device)
        try:
            with locked(folder):
                return self._execute(plan, folder, watcher, device)
        finally:
            self.busy.discard(device)

    def _execute(self, plan, folder, watcher, device):
        earlier = runs.earlier_run(plan, folder, resume=True)
        stored = len(earlier.rounds) if earlier else 0
        if stored == plan.protocol.runs:
            return earlier
        self.begun.setdefault(device, []).append((folder.name, stored))
        self.everyone.wait(60)
        while stored < plan.protocol.runs:
            ends = self.ends.get(device)
            if ends and ends[0][0] == stored:
                raise ends.pop(0)[1]
            time.sleep(self.seconds)
            stored = min(stored + 2, plan.protocol.runs)
            run = measured(plan, stored)
            run_folders.write_run(folder, run)
            watcher.round_stored(run)
        return run


@pytest.fixture
def machines(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(attempt, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(driving, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(reporter, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(device_lock.DeviceLock, "release", lambda *_: None)
    found = Machines()
    monkeypatch.setattr(runs, "execute", found.execute)
    monkeypatch.setattr(runs, "prepare", lambda *_: None)
    # Nothing is started here, and what this process started for other tests must outlive a fleet.
    monkeypatch.setattr(psutil.Process, "children", lambda *_, **__: [])
    return found


def drive(*devices, head=RUN, out=Path("out"), patience=60.0, quiet=False):
    text = "".join(f'[[device]]\nname = "{name}"\nplatform = "ssh:{name}"\n' for name in devices)
    Path("fleet.toml").write_text(head + text)
    run_fleet(read_jobs(Path("fleet.toml")), out, Driving(patience=patience, quiet=quiet))


def record(device, name="onnxruntime-1t-fp32"):
    return Path("out/devices") / device / name


def words():
    return {one.record.device: one.word for one in read_overview(Path("out")).standings}


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


def test_where_dask_is_missing_the_command_that_installs_it_is_said(machines, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(PlatformError, match=r"A fleet needs distributed: pip install"):
        drive("a")
