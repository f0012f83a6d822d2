"""Boards: what is said to a shell, what is copied, what goes wrong; and one, emulated, in the room.

The board is OpenSSH's own server on loopback. It lands in the emulated aarch64 Python, or, where an
emulated processor would show nothing more, in this machine's.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from guidelines import runs
from guidelines.board import board_platform, platform_name, ready, remedy
from guidelines.measuring import plan
from results import store
from results.errors import BadInputError, PlatformError
from results.platform import Machine, Platform
from runners import events, platform_file, ssh, worker_archive, worker_process
from runners.ssh import Connection, remote_command
from tests import board as boards
from tests.program import complains, wait_for_rounds
from tests.synthetic import FINGERPRINT, some

HERE = f'exec {shlex.quote(sys.executable)} "$@"'


@pytest.fixture(scope="session")
def board(emulator, tmp_path_factory):
    missing = boards.missing()
    if missing:
        pytest.skip(f"no board can be set up: {missing}")
    found = boards.start(tmp_path_factory.mktemp("board"), emulator.command())
    yield found
    found.server.terminate()
    found.server.wait()


@pytest.fixture
def on_path(board, monkeypatch):
    """The client that knows the board is this machine's ssh."""
    monkeypatch.setenv("PATH", board.path)


@pytest.fixture
def native(board):
    """A platform file of the board with this machine's Python, which is quick."""
    return board.platform("native", python=board.python("a python", HERE))


SHELLS = ("sh", "bash", "dash", "zsh", "fish", "tcsh", "ksh", "mksh")


@pytest.mark.parametrize("shell", SHELLS)
def test_no_shell_finds_anything_to_reinterpret(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    python = tmp_path / "py $(touch a)`touch b`;touch c&'\"!\\n%s *é~"
    python.symlink_to(sys.executable)
    line = remote_command(str(python))
    done = subprocess.run(
        [shell, "-c", line], input=b"'print(6 * 7)'\n", capture_output=True, cwd=tmp_path
    )
    assert (done.stdout, done.returncode) == (b"42\n", 0), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [python.name]


def test_exit_codes_and_signals_of_a_remote_program_come_through():
    for code, status in (("raise SystemExit(3)", 3), ("import os;os.kill(os.getpid(),9)", 137)):
        line = remote_command(sys.executable)
        done = subprocess.run(["sh", "-c", line], input=f"{code!r}\n".encode(), stderr=-1)
        assert done.returncode == status


@pytest.mark.parametrize(
    ("address", "user", "host", "port"),
    [
        ("pi@raspberrypi", "pi", "raspberrypi", None),
        ("raspberrypi.local", "", "raspberrypi.local", None),
        ("root@10.0.0.7:2222", "root", "10.0.0.7", 2222),
        ("me@[fe80::1%eth0]:22", "me", "fe80::1%eth0", 22),
    ],
)
def test_an_address_is_a_platform(address, user, host, port):
    platform = platform_file.load_platform(f"ssh:{address}")
    assert (platform.user, platform.host, platform.port) == (user, host, port)
    assert platform.backend == "onnxruntime-cpu"
    assert platform_name(address) == f"ssh:{address}"
    assert board_platform(platform_name(address), None) == platform
    (line,) = ready(f"ssh:{address}", platform, False)
    assert platform_file.load_platform(shlex.split(line)[-1]) == platform
    words = Connection(platform, Path("worker")).command
    assert words[words.index("--") + 1] == host
    assert ("-l" in words, "-p" in words) == (bool(user), bool(port))


@pytest.mark.parametrize(
    "address",
    ["", "pi@", "-oProxyCommand=x", "pi@-oX", "$(id)", "a b", "a;b", "x@y@z`", "h:99999", "h:x"],
)
def test_what_cannot_be_an_address_is_refused(address):
    with pytest.raises(BadInputError):
        platform_file.load_platform(f"ssh:{address}")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "-oProxyCommand=touch x"),
        ("user", "-x"),
        ("port", 0),
        ("python", ""),
        ("python", "a\nb"),
        ("backend", "torch-cpu"),
        ("transport", "local"),
        ("identity_file", "a\0b"),
    ],
)
def test_a_platform_file_cannot_smuggle_anything_in(field, value, tmp_path):
    content = {
        "name": "board",
        "backend": "onnxruntime-cpu",
        "transport": "ssh",
        "host": "pi",
        field: value,
    }
    path = tmp_path / "board.toml"
    path.write_text("\n".join(f"{key} = {json.dumps(v)}" for key, v in content.items()))
    with pytest.raises(BadInputError, match=str(path)):
        platform_file.load_platform(str(path))


