"""What is said to a board, and what is made of what it says, without one."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from guideline_benchmarks.guidelines.commands.machines.board import (
    board_platform,
    platform_name,
    ready,
    remedy,
)
from guideline_benchmarks.results.errors import BadInputError, GoneError, PlatformError
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.results.record.platform import Machine, Platform, Ssh
from guideline_benchmarks.runners import events, platform_file, worker_archive
from guideline_benchmarks.runners.transports import ssh
from guideline_benchmarks.runners.transports.ssh import Connection, remote_command
from tests.program import complains
from tests.synthetic import FINGERPRINT

KEYS = "Too many authentication failures"
BAD_FILE = (False, False, "Mend ssh.s configuration on this machine")
BOARD = Ssh(host="b", user="pi")
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
    assert (platform.ssh.user, platform.ssh.host, platform.ssh.port) == (user, host, port)
    assert platform.backend == "onnxruntime-cpu"
    assert platform_name(address) == f"ssh:{address}"
    assert board_platform(platform_name(address), None) == platform
    (line,) = ready(f"ssh:{address}", platform, False)
    assert platform_file.load_platform(shlex.split(line)[-1]) == platform
    words = Connection(platform.ssh, Path("worker")).command
    assert words[words.index("--") + 1] == host
    assert ("-l" in words, "-p" in words) == (bool(user), bool(port))


@pytest.mark.parametrize(
    "address",
    ["", "pi@", "-oProxyCommand=x", "pi@-oX", "$(id)", "a b", "a;b", "x@y@z`", "h:99999", "h:x"],
)
def test_what_cannot_be_an_address_is_refused(address):
    with pytest.raises(BadInputError):
        platform_file.load_platform(f"ssh:{address}")


@pytest.fixture(params=["", "[ssh]\n"], ids=["flat", "table"])
def board_file(request, tmp_path):
    """Write a platform file of a board, with ssh's fields beside the others or in their table."""

    def write(**changes):
        board = {"name": "board", "backend": "onnxruntime-cpu", "transport": "ssh"}
        reached = {"host": "pi"}
        for field, value in changes.items():
            (board if field in board else reached)[field] = value
        path = tmp_path / "board.toml"
        path.write_text(fields(board) + request.param + fields(reached))
        return path

    return write


def fields(content):
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in content.items())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "-oProxyCommand=touch x"),
        ("host", ""),
        ("user", "-x"),
        ("port", 0),
        ("python", ""),
        ("python", "a\nb"),
        ("backend", "torch-cpu"),
        ("transport", "local"),
        ("identity_file", "a\0b"),
        ("colour", "red"),
    ],
)
def test_a_platform_file_cannot_smuggle_anything_in(field, value, board_file):
    path = board_file(**{field: value})
    with pytest.raises(BadInputError, match=str(path)):
        platform_file.load_platform(str(path))


def test_both_forms_of_a_platform_file_mean_the_same(board_file):
    path = board_file(user="pi", port=2222, identity_file="~/.ssh/é", python="v/bin/python")
    platform = platform_file.load_platform(str(path))
    assert platform.ssh == Ssh(
        host="pi", user="pi", port=2222, identity_file="~/.ssh/é", python="v/bin/python"
    )
    told, *shown = ready(str(path), platform, False)
    assert told == f"Ready: guidelines run all --platform {path}"
    flat = platform_file.is_flat(str(path))
    assert bool(shown) == flat
    if flat:
        sentence, *lines = shown
        assert sentence.startswith(f"{path} is still read")
        path.write_text("\n".join(lines))
    # What is printed, and what stands in the table already, is of the new form.
    assert platform_file.load_platform(str(path)) == platform
    assert not platform_file.is_flat(str(path))


def test_a_table_of_ssh_stands_alone(tmp_path):
    content = {"name": "b", "backend": "onnxruntime-cpu", "transport": "ssh"}
    for more, said in (
        ({}, "needs a table"),
        ({"ssh": {"host": "pi"}, "user": "pi"}, "user: Extra inputs"),
        ({"ssh": {"host": "pi"}, "transport": "local"}, 'needs transport = "ssh"'),
        ({"host": "pi", "transport": "local"}, 'host needs transport = "ssh"'),
    ):
        with pytest.raises(BadInputError, match=said):
            platform_file.checked(content | more, "b.toml")


def test_records_of_earlier_versions_hold_ssh_s_fields_beside_the_others():
    nowhere = {"host": "", "user": "", "port": None, "identity_file": "", "python": "python3"}
    local = {"name": "cpu", "backend": "onnxruntime-cpu", "transport": "local"}
    assert Platform.model_validate_json(json.dumps(local | nowhere), strict=True).ssh is None
    board = local | nowhere | {"transport": "ssh", "host": "pi"}
    assert Platform.model_validate_json(json.dumps(board), strict=True).ssh == Ssh(host="pi")


@pytest.mark.parametrize(
    ("code", "said", "spoke", "gone", "sentence"),
    [
        (255, "pi@b: Permission denied (publickey).", False, False, "by ssh.*ssh-copy-id"),
        (255, "Host key verification failed.", False, False, "check the board's key"),
        (255, f"Received disconnect:2: {KEYS}\nDisconnected from b", False, False, f"{KEYS}.*Iden"),
        (255, "Unable to negotiate with b: no matching cipher", False, False, "cipher.*it offers"),
        (255, "c line 2: Bad port 'x'.\nc: terminating, 1 bad configuration options", *BAD_FILE),
        (255, "Bad owner or permissions on /home/me/.ssh/config", *BAD_FILE),
        (255, "ssh: no jump\nConnection closed by UNKNOWN port 65535", False, True, "no jump"),
        (
            255,
            "cat: /etc/motd: Permission denied\nConnection closed",
            False,
            True,
            "Connection clo",
        ),
        (255, "ssh: connect to host b port 22: No route to host", False, True, "No route to host"),
        (255, "ssh: connect to host b: Connection refused", False, True, "Connection refused"),
        (255, "ssh: Could not resolve hostname b", False, True, "not resolve hostname"),
        (255, "Timeout, server b not responding.", True, True, "to pi@b was lost.*Timeout"),
        (255, "", True, True, "connection to pi@b was lost"),
        (127, "sh: 1: python3: not found", False, False, "has no python3.*install Python 3.9"),
        (137, "", True, True, r"ended there \(signal 9, for want of memory perhaps\)"),
        (139, "", True, True, r"ended there \(signal 11\)"),
        (1, "OSError: [Errno 28] No space left on device", True, True, "disk of pi@b is full"),
        (1, "ValueError: x", True, False, r"died \(exit code 1\) \(ValueError: x\)"),
        (-15, "", True, True, r"was ended \(signal 15\)"),
        (3, "", False, False, r"died \(exit code 3\)"),
    ],
)
def test_the_end_of_a_connection_is_one_sentence(code, said, spoke, gone, sentence):
    error = Connection(BOARD, Path("worker")).process().explain(code, said, spoke)
    assert re.search(sentence, str(error))
    assert str(error).endswith(".")
    assert "\n" not in str(error)
    assert type(error) is (GoneError if gone else PlatformError)
    assert error.exit_code == 3


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("/home/pi/.cache cannot be written: No space left on device", GoneError),
        ("/home/pi/.cache cannot be written: Permission denied", PlatformError),
        ("No module named 'numpy'", PlatformError),
    ],
)
def test_of_a_board_that_cannot_run_it_a_full_one_may_come_back(reason, kind):
    event = events.Unavailable(event="unavailable", reason=reason)
    error = Connection(BOARD, Path("worker")).unavailable(event)
    assert type(error) is kind
    assert str(error).startswith(f"pi@b cannot run it: {reason}.")


def checked(**changes):
    machine = FINGERPRINT.model_dump(exclude={"runtimes", "worker", "gpu", "machine"})
    machine["architecture"] = changes.pop("architecture", "aarch64")
    machine.update({name: changes.pop(name) for name in ("os", "python") if name in changes})
    content = {
        "machine": Machine.model_validate(machine),
        "core": 0,
        "executable": "/usr/bin/python3",
        "bits": 64,
        "packages": {"numpy": None, "onnxruntime": None},
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
        (
            {"managed": True},
            ["-m venv ~/", "pip install numpy onnxruntime", "under [ssh]: python = "],
        ),
        ({"bits": 32}, ["not built for 32-bit programs on aarch64"]),
        ({"architecture": "riscv64"}, ["not built for 64-bit programs on riscv64"]),
    ],
)
def test_the_remedy_is_a_command_that_can_be_pasted(changes, lines):
    found = remedy(checked(**changes), ["onnxruntime"], backend("onnxruntime-cpu"))
    for line in lines:
        assert any(line in shown for shown in found), found


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("openvino-cpu", {"os": "Linux-5.10-aarch64-with-glibc2.31"}, "for glibc 2.35 or newer"),
        ("openvino-cpu", {"os": "Linux-6-glibc2.31", "architecture": "x86_64"}, "pip install"),
        ("openvino-cpu", {"os": "Linux-6.1-aarch64-with-glibc2.36"}, "pip install"),
        ("openvino-cpu", {"python": "3.9.2"}, "newest wheels are for Python 3.10 or newer"),
        ("litert-cpu", {"python": "3.9.2"}, "LiteRT's newest wheels are for Python 3.10 or newer"),
        ("litert-cpu", {"python": "3.10.0"}, "pip install"),
        ("ncnn-cpu", {"python": "3.9.2"}, "pip install"),
    ],
)
def test_where_a_runtime_has_no_wheels_is_said(name, changes, said):
    first, *others = remedy(checked(**changes), ["numpy"], backend(name))
    assert said in " ".join([first, *others][: 1 if "pip" not in said else None])
    # There is no use in a command where nothing can be installed.
    assert ("glibc" in said) == (not others)


def test_a_board_is_told_from_other_platforms(guidelines):
    complains(guidelines("board", "check", "cpu"), 2, "cpu is no board")
    complains(guidelines("board", "check", "missing.toml"), 2, "missing.toml")


def test_an_old_python_is_told(tmp_path):
    """The agent itself says so, to a Python that takes itself for an older one."""
    boot = "import sys;sys.version_info=(3,8,1);exec(eval(sys.stdin.buffer.readline()))"
    source = ssh.agent_line() + b'{"do": "work"}\n'
    done = subprocess.run([sys.executable, "-c", boot], input=source, capture_output=True)
    assert done.returncode == 0, done.stderr
    event = events.parse(done.stdout.splitlines()[-1])
    assert "is Python 3.8, and 3.9 or newer is needed" in event.reason


def test_a_reason_of_many_lines_becomes_one_sentence():
    reason = "\n\nIMPORTANT: PLEASE READ THIS\n\nUnable to import required dependencies.\n"
    event = events.Unavailable(event="unavailable", reason=reason)
    error = Connection(BOARD, Path("worker")).unavailable(event)
    assert "\n" not in str(error)
    assert ".." not in str(error)
    assert "guidelines board check" in str(error)


def test_the_worker_is_the_same_file_whenever_it_is_packed(tmp_path, monkeypatch):
    now = worker_archive.build(tmp_path / "now").read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    assert worker_archive.build(tmp_path / "later").read_bytes() == now


def test_there_is_no_ssh(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(PlatformError, match="no ssh on this machine"):
        Connection(BOARD, Path("worker")).process()
