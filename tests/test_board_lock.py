"""The lock of a machine: who gets it, who does not, what is made of what others left."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from guideline_benchmarks.results.errors import HeldError, PlatformError
from guideline_benchmarks.runners.claim import Claim, local_lock
from guideline_benchmarks.runners.transports import board_lock
from guideline_benchmarks.runners.transports.board_lock import Held

HOLD = (
    f"{Path(board_lock.__file__).read_text()}\n"
    "import sys\n"
    "os.setuid(int(sys.argv[2]))\n"
    "take(json.loads(sys.argv[1]))\n"
    "print('held', flush=True)\n"
    "time.sleep(600)\n"
)
NOBODY = 65534
SINCE = "2026-11-28T10:02:03+00:00"


def claim(token, **how):
    kinds = {"kept": False, "breaks": False, "shared": False}
    return {"owner": "alice@desk", "process": 4711, "since": SINCE, "token": token, **kinds, **how}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where the lock lies in a test, and those who want it wait shortly."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(board_lock, "SETTLE_SECONDS", 0.2)
    monkeypatch.setattr(board_lock, "GAP_SECONDS", 0.2)
    return folder / board_lock.NAME


def holding(wanted, user=None):
    """The command of a process that holds the lock with a claim, as this user or another."""
    number = os.getuid() if user is None else user
    return [sys.executable, "-c", HOLD, json.dumps(wanted), str(number)]


@pytest.fixture
def elsewhere():
    """Start processes that hold the lock with a claim; they are ended with the test."""
    started = []

    def hold(wanted, user=None):
        process = subprocess.Popen(holding(wanted, user), stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in started:
        end(process)
        process.stdout.close()


def end(process):
    process.kill()
    process.wait()


def taken(wanted):
    """Take the lock and let go; return what its file said meanwhile."""
    handle = board_lock.take(wanted)
    try:
        return json.loads(board_lock.path().read_text())
    finally:
        os.close(handle)


def test_who_takes_it_is_written_down_for_all_users(place):
    mask = os.umask(0o077)
    try:
        assert taken(claim("a")) == {**claim("a"), "pid": os.getpid()}
    finally:
        os.umask(mask)
    assert stat.S_IMODE(place.stat().st_mode) == 0o666
    # Whatever was longer before leaves nothing.
    assert taken(claim("b", owner="b")) == {**claim("b", owner="b"), "pid": os.getpid()}


@pytest.mark.parametrize("breaks", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_nobody_takes_it_from_the_living(elsewhere, kept, breaks):
    elsewhere(claim("a", kept=kept))
    with pytest.raises(Held) as caught:
        board_lock.take(claim("b", breaks=breaks))
    said = {"owner": "alice@desk", "process": 4711, "since": SINCE, "alive": True}
    assert caught.value.said() == said == board_lock.look()


def test_what_is_not_kept_ends_with_its_process(elsewhere):
    end(elsewhere(claim("a")))
    assert board_lock.look() is None
    assert taken(claim("b"))["token"] == "b"


def test_what_is_kept_stays_until_it_is_broken(elsewhere):
    end(elsewhere(claim("a", kept=True)))
    with pytest.raises(Held) as caught:
        board_lock.take(claim("b"))
    assert not caught.value.alive
    assert board_lock.look() == caught.value.said()
    # Its owner goes on.
    assert taken(claim("a", kept=True))["token"] == "a"
    assert taken(claim("b", breaks=True))["token"] == "b"
    assert taken(claim("c"))["token"] == "c"


def test_what_is_held_again_a_moment_later_is_not_broken(elsewhere, monkeypatch):
    monkeypatch.setattr(board_lock, "GAP_SECONDS", 60)
    end(elsewhere(claim("a", kept=True)))
    # The next worker of a fleet comes after a while.
    coming = threading.Timer(0.5, lambda: elsewhere(claim("a", kept=True)))
    coming.start()
    with pytest.raises(Held) as caught:
        board_lock.take(claim("b", breaks=True))
    assert caught.value.alive
    coming.join()


def test_who_is_about_to_end_is_waited_for(elsewhere, monkeypatch):
    monkeypatch.setattr(board_lock, "SETTLE_SECONDS", 60)
    process = elsewhere(claim("a"))
    ending = threading.Timer(0.3, process.kill)
    ending.start()
    assert taken(claim("b"))["token"] == "b"
    ending.join()


def test_an_earlier_worker_of_one_s_own_is_killed(elsewhere):
    process = elsewhere(claim("a", kept=True))
    assert taken(claim("a", kept=True))["pid"] == os.getpid()
    assert process.wait() == -9


def test_one_that_cannot_be_killed_keeps_the_lock(elsewhere, monkeypatch):
    killed = []
    monkeypatch.setattr(board_lock, "END_SECONDS", 0.2)
    process = elsewhere(claim("a"))
    with monkeypatch.context() as patched, pytest.raises(Held) as caught:
        patched.setattr(os, "kill", lambda *of: killed.append(of))
        board_lock.take(claim("a"))
    assert caught.value.alive
    assert killed == [(process.pid, 9)]


def test_nobody_is_killed_by_what_anybody_can_write(elsewhere, place):
    """The file names a process that has nothing to do with the lock, or none, or this one."""
    elsewhere(claim("a"))
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    for pid in (bystander.pid, os.getpid(), 0, -1, "1", None):
        place.write_text(json.dumps({**claim("a"), "pid": pid}))
        with pytest.raises(Held):
            board_lock.take(claim("a"))
        assert bystander.poll() is None
    bystander.communicate(b"\n")
    assert bystander.returncode == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"{",
        b"[1]",
        b"\xff\xfe",
        b"[" * 4000,
        b'{"token": "a", "kept": "yes"}\n',
        json.dumps(claim("a")).encode(),
    ],
)
def test_a_file_that_says_nothing_of_use_is_free(content, place):
    place.write_bytes(content)
    assert board_lock.look() is None
    assert taken(claim("b"))["token"] == "b"


def test_of_a_damaged_file_that_is_held_it_is_said_who_it_may_be(elsewhere, place):
    elsewhere(claim("a"))
    place.write_text(json.dumps({"owner": ["x"], "process": -1, "since": 5}))
    with pytest.raises(Held) as caught:
        board_lock.take(claim("b"))
    assert caught.value.said() == {"owner": "", "process": 0, "since": "", "alive": True}


@pytest.mark.parametrize("make", ["symlink", "dangling", "folder", "pipe", "link"])
def test_what_is_no_plain_file_is_neither_followed_nor_changed(make, place, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("keep this")
    {
        "symlink": lambda: place.symlink_to(mine),
        "dangling": lambda: place.symlink_to(tmp_path / "nothing"),
        "folder": place.mkdir,
        "pipe": lambda: os.mkfifo(place),
        "link": lambda: place.hardlink_to(mine),
    }[make]()
    with pytest.raises(OSError) as caught:
        board_lock.take(claim("a"))
    assert caught.value.strerror
    assert mine.read_text() == "keep this"
    assert not (tmp_path / "nothing").exists()
    assert board_lock.look() is None


def test_a_file_that_was_removed_is_made_anew(elsewhere, place):
    process = elsewhere(claim("a"))
    place.unlink()
    assert taken(claim("b"))["token"] == "b"
    assert process.poll() is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_user_takes_turns(elsewhere, monkeypatch):
    """In a folder as /tmp is, where Linux guards what others made."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o1777)
        monkeypatch.setenv("TMPDIR", folder)
        handle = board_lock.take(claim("a"))
        os.close(handle)
        process = elsewhere(claim("b"), NOBODY)
        with pytest.raises(Held):
            board_lock.take(claim("a"))
        end(process)
        assert taken(claim("a"))["token"] == "a"
        board_lock.path().chmod(0o600)
        done = subprocess.run(holding(claim("b"), NOBODY), capture_output=True)
        assert b"PermissionError" in done.stderr


