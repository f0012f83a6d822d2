"""Boards: what is said to a shell, what is copied, what goes wrong; and one, emulated, in the room.

The board is OpenSSH's own server on loopback. It lands in the emulated aarch64 Python, or, where an
emulated processor would show nothing more, in this machine's.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time

import numpy as np
import pytest

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.results.advice.stored import read_advice
from guideline_benchmarks.results.errors import GoneError
from guideline_benchmarks.results.record.backends import BACKENDS
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.runners.worker_process import WorkerProcess
from tests.program import complains, slow_but_first, wait_for
from tests.runtimes import is_installed
from tests.small_program import smaller
from tests.synthetic import some
from tests.test_advise import write_model
from tests.user_networks import MODULES

HERE = f'exec {shlex.quote(sys.executable)} "$@"'


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
