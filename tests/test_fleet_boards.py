"""A fleet of boards, each OpenSSH's own server on loopback: ends, cuts, locks, and two emulated.

Boards replay recorded times, so that only what is between them and the desk is tried.
"""

from __future__ import annotations

import json
import re
import signal
import sys

import pytest

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session.fleet import jobs as fleet_jobs
from guideline_benchmarks.guidelines.session.fleet.driving import Driving, run_fleet
from guideline_benchmarks.guidelines.session.fleet.jobs import read_jobs
from guideline_benchmarks.guidelines.studies.fleet import boards as made
from guideline_benchmarks.guidelines.studies.fleet import loopback
from guideline_benchmarks.results.fleet.overview import read_overview
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.runners.worker_process import WorkerProcess
from tests.program import wait_for
from tests.small_program import smaller
from tests.synthetic import noisy, run_of

pytest.importorskip("distributed", reason="there is no Dask: make fleet installs it")
ROUNDS, PROCESSES = 12, 3
RECORD = "onnxruntime-1t-fp32"
# Its clock jumps by years whenever it is asked.
JUMPING = """\
import runpy, sys, time
now, jumps = time.time, iter(range(-10**9, 10**9, 10**8))
time.time = lambda: now() + next(jumps)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(autouse=True)
def needs_ssh():
    missing = loopback.missing()
    if missing:
        pytest.skip(f"no board can be set up: {missing}")


@pytest.fixture
def whole():
    """What a record of the experiment is without any fault; a sample takes a millisecond."""
    return run_of([made.EXPERIMENT], noisy(lambda _: 1.0), rounds=(4, 4, 4))


@pytest.fixture
def fleet(tmp_path, whole, command, cache):
    """Two boards, and how a fleet of them is driven from a folder."""
    with made.running(tmp_path / "boards", whole, [40.0, 40.0], tmp_path / "logs") as found:
        yield Fleet(tmp_path, found, command, cache)


class Fleet:
    def __init__(self, folder, boards, command, cache):
        self.folder = folder
        self.boards = boards
        self.command = command
        self.file = made.fleet_file(folder, boards, ROUNDS, PROCESSES)
        self.environment = {**made.client(folder, boards), "XDG_CACHE_HOME": str(cache)}

    def start(self, out="out", *options):
        words = ["fleet", "run", self.file, "--out", self.folder / out, *options]
        return self.command(*words, environment=self.environment)

    def finish(self, out="out", *options):
        process = self.start(out, *options)
        said, err = process.communicate(timeout=300)
        return process.returncode, said, err

    def record(self, board, out="out"):
        return self.folder / out / "devices" / board.folder.name / RECORD

    def words(self, out="out"):
        standings = read_overview(self.folder / out).standings
        return [one.word for one in standings]

    def measuring(self, board, rounds=1):
        """Wait until a board has so many rounds."""
        folder = self.record(board)
        try:
            wait_for(folder, "rounds", rounds)
        except AssertionError:
            # What keeps it from measuring stands there.
            raise AssertionError(read_overview(self.folder / "out").standings) from None

    def complete(self, whole):
        """Check that all records have the samples of an uninterrupted one, taken one by one."""
        wanted = None
        for board in self.boards:
            run = run_folders.read_run(self.record(board))
            orders = [entry.order for entry in run.rounds]
            wanted = wanted or orders
            assert len(orders) == ROUNDS
            assert orders == wanted
            assert made.overlaps(board, self.folder / "logs") == []


def test_a_driver_that_is_killed_loses_nothing_and_knows_its_own_locks(fleet, whole):
    driver = fleet.start()
    fleet.measuring(fleet.boards[0], 2)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert set(fleet.words()) == {"stopped"}, fleet.finish("out")
    stored = len(run_folders.read_run(fleet.record(fleet.boards[0])).rounds)
    # A colleague finds what was left behind, and is told how to go on.
    code, _, err = fleet.finish("theirs")
    assert code == 1
    refusals = [line for line in err.splitlines() if line.startswith("  board-")]
    assert len(refusals) == 2
    for line in refusals:
        assert re.search(r"is locked by .*@.* \(process \d+, since .* UTC\).*--break-lock", line)
    code, _, err = fleet.finish()
    assert (code, fleet.words()) == (0, ["done", "done"]), err
    run = run_folders.read_run(fleet.record(fleet.boards[0]))
    assert len(run.rounds) == ROUNDS
    assert sum(entry.process < 1 + stored // 4 for entry in run.rounds) >= stored
    fleet.complete(whole)
    # What was let go is anybody's.
    code, _, err = fleet.finish("theirs")
    assert code == 0, err


@pytest.mark.slow
def test_a_lock_that_was_left_is_broken_only_when_that_is_asked_for(fleet):
    driver = fleet.start()
    fleet.measuring(fleet.boards[0])
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert fleet.finish("theirs")[0] == 1
    code, _, err = fleet.finish("theirs", "--break-lock")
    assert code == 0, err


@pytest.mark.slow
def test_a_second_fleet_is_refused_while_the_first_measures(fleet, whole):
    driver = fleet.start()
    for board in fleet.boards:
        fleet.measuring(board)
    code, _, err = fleet.finish("theirs", "--break-lock")
    assert code == 1
    assert len(re.findall(r"  board-\d+ .* is being measured by .*@.* \(process \d+", err)) == 2
    driver.communicate(timeout=300)
    assert driver.returncode == 0
    fleet.complete(whole)


def test_a_board_whose_connections_are_cut_goes_on_with_what_is_missing(fleet, whole):
    driver = fleet.start()
    for rounds in (1, 4, 7):
        fleet.measuring(fleet.boards[0], rounds)
        fleet.boards[0].hang_up()
    _, err = driver.communicate(timeout=300)
    assert driver.returncode == 0, err
    fleet.complete(whole)
    processes = run_folders.read_run(fleet.record(fleet.boards[0])).processes
    assert len(processes) > PROCESSES


@pytest.mark.slow
def test_another_machine_of_the_same_name_is_not_measured_on(fleet):
    driver = fleet.start()
    fleet.measuring(fleet.boards[0])
    driver.send_signal(signal.SIGINT)
    driver.communicate(timeout=300)
    assert driver.returncode == 130
    answers = fleet.boards[0].folder / "answers.json"
    changed = json.loads(answers.read_text())
    changed["ready"]["machine"]["cpu_model"] = "Another CPU"
    answers.write_text(json.dumps(changed))
    code, _, err = fleet.finish()
    assert (code, fleet.words()) == (1, ["failed", "done"])
    assert "This is not the platform that the run was begun on" in err
    assert "Another CPU" in err


@pytest.mark.slow
def test_ctrl_c_lets_the_boards_go(fleet):
    driver = fleet.start()
    for board in fleet.boards:
        fleet.measuring(board)
    driver.send_signal(signal.SIGINT)
    _, err = driver.communicate(timeout=300)
    assert driver.returncode == 130
    assert "0 of 2 records" in err
    assert "Traceback" not in err
    code, _, err = fleet.finish("theirs")
    assert code == 0, err


@pytest.mark.slow
def test_a_clock_that_jumps_changes_nothing(tmp_path, whole, command, cache):
    with made.running(tmp_path / "boards", whole, [5.0], tmp_path / "logs") as (board,):
        jumping = loopback.script(board.folder / "jumping.py", JUMPING)
        start = board.folder / "board" / "python3"
        words = start.read_text().replace(sys.executable, f"{sys.executable} {jumping}")
        start.write_text(words)
        fleet = Fleet(tmp_path, [board], command, cache)
        driver = fleet.start()
        fleet.measuring(board, 2)
        board.hang_up()
        _, err = driver.communicate(timeout=300)
        assert driver.returncode == 0, err
        fleet.complete(whole)


@pytest.mark.slow
def test_two_emulated_boards_are_a_fleet(emulator, tmp_path, monkeypatch, cache):
    """The worker itself runs there, for 64-bit ARM; of the experiment, some small cells."""
    send = WorkerProcess.send

    def without_ceilings(worker, request):
        send(worker, {key: value for key, value in request.items() if key != "ceilings"})

    def small(names):
        return [smaller(declaration) for declaration in select(names)]

    monkeypatch.setattr(WorkerProcess, "send", without_ceilings)
    monkeypatch.setattr(fleet_jobs, "select", small)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    found = [loopback.start(new(tmp_path / name), emulator.command()) for name in ("a", "b")]
    try:
        monkeypatch.setenv("PATH", made.client(tmp_path, found)["PATH"])
        file = made.fleet_file(tmp_path, found, 2, 1)
        run_fleet(read_jobs(file), tmp_path / "out", Driving())
    finally:
        for board in found:
            board.server.kill()
            board.server.wait()
    for name in ("a", "b"):
        run = run_folders.read_run(tmp_path / "out" / "devices" / name / RECORD)
        assert len(run.rounds) == 2
        assert run.fingerprint.architecture == "aarch64"


def new(folder):
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_a_board_that_the_fleet_keeps_tells_it_how_many_cores_all_are(fleet):
    fleet.file.write_text(fleet.file.read_text().replace("runs =", 'threads = [1, "all"]\nruns ='))
    code, _, err = fleet.finish()
    assert code == 0, err
    assert fleet.words() == ["done"] * 4