@pytest.mark.parametrize(
    ("code", "said", "spoke", "sentence"),
    [
        (255, "pi@b: Permission denied (publickey).", False, "reached by ssh.*ssh-copy-id"),
        (255, "Host key verification failed.", False, "check the board's key"),
        (255, "ssh: connect to host b port 22: No route to host", False, "No route to host"),
        (255, "Timeout, server b not responding.", True, "connection to pi@b was lost.*Timeout"),
        (255, "", True, "connection to pi@b was lost"),
        (127, "sh: 1: python3: not found", False, "has no python3.*install Python 3.9"),
        (137, "", True, r"ended there \(signal 9, for want of memory perhaps\)"),
        (139, "", True, r"ended there \(signal 11\)"),
        (1, "OSError: [Errno 28] No space left on device", True, "disk of pi@b is full"),
        (1, "ValueError: x", True, r"died \(exit code 1\) \(ValueError: x\)"),
        (-15, "", True, r"was ended \(signal 15\)"),
        (3, "", False, r"died \(exit code 3\)"),
    ],
)
def test_the_end_of_a_connection_is_one_sentence(code, said, spoke, sentence):
    connection = Connection(platform_file.board("pi@b"), Path("worker"))
    found = connection.process().explain(code, said, spoke)
    assert re.search(sentence, found)
    assert found.endswith(".")
    assert "\n" not in found


def checked(**changes):
    machine = FINGERPRINT.model_dump(exclude={"runtimes", "worker"})
    machine["architecture"] = changes.pop("architecture", "aarch64")
    content = {
        "machine": Machine.model_validate(machine),
        "core": 0,
        "executable": "/usr/bin/python3",
        "bits": 64,
        "numpy": None,
        "onnxruntime": None,
        "managed": False,
        "debian": False,
        "tools": ["pip", "ensurepip"],
        "folder": "/home/pi",
        "free": 10**10,
    }
    return events.Board(event="board", **content | changes)


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ["/usr/bin/python3 -m pip install onnxruntime"]),
        ({"tools": []}, ["/usr/bin/python3 -m ensurepip", "/usr/bin/python3 -m pip install"]),
        ({"tools": [], "debian": True}, ["sudo apt install python3-pip", "-m pip install"]),
        ({"tools": [], "debian": True, "managed": True}, ["apt install python3-venv", "-m venv"]),
        ({"executable": "/a b/python"}, ["'/a b/python' -m pip install onnxruntime"]),
        ({"managed": True}, ["-m venv ~/", "pip install numpy onnxruntime", "python = "]),
        ({"bits": 32}, ["not built for 32-bit programs on aarch64"]),
        ({"architecture": "riscv64"}, ["not built for 64-bit programs on riscv64"]),
    ],
)
def test_the_remedy_is_a_command_that_can_be_pasted(changes, lines):
    found = remedy(checked(**changes), ["onnxruntime"])
    for line in lines:
        assert any(line in shown for shown in found), found


def test_a_board_is_told_from_other_platforms(guidelines):
    complains(guidelines("board", "check", "cpu"), 2, "cpu is no board")
    complains(guidelines("board", "check", "missing.toml"), 2, "missing.toml")


def on(platform, names, times, processes):
    """A plan of some cells with as little warming up as possible: emulated runs are slow."""
    asked = plan(some(*names), str(platform), times, processes, 0)
    short = asked.protocol.model_copy(update={"warmup_min": 1, "warmup_max": 1})
    return runs.Plan(asked.studies, asked.platform, short)


class Watcher:
    """Counts copied files, and may do something after a round."""

    def __init__(self, after_round=lambda: None):
        self.copied = 0
        self.after_round = after_round

    def process_started(self, process, rounds):
        pass

    def copying(self, done, total):
        self.copied += 1

    def network_ready(self, cell):
        pass

    def sample_taken(self, cell):
        pass

    def round_stored(self, run):
        self.after_round()


