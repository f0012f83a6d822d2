"""Exit code 1 is a verdict: neither a closed pipe nor any fault of the suite's own ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from guideline_benchmarks.results.store import run_folders
from tests.program import complains, slow_but_first
from tests.synthetic import noisy, run_of

CELL = "g4/relu+shortcut/x1"
# A run, and the exit code of its check.
VERDICTS = slow_but_first(("slow", 1), ("same", 0))
FAULTY = """
import errno, sys
import guideline_benchmarks.guidelines.commands.program as module
from guideline_benchmarks.guidelines.__main__ import main

class WrongUse(Exception):
    exit_code = 1
    def format_message(self):
        return "That is wrong."

def program(prog_name, standalone_mode):
    raise {error}

module.program = program
sys.argv = ["guidelines"]
main()
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A baseline, the same again, and a run that is slower throughout Table 4 but for its base."""
    folder = tmp_path_factory.mktemp("stored")
    slow = {cell.name for cell in run_of(["g4"], lambda *_: 1.0).cells[1:]}
    for name, factor, seed in (("old", 1.0, 1), ("same", 1.0, 2), ("slow", 1.3, 3)):
        truth = lambda cell, by=factor: 5.0 * (by if cell.name in slow else 1.0)  # noqa: E731
        run_folders.write_run(folder / name, run_of(["g4"], noisy(truth, noise=0.004, seed=seed)))
    return folder


def without_reader(*words, folder, also=()):
    """Run `guidelines` with its output, and the streams in `also`, on a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    streams = {"stdout": writing, "stderr": subprocess.PIPE} | dict.fromkeys(also, writing)
    done = subprocess.run([sys.executable, "-m", "guidelines", *words], cwd=folder, **streams)
    os.close(writing)
    return done.returncode, (done.stderr or b"").decode()


@pytest.mark.parametrize(("run", "code"), VERDICTS)
@pytest.mark.parametrize("how", [(), ("--json",)])
def test_a_gate_whose_reader_has_left_gives_its_verdict(stored, run, code, how):
    found, err = without_reader("check", run, "--baseline", "old", *how, folder=stored)
    assert found == code, err
    assert "roken pipe" not in err
    assert "Traceback" not in err
    assert "cannot be written" not in err


@pytest.mark.parametrize(("run", "code"), VERDICTS)
def test_so_does_one_whose_complaints_nobody_reads(stored, run, code):
    words = ("check", run, "--baseline", "old")
    assert without_reader(*words, folder=stored, also=["stderr"])[0] == code
    script = f"{sys.executable} -m guidelines {' '.join(words)} >&- 2>&- <&-"
    assert subprocess.run(["bash", "-c", script], cwd=stored).returncode == code
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "guidelines", *words, "--quiet"]
        assert subprocess.run(command, cwd=stored, stderr=full).returncode == code


@pytest.mark.parametrize(
    "words", [("show", "old"), ("show", "old", "--json"), ("--help",), ("list",)]
)
def test_a_reader_that_has_left_is_no_error_of_any_command(stored, words):
    assert without_reader(*words, folder=stored) == (0, "")


@pytest.mark.parametrize("words", [("nonsense",), ("check",), ("show", "nowhere"), ()])
def test_wrong_use_is_2_also_where_nobody_reads(stored, words):
    assert without_reader(*words, folder=stored, also=["stderr"])[0] == 2


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        ("KeyError('surprise')", 4, "fault of the suite's own .KeyError., and no verdict"),
        ("SystemExit(1)", 4, "fault of the suite's own"),
        ("SystemExit('a library has had enough')", 4, "fault of the suite's own"),
        ("RecursionError()", 4, "fault of the suite's own"),
        ("SystemExit(0)", 0, None),
        ("WrongUse()", 2, "That is wrong"),
        (
            "ModuleNotFoundError('No module', name='pydantic')",
            3,
            "pydantic is missing: pip install",
        ),
        ("MemoryError()", 3, "too little memory"),
        ("OSError(errno.EMFILE, 'Too many open files')", 3, "system refused: Too many open files"),
        (
            "PermissionError(errno.EACCES, 'Permission denied', 'a/file')",
            2,
            "a/file cannot be used",
        ),
        ("OSError(errno.ENOSPC, 'No space left', 'a/file')", 3, "disk is full: a/file"),
        ("KeyboardInterrupt()", 130, "Interrupted"),
    ],
)
def test_no_fault_ends_as_a_verdict_does(error, code, says):
    script = FAULTY.replace("{error}", error)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    if code == 4:
        # What is to be reported stands above the sentence.
        assert done.stderr.startswith("Traceback")
        done.stderr = done.stderr.splitlines()[-1]
    if says is None:
        assert done.stderr == ""
    else:
        complains((done.returncode, "", done.stderr), code, says)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_in_any_way_it_cleans_up(end):
    # The tests themselves may be run under nohup.
    heard = "signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    error = f"os.kill(os.getpid(), {end:d}) or time.sleep(60)"
    complains(ended_by(error, heard), 130, "Interrupted")


def test_what_outlives_a_terminal_goes_on_without_it():
    ignored = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    error = "os.kill(os.getpid(), signal.SIGHUP) or SystemExit(0)"
    assert ended_by(error, ignored)[0] == 0


def test_who_does_not_wait_for_the_end_gets_no_traceback():
    pressed = "atexit.register(os.kill, os.getpid(), signal.SIGINT)"
    code, _, err = ended_by("KeyboardInterrupt()", pressed)
    assert code == -signal.SIGINT
    assert err == "guidelines: Interrupted.\n"


def ended_by(error, before=""):
    """How the program ends that raises an error, after something else."""
    script = f"import atexit, os, signal, time\n{before}\n{FAULTY}".replace("{error}", error)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr
