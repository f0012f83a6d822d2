"""Boards: what is said to a shell, what is copied, what goes wrong; and one, emulated, in the room.

The board is OpenSSH's own server on loopback. It lands in the emulated aarch64 Python, or, where an
emulated processor would show nothing more, in this machine's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import sys
import time

import numpy as np
import pytest

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.guidelines.studies.fleet import loopback as boards
from guideline_benchmarks.results.advice.stored import read_advice
from guideline_benchmarks.results.errors import GoneError, PlatformError
from guideline_benchmarks.results.record.backends import BACKENDS
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.runners import platform_file, worker_archive, worker_process
from guideline_benchmarks.runners.transports import ssh
from guideline_benchmarks.runners.transports.ssh import Connection
from guideline_benchmarks.runners.worker_process import WorkerProcess
from tests.program import complains, slow_but_first, wait_for
from tests.runtimes import is_installed
from tests.small_program import smaller
from tests.synthetic import some
from tests.test_advise import write_model
from tests.user_networks import MODULES

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


def on(platform, names, times, processes, precision="fp32"):
    """A plan of some small cells with as little warming up as possible: emulated runs are slow."""
    declarations = [smaller(declaration) for declaration in some(*names)]
    asked = plan(declarations, str(platform), Options(times, processes, precision=precision))
    short = asked.protocol.model_copy(update={"warmup_min": 1, "warmup_max": 1})
    return runs.Plan(asked.declarations, asked.platform, short)


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

    def machine_state(self, celsius, mhz):
        pass

    def round_stored(self, run):
        self.after_round()


@pytest.fixture
def no_ceilings(monkeypatch):
    """Ask no worker what its machine can reach, which an emulated one takes minutes for."""
    send = WorkerProcess.send

    def without(worker, request):
        send(worker, {key: value for key, value in request.items() if key != "ceilings"})

    monkeypatch.setattr(WorkerProcess, "send", without)


@pytest.mark.slow
@pytest.mark.usefixtures("no_ceilings")
def test_an_emulated_board_is_measured_over_ssh_loses_its_connection_and_goes_on(
    board, on_path, cache, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    asked = on(board.platform(), ("g2/g=2/x1", "g2/g=1/x1"), 4, 2)
    watcher = Watcher(board.hang_up)
    with pytest.raises(GoneError, match=r"connection to .* was lost"):
        runs.execute(asked, tmp_path, False, watcher, lambda *_: None)
    kept = run_folders.read_run(tmp_path)
    assert len(kept.rounds) == 1
    # Of two cells and two controls the network and its output.
    assert watcher.copied == 2 * 4
    again = Watcher()
    run = runs.execute(asked, tmp_path, True, again, lambda *_: None)
    assert again.copied == 0
    assert complete(run)
    assert run.failures == {}
    assert run.rounds[:1] == kept.rounds
    assert [len(process.proofs) for process in run.processes] == [4, 4, 4]
    assert run.fingerprint.architecture == "aarch64"
    assert run.fingerprint.cpu_model == "Cortex-A57"
    assert len(run.sessions) == 2


def test_an_emulated_board_is_checked(board, finished):
    code, out, err = finished("board", "check", board.platform())
    assert code == 0, err
    assert "Cortex-A57" in out
    assert "aarch64" in out
    assert "numpy 2" in out
    assert "Ready: guidelines run all --platform" in out


@pytest.fixture
def finished(command, board, ready_python):
    """Run `guidelines` to its end with the board's ssh; return exit code, output, complaints."""

    def finish(*words):
        process = command(*words, environment={"PATH": board.path}, python=ready_python)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    return finish


@pytest.mark.usefixtures("no_ceilings")
@pytest.mark.parametrize(
    "row", slow_but_first(*(row for row in BACKENDS.values() if row.over_ssh and row.extra))
)
def test_further_runtimes_are_measured_over_ssh(row, native, on_path, cache, monkeypatch, tmp_path):
    """In the lowest precision that they compute in; they are this machine's own."""
    if not is_installed(row, row.precisions[-1]):
        pytest.skip(f"{row.runtime} is not installed (make runtimes)")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    native.write_text(native.read_text().replace("onnxruntime-cpu", row.name))
    asked = on(native, ["g4/relu+shortcut/x1", "g4/none/x1"], 2, 1, row.precisions[-1])
    run = runs.execute(asked, tmp_path / "run", False, Watcher(), lambda *_: None)
    assert run.failures == {}
    assert complete(run)
    assert set(run.fingerprint.runtimes) == {"numpy", row.requirements[-1]}
    bits = {cell.quantised.weight_bits for cell in run.cells if cell.quantised}
    # Of a board's CPU it is not known whether kernels for 8 bits saturate; LiteRT's never do.
    assert bits == {"openvino-cpu": {7}, "ncnn-cpu": set(), "litert-cpu": {8}}[row.name]


