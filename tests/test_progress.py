"""Progress: a bar on a terminal, plain lines elsewhere, nothing if quiet."""

from __future__ import annotations

import io

from rich.console import Console

from guideline_benchmarks.guidelines.session import progress
from guideline_benchmarks.guidelines.session.progress import ProgressDisplay
from guideline_benchmarks.results.record.protocol import StoppingRule
from tests.synthetic import counted_run, run_of


def shown(terminal, quiet, monkeypatch):
    """What a display prints during two processes of three rounds, ten seconds each."""
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    run = run_of(["g1"], lambda *_: 1.0, rounds=(3, 3))
    console = Console(file=io.StringIO(), force_terminal=terminal, width=140)
    with ProgressDisplay(6, 2, quiet, console) as display:
        display.preparing(0, 14)
        for process in range(2):
            display.process_started(process, 3)
            for cell in run.networks:
                display.network_ready(cell)
            for number in range(3):
                for cell in run.networks:
                    display.sample_taken(cell)
                done = run.model_copy(update={"rounds": run.rounds[: 3 * process + number + 1]})
                display.round_stored(done)
    return console.file.getvalue()


def test_plain_lines_without_a_terminal(monkeypatch):
    text = shown(False, False, monkeypatch)
    assert "process 1 of 2: 3 rounds to measure" in text
    assert "process 2 of 2: 3 rounds to measure" in text
    assert "/6 rounds, about" in text
    assert "\x1b" not in text
    assert "\r" not in text


def test_with_a_stopping_rule_the_most_time_that_is_left_is_shown(monkeypatch):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    console = Console(file=io.StringIO(), force_terminal=False, width=140)
    run = run_of(["g1"], lambda *_: 1.0, rounds=(1, 1))
    stop = StoppingRule(relative_error=0.01, seconds=100)
    run = run.model_copy(update={"protocol": run.protocol.model_copy(update={"stop": stop})})
    with ProgressDisplay(2, 0, False, console) as display:
        display.process_started(0, 1)
        for spent in (10.0, 30.0):
            processes = [run.processes[0].model_copy(update={"seconds": spent})]
            display.round_stored(run.model_copy(update={"processes": processes}))
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "process 1: 1 rounds to measure"
    assert lines[1] == "2 rounds"
    assert lines[2].startswith("2 rounds, about ")


def test_quiet_says_nothing(monkeypatch):
    assert shown(False, True, monkeypatch) == ""
    assert shown(True, True, monkeypatch) == ""


def test_a_bar_on_a_terminal(monkeypatch):
    text = shown(True, False, monkeypatch)
    assert "/6" in text
    assert "left" in text


def test_networks_counted_are_shown_with_the_time_left_by_their_work(monkeypatch):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    console = Console(file=io.StringIO(), force_terminal=False, width=140)
    run = counted_run(["g1"], lambda cell: 1000)
    with ProgressDisplay(len(run.cells), 1, False, console) as display:
        display.count_stored(run.model_copy(update={"counts": []}))
        display.counting(run.cells[0])
        # All cells of the made up run have the same multiply-adds; the clock steps by 20 s.
        half = run.model_copy(update={"counts": run.counts[:6]})
        display.count_stored(half)
        display.count_stored(run)
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "0/12 networks"
    assert any(line.startswith("6/12 networks, about ") for line in lines)
    assert lines[-1] == "12/12 networks, about 0 s left"