def test_release_empties_what_is_kept_for_its_token_alone(elsewhere, place):
    board_lock.release("a")
    end(elsewhere(claim("a", kept=True)))
    board_lock.release("b")
    assert board_lock.look() is not None
    board_lock.release("a")
    assert place.read_bytes() == b""


def test_release_ends_its_own_worker_and_no_other(elsewhere, place):
    process = elsewhere(claim("a", kept=True))
    board_lock.release("b")
    assert process.poll() is None
    assert json.loads(place.read_text())["token"] == "a"
    board_lock.release("a")
    assert process.wait() == -9
    assert place.read_bytes() == b""


def test_the_workers_of_a_pair_hold_it_together(elsewhere):
    first, second = (elsewhere(claim("a", shared=True)) for _ in range(2))
    for process in (first, second):
        assert process.poll() is None
        assert board_lock.look()["alive"]
        with pytest.raises(Held):
            board_lock.take(claim("b", shared=True))
        end(process)
    assert taken(claim("b"))["token"] == "b"


def test_looking_keeps_nobody_away(elsewhere):
    handle = board_lock.take(claim("a"))
    assert board_lock.look()["alive"]
    os.close(handle)
    assert board_lock.look() is None
    elsewhere(claim("b"))


def test_a_folder_for_such_files_that_is_none_is_passed_over(monkeypatch):
    for folder in ("", "not/absolute", "/nowhere/at/all"):
        monkeypatch.setenv("TMPDIR", folder)
        assert board_lock.path() == Path("/tmp") / board_lock.NAME


def test_this_machine_is_locked_by_the_same_rules(elsewhere, place):
    mine = Claim.of_this_process()
    with local_lock(mine):
        assert board_lock.look()["alive"]
    assert board_lock.look() is None
    elsewhere(claim("b"))
    with pytest.raises(HeldError, match="This machine is being measured by alice@desk"):
        local_lock(mine).__enter__()
    assert HeldError.exit_code == 3


def test_this_machine_that_cannot_be_locked_says_why(place, tmp_path):
    place.symlink_to(tmp_path)
    locking = local_lock(Claim.of_this_process())
    with pytest.raises(PlatformError, match=rf"cannot be locked \({place}: .+\)\."):
        locking.__enter__()


def test_what_is_sent_to_boards_is_what_is_read_there():
    assert set(asdict(Claim.of_this_process())) == set(claim("a"))