def test_a_run_over_ssh_that_is_cut_off_says_how_to_go_on(
    board, native, command, finished, tmp_path
):
    words = ("run", "g4", "--platform", native, "--runs", 20, "--processes", 1, "--out", "mine")
    process = command(*words, environment={"PATH": board.path})
    wait_for(tmp_path / "mine", "rounds", 1)
    board.hang_up()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert re.search(r"connection to \S+@127.0.0.1 was lost .*continue with", err)
    assert "Traceback" not in err
    kept = run_folders.read_run(tmp_path / "mine")
    code, out, err = finished(*words, "--resume", "--json")
    assert code == 0, err
    run = run_folders.read_run(tmp_path / "mine")
    assert run.rounds[: len(kept.rounds)] == kept.rounds
    assert complete(run)
    assert {cell["platform"] for cell in json.loads(out)} == {"native"}


def test_a_users_network_with_data_of_its_own_is_measured_on_a_board(
    board, native, finished, tmp_path
):
    (tmp_path / "nets.py").write_text((MODULES / "signatures.py").read_text())
    mask = np.ones((1, 1, 8, 8), bool)
    np.savez(tmp_path / "data.npz", image=np.ones((1, 3, 8, 8), np.float32), mask=mask)
    words = ("decompose", "nets:Masked", "--values", "data.npz", "--platform", native)
    words += ("--runs", 2, "--processes", 1, "--out", "mine", "--quiet")
    code, _, err = finished(*words)
    assert code == 0, err
    run = run_folders.read_run(tmp_path / "mine")
    assert run.failures == {}
    assert [tensor.name for tensor in run.cells[0].network.inputs] == ["image", "mask"]


@pytest.mark.slow
def test_several_boards_are_measured_at_the_same_time(board, command, tmp_path):
    names = ("one", "other")
    started = []
    for name in names:
        # What makes two of one board: what tells that it is in use lies elsewhere.
        (board.home / "tmp" / name).mkdir()
        own = f"export TMPDIR={board.home}/tmp/{name}"
        python = board.python(f"python of {name}", f"{own}\n{HERE}")
        process = command(
            *("run", "g4", "--runs", 2, "--processes", 1, "--quiet", "--out", name),
            *("--platform", board.platform(name, python=python)),
            environment={"PATH": board.path},
        )
        started.append(process)
    for name, process in zip(names, started, strict=True):
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert complete(run_folders.read_run(tmp_path / name))
        assert run_folders.read_run(tmp_path / name).platform.name == name


def test_a_board_that_lacks_packages_gets_the_command_that_installs_them(board, finished):
    # Without site-packages.
    bare = board.platform("bare", python=board.python("bare", HERE.replace('"$@"', '-S "$@"')))
    code, out, err = finished("board", "check", bare)
    complains((code, out, err), 3, "lacks numpy and onnxruntime")
    assert "-m pip install numpy onnxruntime" in out
    result = finished("run", "g4", "--platform", bare, "--runs", 1)
    complains(result, 3, "No module named 'numpy'", "guidelines board check", "Nothing was stored")


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


@pytest.mark.slow
def test_advice_is_given_on_a_board(board, native, finished, tmp_path):
    write_model(tmp_path)
    words = ("advise", "net.onnx", "--platform", native, "--out", "advice", "--quiet")
    code, _, err = finished(*words, "--runs", 4, "--processes", 2)
    assert code == 0, err
    judged = read_advice(tmp_path / "advice", run_folders.read_run)
    assert judged.platform.name == "native"
    assert {one.verdict for one in judged.findings} - {"not measured"}


@pytest.mark.usefixtures("no_ceilings")
def test_a_damaged_file_is_copied_again(board, native, on_path, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    asked = on(native, ("g4/none/x1", "g4/relu+shortcut/x1"), 1, 1)
    runs.execute(asked, tmp_path / "one", False, Watcher(), lambda *_: None)
    whole = {path: path.read_bytes() for path in board.cache.iterdir()}
    for path, content in whole.items():
        path.write_bytes(content[:100])
    # What copies left that were cut off, long ago and just now.
    for name, age in (("old.1", 10**6), ("new.2", 0)):
        (board.cache / name).write_bytes(b"half")
        os.utime(board.cache / name, (time.time() - age,) * 2)
    watcher = Watcher()
    run = runs.execute(asked, tmp_path / "other", False, watcher, lambda *_: None)
    assert complete(run)
    assert run.failures == {}
    # The networks of two cells and two controls, and their outputs.
    assert watcher.copied == 8
    mended = [path for path, content in whole.items() if path.read_bytes() == content]
    assert len(mended) == 8 + 1
    assert not (board.cache / "old.1").exists()
    assert (board.cache / "new.2").exists()
