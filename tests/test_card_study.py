"""The verification of a card, on programs and figures that stand in for it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.guidelines.studies.card import attempts, checks, findings, study
from guideline_benchmarks.guidelines.studies.card.attempts import Step
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.runners.worker import ceilings
from guideline_benchmarks.runners.worker.backends import torch_cuda
from guideline_benchmarks.runners.worker.backends.interface import Settings
from tests.simulated_gpu import Clocks, CpuAsGpu

HANGS = "import time; print('begun', flush=True); time.sleep(600)"


def step(program, seconds=60, beside=""):
    return Step("one", ("-c", program), seconds, ("-c", beside) if beside else ())


def test_a_step_tells_its_end_its_last_line_and_keeps_its_output(tmp_path):
    found = attempts.attempt(step("print('a'); print('b'); raise SystemExit(3)"), tmp_path)
    assert (found.code, found.said, found.traceback) == (3, "b", False)
    assert found.ended() == "exit 3"
    assert (tmp_path / "logs" / "one.txt").read_text() == "a\nb\n"
    assert attempts.attempt(step("raise ValueError"), tmp_path).ended() == "TRACEBACK"


def test_a_step_that_takes_too_long_is_stopped_as_ctrl_c_does(tmp_path):
    program = "import time\ntry: time.sleep(600)\nexcept KeyboardInterrupt: print('kept')"
    found = attempts.attempt(step(program, seconds=2), tmp_path)
    assert (found.code, found.said, found.ended()) == (None, "kept", "cut off")


def test_what_a_step_began_ends_with_it(tmp_path):
    silent = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    program = f"import subprocess, sys; print({silent}.pid)"
    pid = int(attempts.attempt(step(program), tmp_path).said)
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    raise AssertionError("it still runs")


def test_a_program_runs_beside_a_step_and_no_longer(tmp_path):
    beside = f"import os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()));{HANGS}"
    alive = "import psutil; print(psutil.pid_exists(int(open('pid').read())))"
    program = f"import os; os.chdir({str(tmp_path)!r}); {alive}"
    assert attempts.attempt(step(program, beside=beside), tmp_path).said == "True"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_step_whose_program_beside_ends_at_once_is_not_done(tmp_path):
    found = attempts.attempt(step("print('done')", beside="raise SystemExit"), tmp_path)
    assert found.code == 3
    assert "beside" in found.said


@pytest.fixture
def two_steps(monkeypatch):
    def steps(folder):
        note = "open({!r}, 'a').write('x')".format(str(folder / "times"))
        return [Step("good", ("-c", note), 60), Step("bad", ("-c", note + "; 1 / 0"), 60)]

    monkeypatch.setattr(study, "steps", steps)
    seen = SimpleNamespace(cards=["a card"], absent="")
    monkeypatch.setattr(study, "observe", lambda: seen)
    monkeypatch.setattr(study, "lines", lambda seen: [f"GPU: {seen.cards[0]}."])
    return seen


def test_the_study_does_each_step_once_and_what_is_asked_for_again(two_steps, tmp_path, capsys):
    study.main(tmp_path, [])
    study.main(tmp_path, [])
    assert (tmp_path / "times").read_text() == "xx"
    study.main(tmp_path, ["good"])
    assert (tmp_path / "times").read_text() == "xxx"
    page = (tmp_path / "card.md").read_text()
    assert "| good | done |" in page
    assert "| bad | TRACEBACK |" in page
    assert "ZeroDivisionError" in page
    assert "GPU: a card." in page
    assert "good (at most 60 s): done" in capsys.readouterr().out


def test_a_step_that_was_cut_off_is_done_again(two_steps, tmp_path, monkeypatch):
    slow = [Step("slow", ("-c", f"open({str(tmp_path / 'times')!r}, 'a').write('x'); {HANGS}"), 2)]
    monkeypatch.setattr(study, "steps", lambda folder: slow)
    study.main(tmp_path, [])
    study.main(tmp_path, [])
    assert (tmp_path / "times").read_text() == "xx"
    assert "| slow | cut off |" in (tmp_path / "card.md").read_text()


def test_no_step_is_begun_without_time_for_it(two_steps, tmp_path, capsys):
    study.main(tmp_path, [], seconds=study.STOPPING_SECONDS + study.LEAST_SECONDS - 1)
    assert "No time is left for good, bad: call it again." in capsys.readouterr().out
    assert not (tmp_path / "times").exists()


def test_what_a_telling_step_printed_is_shown_whole(two_steps, tmp_path, monkeypatch, capsys):
    telling = Step("told", ("-c", "print('first'); print('last')"), 60, telling=True)
    monkeypatch.setattr(study, "steps", lambda folder: [telling])
    study.main(tmp_path, [])
    assert "first\nlast\n" in capsys.readouterr().out


def test_a_step_that_does_not_exist_is_refused(two_steps, tmp_path):
    with pytest.raises(BadInputError, match='no step "godo"'):
        study.main(tmp_path, ["godo"])


def test_without_a_card_no_step_is_tried(two_steps, tmp_path):
    two_steps.cards, two_steps.absent = [], "No NVIDIA GPU was found."
    with pytest.raises(PlatformError, match="No NVIDIA GPU was found"):
        study.main(tmp_path, [])
    assert not list(tmp_path.iterdir())


def test_steps_are_commands_of_the_suite():
    names = [step.name for step in study.steps(Path("folder"))]
    assert len(set(names)) == len(names)
    assert study.TESTS.is_file()


def test_the_step_of_events_is_judged():
    assert findings.of_events(1500, 500).holds
    assert findings.of_events(1500, 4000).holds is False
    assert findings.of_events(1500, None).holds is None


def test_clocks_that_run_apart_are_told():
    assert findings.of_clocks(995_000_000, 1_000_000_000).holds
    assert not findings.of_clocks(900_000_000, 1_000_000_000).holds


@given(
    hot=st.floats(1e3, 1e6),
    longer=st.floats(1.2, 10),
    left=st.floats(0, 1).filter(lambda left: abs(left - findings.MOST_LEFT) > 1e-6),
)
def test_what_a_flush_leaves_is_found(hot, longer, left):
    thorough = hot * longer
    block = (hot, thorough - left * (thorough - hot), thorough)
    found = findings.of_flush(0.5, [block] * 3)
    told = float(found.found.split("%")[0])
    assert told == pytest.approx(100 * left, abs=0.051)
    assert found.holds is (left <= findings.MOST_LEFT)


def test_what_chance_may_have_left_is_no_fault():
    blocks = [(1000.0, 2000.0 - left, 2000.0) for left in (0.0, 120.0, 0.0, 160.0)]
    assert findings.of_flush(0.5, blocks).holds
    assert not findings.of_flush(0.5, blocks * 20).holds


def test_a_cache_that_is_no_faster_than_memory_tells_nothing_of_a_flush():
    found = findings.of_flush(0.5, [(10_000, 10_050, 10_100)] * 2)
    assert found.holds is None
    assert "cannot be told" in found.found


def test_a_profiler_that_slows_what_comes_after_it_is_told():
    assert findings.of_profiler(1000.0, 1005.0).holds
    assert not findings.of_profiler(1000.0, 1100.0).holds


def test_late_hosts_are_counted_over_all_and_named_for_the_worst():
    found = findings.of_launches({"a": 0, "b": 10}, 100)
    assert "5.0%, of b 10.0%" in found.found
    assert found.holds is False
    assert findings.of_launches({"a": 0, "b": 1}, 100).holds


def test_the_clock_after_samples_is_held_against_that_during_them():
    assert findings.of_clock_readings([1980] * 9, [1980, 1965, 1980], "1980 MHz").holds
    assert not findings.of_clock_readings([1980] * 9, [1200] * 3, "1980 MHz").holds
    assert findings.of_clock_readings([], [], "not asked").holds is None


def test_ceilings_are_held_against_what_the_card_is_built_for():
    # A GeForce GTX 1080 Ti: 28 multiprocessors of 128 lanes, and 352 lines at 5505 MHz.
    assert "of 484.4 GB/s" in findings.of_bandwidth(350e9, 5505, 352).found
    assert findings.of_bandwidth(350e9, 5505, 352).holds
    assert not findings.of_bandwidth(500e9, 5505, 352).holds
    assert findings.of_product(5e12, 28, 1911, "6.1").holds
    assert not findings.of_product(1e12, 28, 1911, "6.1").holds
    assert findings.of_product(5e12, 28, None, "6.1").holds is None
    # Half as many lanes.
    assert not findings.of_product(5e12, 28, 1911, "6.0").holds


class Slow(CpuAsGpu):
    """Its cache is of no use to it, and it waits as long as it is told to."""

    def __init__(self):
        super().__init__()
        self.card = Clocks(1900)
        self.card.bus_bits = lambda: 128
        self.cache_sized = torch.empty(2**16, dtype=torch.int8)

    def flush(self):
        time.sleep(1e-4)


def test_all_is_looked_into_and_what_fails_is_told(monkeypatch):
    monkeypatch.setattr(ceilings, "GPU_LARGEST", 2**22)
    monkeypatch.setattr(ceilings, "GPU_ROWS", 32)
    monkeypatch.setattr(checks, "SAMPLES", 4)
    monkeypatch.setattr(checks, "BLOCKS", 2)
    monkeypatch.setattr(checks, "LONG_NS", 10_000_000)
    monkeypatch.setattr(checks, "REST_SECONDS", 0.0)

    def profile():
        raise RuntimeError("CUPTI is not there. It should be")

    network = SimpleNamespace(
        enqueue=lambda: None, hides_launch=True, eager=None, profile=profile, executed=dict
    )
    backend = torch_cuda.TorchCuda(Settings(1, "graph", "fp32"), Slow())
    try:
        backend.stopwatch.prepare(network)
        looks = checks.looks(backend, {"a": network})
        found = [one for look in looks for one in checks.found_by(look)]
    finally:
        backend.inference.__exit__(None, None, None)
    assert [one.what for one in found if one.what.startswith("of an array of")] == [
        "of an array of 0.125 of the cache, left in it after one flush",
        "of an array of 0.5 of the cache, left in it after one flush",
    ]
    assert findings.line(found[0]).startswith(("holds: the least step", "look: the least step"))
    assert findings.line(found[-1]) == "DOES NOT HOLD: a look that failed: CUPTI is not there"