def test_an_emulated_board_is_measured_over_ssh_loses_its_connection_and_goes_on(
    board, on_path, cache, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    asked = on(board.platform(), ("g2/g=2/x1", "g2/g=1/x1"), 4, 2)
    watcher = Watcher(board.hang_up)
    with pytest.raises(PlatformError, match=r"connection to .* was lost"):
        runs.execute(asked, tmp_path, False, watcher, lambda *_: None)
    kept = store.read_run(tmp_path)
    assert len(kept.rounds) == 1
    # Of two cells and two controls the network and its output.
    assert watcher.copied == 2 * 4
    again = Watcher()
    run = runs.execute(asked, tmp_path, True, again, lambda *_: None)
    assert again.copied == 0
    assert run.complete
    assert run.failures == {}
    assert run.rounds[:1] == kept.rounds
    assert [len(process.proofs) for process in run.processes] == [4, 4, 4]
    assert run.fingerprint.architecture == "aarch64"
    assert run.fingerprint.cpu_model == "Cortex-A57"
    assert len(run.sessions) == 2


def test_an_emulated_board_is_checked(board, command):
    process = command("board", "check", board.platform(), environment={"PATH": board.path})
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Cortex-A57" in out
    assert "aarch64" in out
    assert "numpy 2" in out
    assert "Ready: guidelines run all --platform" in out


def finished(command, board, *words):
    process = command(*words, environment={"PATH": board.path})
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_a_run_over_ssh_that_is_cut_off_says_how_to_go_on(board, native, command, tmp_path):
    words = ("run", "g4", "--platform", native, "--runs", 99, "--processes", 1, "--out", "mine")
    process = command(*words, environment={"PATH": board.path})
    wait_for_rounds(tmp_path / "mine", 1)
    board.hang_up()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert re.search(r"connection to \S+@127.0.0.1 was lost .*continue with", err)
    assert "Traceback" not in err
    kept = store.read_run(tmp_path / "mine")
    code, out, err = finished(command, board, *words, "--resume", "--json")
    assert code == 0, err
    run = store.read_run(tmp_path / "mine")
    assert run.rounds[: len(kept.rounds)] == kept.rounds
    assert run.complete
    assert {cell["platform"] for cell in json.loads(out)} == {"native"}


def test_several_boards_are_measured_at_the_same_time(board, command, tmp_path):
    names = ("one", "other")
    python = board.python("shared python", HERE)
    started = [
        command(
            *("run", "g4", "--runs", 2, "--processes", 1, "--quiet", "--out", name),
            *("--platform", board.platform(name, python=python)),
            environment={"PATH": board.path},
        )
        for name in names
    ]
    for name, process in zip(names, started, strict=True):
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert store.read_run(tmp_path / name).complete
        assert store.read_run(tmp_path / name).platform.name == name


def test_a_board_that_lacks_packages_gets_the_command_that_installs_them(board, command):
    # Without site-packages.
    bare = board.platform("bare", python=board.python("bare", HERE.replace('"$@"', '-S "$@"')))
    code, out, err = finished(command, board, "board", "check", bare)
    complains((code, out, err), 3, "lacks numpy and onnxruntime")
    assert "-m pip install numpy onnxruntime" in out
    result = finished(command, board, "run", "g4", "--platform", bare, "--runs", 1)
    complains(result, 3, "No module named 'numpy'", "guidelines board check", "Nothing was stored")


GREETING = "printf 'no end of line: '; cd /tmp; "
LACKS = 'echo \'{"event": "lacks", "files": ["../../etc/passwd"]}\''


def test_a_chatty_board_that_wanders_off_is_measured(board, command):
    python = board.python("chatty", GREETING + HERE)
    platform = board.platform("chatty", python=python)
    code, out, err = finished(command, board, "board", "check", platform)
    assert code == 0, err
    assert "Ready" in out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{LACKS}; exec sleep 60", "asked for files that it has no use for"),
        ("exec yes", "hangs: it sent no event for 2 s"),
        ("exec tr -d '\\n' < /dev/zero", "hangs: it sent no event for 2 s"),
        ("exec sleep 60", "hangs"),
    ],
)
def test_a_board_that_talks_nonsense_is_ended(board, on_path, monkeypatch, content, said):
    monkeypatch.setattr(ssh, "START_SECONDS", 2.0)
    python = board.python("nonsense", content)
    platform = platform_file.load_platform(str(board.platform("nonsense", python=python)))
    connection = Connection(platform, worker_archive.build(board.folder))
    with pytest.raises(PlatformError, match=said):
        connection.check()


