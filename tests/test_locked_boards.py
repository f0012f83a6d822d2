"""Boards that somebody else measures: who is refused, what is told, what is broken and what is not.

The board is OpenSSH's own server on loopback, and lands in this machine's Python.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import psutil
import pytest

from guideline_benchmarks.guidelines.commands.machines.board import check
from guideline_benchmarks.guidelines.studies.fleet import loopback as boards
from guideline_benchmarks.results.errors import HeldError, PlatformError
from guideline_benchmarks.runners import platform_file, worker_archive
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.transports import board_lock, ssh
from tests.program import complains, wait_for, wait_until

WHO = r"\S+@127.0.0.1 is being measured by \S+@\S+ \(process {}, since .* UTC\): wait"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    missing = boards.missing()
    if missing:
        pytest.skip(f"no board can be set up: {missing}")
    found = boards.start(tmp_path_factory.mktemp("board"), [sys.executable])
    yield found
    found.server.terminate()
    found.server.wait()


@pytest.fixture
def platform(board, cache, monkeypatch, tmp_path):
    """The board's platform file; the client that knows it is this machine's ssh.

    Of a lock that is to be broken, the board looks shortly whether its owner still comes and goes.
    """
    monkeypatch.setenv("PATH", board.path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    hasty = tmp_path / "hasty_lock.py"
    hasty.write_text(f"{ssh.LOCK.read_text()}\nGAP_SECONDS = 0.2\n")
    monkeypatch.setattr(ssh, "LOCK", hasty)
    board.lock.unlink(missing_ok=True)
    return board.platform()


@pytest.fixture
def connect(board, platform):
    """Return a connection to the board under a claim."""
    reached, archive = (
        platform_file.load_platform(str(platform)),
        worker_archive.build(board.folder),
    )

    def connection(token, **how):
        claim = Claim.of_this_process(token=token, **how)
        return ssh.open_transport(reached, archive, claim)

    return connection


@pytest.fixture
def nobody_there(board, monkeypatch):
    """Wait until no worker is at work on the board."""

    def wait():
        with monkeypatch.context() as patched:
            patched.setenv("TMPDIR", str(board.lock.parent))
            wait_until(lambda: not (board_lock.look() or {}).get("alive"), "the end of a worker")

    return wait


@pytest.fixture
def work(nobody_there):
    """Have a worker begin on the board, and end."""

    def begin_and_end(connection):
        with connection.process() as process:
            connection.introduce(process, [], lambda *_: None)
        nobody_there()

    return begin_and_end


@pytest.mark.slow
def test_a_second_driver_is_refused_for_as_long_as_the_first_measures(
    platform, command, guidelines, nobody_there, tmp_path, capsys
):
    words = ("run", "g4", "--platform", platform, "--processes", 1, "--quiet")
    first = command(*words, "--runs", 9999, "--out", "first")
    wait_for(tmp_path / "first", "rounds", 1)
    who = WHO.format(first.pid)
    complains(guidelines(*words, "--runs", 1, "--out", "other"), 3, who)
    for breaks in (False, True):
        with pytest.raises(HeldError, match=who):
            check(str(platform), break_lock=breaks)
        assert ("and measures there now" in capsys.readouterr().out) == (not breaks)
    before = first.poll()
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert before is None
    nobody_there()
    code, _, err = guidelines(*words, "--runs", 1, "--out", "other")
    assert code == 0, err


def test_what_is_left_locked_is_told_and_broken_only_when_asked(connect, work, platform, capsys):
    work(connect("a", kept=True))
    # Its owner goes on.
    work(connect("a", kept=True))
    with pytest.raises(HeldError, match=r"is locked by .* break the lock with --break-lock"):
        work(connect("b"))
    with pytest.raises(HeldError, match="is locked by"):
        check(str(platform))
    out = capsys.readouterr().out
    assert f"(process {os.getpid()}, since " in out
    assert "and is not at work there now" in out
    check(str(platform), break_lock=True)
    out = capsys.readouterr().out
    assert "Lock " not in out
    assert "Ready: " in out
    work(connect("b"))


def test_who_breaks_a_lock_by_a_claim_has_it_then(connect, work):
    work(connect("a", kept=True))
    work(connect("b", kept=True, breaks=True))
    with pytest.raises(HeldError, match="is locked by"):
        work(connect("a", kept=True))


def test_a_lock_is_let_go_by_its_own_token_alone(connect, work, board):
    connect("a").release()
    work(connect("a", kept=True))
    connect("b").release()
    with pytest.raises(HeldError):
        work(connect("b"))
    connect("a").release()
    assert board.lock.read_bytes() == b""
    work(connect("b"))


def test_a_worker_that_was_cut_off_is_killed_by_the_next_of_its_owner(connect, work, board):
    """It does not see that its connection was cut, since it is stopped."""
    first = connect("a", kept=True)
    with first.process() as process:
        first.introduce(process, [], lambda *_: None)
        worker = psutil.Process(json.loads(board.lock.read_text())["pid"])
        worker.suspend()
    with pytest.raises(HeldError, match="is being measured"):
        work(connect("b", breaks=True))
    assert worker.is_running()
    work(connect("a", kept=True))
    assert not worker.is_running()


def test_the_workers_of_a_pair_share_a_board(connect, work):
    pair = connect("a", shared=True)
    with pair.process() as one, pair.process() as other:
        for process in (one, other):
            pair.introduce(process, [], lambda *_: None)
        with pytest.raises(HeldError):
            work(connect("b"))
        assert process._process.poll() is None


def test_a_lock_that_cannot_be_used_is_one_sentence(connect, work, board, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("keep this")
    board.lock.symlink_to(mine)
    said = (
        rf"{board.lock} cannot be locked: .*\. Have that file removed, if nobody measures there\."
    )
    for ask in (lambda: work(connect("a")), connect("a").release, connect("a").break_lock):
        with pytest.raises(PlatformError, match=said):
            ask()
    assert mine.read_text() == "keep this"
