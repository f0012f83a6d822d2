"""Boards that talk nonsense, do not read, lack what it takes, or are not who they were.

The board is OpenSSH's own server on loopback.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import sys

import pytest

from guideline_benchmarks.guidelines.studies.fleet import loopback as boards
from guideline_benchmarks.results.errors import GoneError, PlatformError
from guideline_benchmarks.runners import platform_file, worker_archive, worker_process
from guideline_benchmarks.runners.transports import ssh
from guideline_benchmarks.runners.transports.ssh import Connection
from tests.program import complains
from tests.test_boards import HERE

GREETING = "printf 'no end of line: '; cd /tmp; "
LACKS = 'echo \'{"event": "lacks", "files": ["../../etc/passwd"]}\''


def test_a_chatty_board_that_wanders_off_is_measured(board, finished):
    python = board.python("chatty", GREETING + HERE)
    platform = board.platform("chatty", python=python)
    code, out, err = finished("board", "check", platform)
    assert code == 0, err
    assert "Ready" in out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{LACKS}; exec sleep 60", "asked for files that it has no use for"),
        ("exec yes", "hangs: it sent no event for 1 s"),
        ("exec tr -d '\\n' < /dev/zero", "hangs: it sent no event for 1 s"),
        ("exec sleep 60", "hangs"),
    ],
)
def test_a_board_that_talks_nonsense_is_ended(board, on_path, monkeypatch, content, said):
    if "hangs" in said:
        monkeypatch.setattr(ssh, "START_SECONDS", 1.0)
    python = board.python("nonsense", content)
    platform = platform_file.load_platform(str(board.platform("nonsense", python=python)))
    connection = Connection(platform.ssh, worker_archive.build(board.folder))
    with pytest.raises(PlatformError, match=said) as caught:
        connection.check(["numpy"])
    assert isinstance(caught.value, GoneError) == ("hangs" in said)


def test_a_board_that_does_not_read_is_ended(board, on_path, monkeypatch, tmp_path):
    monkeypatch.setattr(worker_process, "SEND_SECONDS", 1.0)
    large = tmp_path / "large"
    large.write_bytes(bytes(2**24))
    digest = hashlib.sha256(large.read_bytes()).hexdigest()
    python = board.python("deaf", f'echo \'{{"event": "lacks", "files": ["{digest}"]}}\'; sleep 60')
    platform = platform_file.load_platform(str(board.platform("deaf", python=python)))
    connection = Connection(platform.ssh, worker_archive.build(board.folder))
    with connection.process() as process, pytest.raises(GoneError, match="does not read"):
        connection.introduce(process, [large], lambda *_: None)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "has no nowhere"),
        ("exec sleep 0", "died"),
        ('ulimit -f 1; exec {python} "$@"', "cannot be written: File too large"),
        ("kill -9 $$", r"signal 9"),
    ],
)
def test_a_board_that_cannot_run_the_worker_says_why(board, finished, script, said):
    shutil.rmtree(board.cache, ignore_errors=True)
    python = "nowhere"
    if script is not None:
        python = board.python("strange", script.format(python=shlex.quote(sys.executable)))
    platform = board.platform("strange", python=python)
    complains(finished("run", "g4", "--platform", platform, "--runs", 1), 3, said)


def test_a_board_is_reached_only_with_its_known_key(board, finished):
    """Host-key checks are ssh's own."""
    known = board.folder / "known_hosts"
    kept = known.read_text()
    key = (board.folder / "key.pub").read_text().split()[:2]
    try:
        known.write_text(f"[{boards.HOST}]:{board.port} {' '.join(key)}\n")
        result = finished("board", "check", board.platform("other-key"))
    finally:
        known.write_text(kept)
    complains(result, 3, "cannot be reached by ssh", "by hand with ssh")


def test_a_refused_key_and_a_closed_port_are_told(board, finished):
    stranger = board.platform("stranger", identity_file=str(board.folder / "host_key"))
    complains(finished("board", "check", stranger), 3, "Permission denied", "ssh-copy-id")
    closed = board.platform("closed", port=1)
    complains(finished("board", "check", closed), 3, "Connection refused")