def test_a_board_that_does_not_read_is_ended(board, on_path, monkeypatch, tmp_path):
    monkeypatch.setattr(worker_process, "SEND_SECONDS", 2.0)
    large = tmp_path / "large"
    large.write_bytes(bytes(2**24))
    digest = hashlib.sha256(large.read_bytes()).hexdigest()
    python = board.python("deaf", f'echo \'{{"event": "lacks", "files": ["{digest}"]}}\'; sleep 60')
    platform = platform_file.load_platform(str(board.platform("deaf", python=python)))
    connection = Connection(platform, worker_archive.build(board.folder))
    with connection.process() as process, pytest.raises(PlatformError, match="does not read"):
        connection.introduce(process, [large], lambda *_: None)


def test_an_old_python_is_told(tmp_path):
    """The agent itself says so, to a Python that takes itself for an older one."""
    boot = "import sys;sys.version_info=(3,8,1);exec(eval(sys.stdin.buffer.readline()))"
    source = ascii(ssh.AGENT.read_text()).encode() + b'\n{"do": "work"}\n'
    done = subprocess.run([sys.executable, "-c", boot], input=source, capture_output=True)
    assert done.returncode == 0, done.stderr
    event = events.parse(done.stdout.splitlines()[-1])
    assert "is Python 3.8, and 3.9 or newer is needed" in event.reason


def test_a_reason_of_many_lines_becomes_one_sentence():
    reason = "\n\nIMPORTANT: PLEASE READ THIS\n\nUnable to import required dependencies.\n"
    event = events.Unavailable(event="unavailable", reason=reason)
    error = Connection(platform_file.board("pi@b"), Path("worker")).unavailable(event)
    assert "\n" not in str(error)
    assert ".." not in str(error)
    assert "guidelines board check" in str(error)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "has no nowhere"),
        ("exec sleep 0", "died"),
        ('ulimit -f 1; exec {python} "$@"', "cannot be written: File too large"),
        ("kill -9 $$", r"signal 9"),
    ],
)
def test_a_board_that_cannot_run_the_worker_says_why(board, command, script, said):
    shutil.rmtree(board.cache, ignore_errors=True)
    python = "nowhere"
    if script is not None:
        python = board.python("strange", script.format(python=shlex.quote(sys.executable)))
    platform = board.platform("strange", python=python)
    complains(finished(command, board, "run", "g4", "--platform", platform, "--runs", 1), 3, said)


def test_a_board_is_reached_only_with_its_known_key(board, command):
    """Host-key checks are ssh's own."""
    known = board.folder / "known_hosts"
    kept = known.read_text()
    key = (board.folder / "key.pub").read_text().split()[:2]
    try:
        known.write_text(f"[{boards.HOST}]:{board.port} {' '.join(key)}\n")
        result = finished(command, board, "board", "check", board.platform("other-key"))
    finally:
        known.write_text(kept)
    complains(result, 3, "cannot be reached by ssh", "by hand with ssh")


def test_a_refused_key_and_a_closed_port_are_told(board, command):
    stranger = board.platform("stranger", identity_file=str(board.folder / "host_key"))
    complains(
        finished(command, board, "board", "check", stranger), 3, "Permission denied", "ssh-copy-id"
    )
    closed = board.platform("closed", port=1)
    complains(finished(command, board, "board", "check", closed), 3, "Connection refused")


def test_a_damaged_file_is_copied_again(board, native, on_path, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    asked = on(native, ("g4/none/x1", "g4/relu+shortcut/x1"), 1, 1)
    runs.execute(asked, tmp_path / "one", False, Watcher(), lambda *_: None)
    whole = {path: path.read_bytes() for path in board.cache.iterdir()}
    for path, content in whole.items():
        path.write_bytes(content[:100])
    watcher = Watcher()
    run = runs.execute(asked, tmp_path / "other", False, watcher, lambda *_: None)
    assert run.complete
    assert run.failures == {}
    # The networks of two cells and two controls, and their outputs.
    assert watcher.copied == 8
    mended = [path for path, content in whole.items() if path.read_bytes() == content]
    assert len(mended) == 8 + 1


def test_the_worker_is_the_same_file_whenever_it_is_packed(tmp_path, monkeypatch):
    now = worker_archive.build(tmp_path / "now").read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    assert worker_archive.build(tmp_path / "later").read_bytes() == now


def test_there_is_no_ssh(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    platform = Platform(name="b", backend="onnxruntime-cpu", transport="ssh", host="pi")
    with pytest.raises(PlatformError, match="no ssh on this machine"):
        Connection(platform, Path("worker")).process()
