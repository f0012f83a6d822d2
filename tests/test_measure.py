"""The controller against a worker that answers by a formula, and against ones that misbehave."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from guideline_benchmarks.results.errors import (
    BadInputError,
    CheckFailedError,
    GoneError,
    PlatformError,
)
from guideline_benchmarks.results.record.cells import Operators
from guideline_benchmarks.results.record.parts import OperatorCall
from guideline_benchmarks.results.record.platform import Cluster
from guideline_benchmarks.results.record.protocol import StoppingRule
from guideline_benchmarks.results.record.same_machine import differing_fields
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.runners import events, measure, proof, samples, schedule
from guideline_benchmarks.runners.launcher import Launcher, ModelFiles, identify
from guideline_benchmarks.runners.transports.local import Local
from guideline_benchmarks.runners.worker_process import WorkerProcess
from tests.synthetic import FINGERPRINT, fig2_run, run_of, valid

FAKE = Path(__file__).parent / "fake_worker.py"


class Recorder:
    """A watcher and a store that keep what they are told."""

    def __init__(self):
        self.stored: list[Run] = []
        self.samples = 0
        self.states = []

    def process_started(self, process, rounds):
        pass

    def copying(self, done, total):
        pass

    def network_ready(self, cell):
        pass

    def sample_taken(self, cell):
        self.samples += 1

    def machine_state(self, celsius, mhz):
        self.states.append((celsius, mhz))

    def round_stored(self, run):
        assert run is self.stored[-1]

    def store(self, run):
        self.stored.append(run)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "orders.jsonl"


@pytest.fixture
def bench(tmp_path, log):
    """Measure with the fake worker in a mode; returns the run and what was stored."""
    models = {}

    def fake(mode):
        return Launcher(Local([sys.executable, str(FAKE), mode, str(log)]), "f" * 64)

    def files_of(run):
        for cell in run.networks:
            path = tmp_path / cell.name.replace("/", "_")
            path.write_text(json.dumps(asdict(cell.operators or Operators())))
            models[cell.name] = ModelFiles(path, path)
        return models

    def measured(run, mode="good", recorder=None):
        recorder = recorder or Recorder()
        launcher = fake(mode)
        if run.fingerprint.hostname == "bench":
            found = identify(run.platform, fake("good"))
            run = run.model_copy(update={"fingerprint": found})
        return measure.measure(run, files_of(run), launcher, recorder.store, recorder), recorder

    return measured


def planned(rounds=(3, 2)):
    """A run of G1 with everything but its processes and rounds."""
    run = run_of(["g1"], lambda *_: 1.0, rounds=rounds)
    return run.model_copy(update={"processes": [], "rounds": []})


def stopping(run, percent, seconds):
    """The same run with a stopping rule."""
    stop = StoppingRule(relative_error=percent / 100, seconds=seconds)
    return run.model_copy(update={"protocol": run.protocol.model_copy(update={"stop": stop})})


def test_a_stopping_rule_asks_for_processes_until_an_error_is_known_and_small(bench):
    # The fake worker's times are always the same, so three processes are enough to know.
    run, recorder = bench(stopping(planned((2,)), 1.0, 1000))
    assert complete(run)
    assert [entry.process for entry in run.rounds] == [0, 0, 1, 1, 2, 2]
    assert bench(run, recorder=recorder)[0] == run


def test_a_stopping_rule_ends_in_the_middle_of_a_process_when_its_time_is_up(bench):
    run, _ = bench(stopping(planned((3, 2)), 1.0, 1e-9))
    assert complete(run)
    assert len(run.rounds) == 1


def test_every_cell_and_control_is_measured_once_a_round_in_the_seeded_order(bench, log):
    run, _ = bench(planned())
    networks = list(range(len(run.networks)))
    wanted = [
        schedule.order(networks, run.protocol.seed, process, number)
        for process, rounds in enumerate((3, 2))
        for number in range(rounds)
    ]
    assert [json.loads(line) for line in log.read_text().splitlines()] == wanted
    assert [entry.order for entry in run.rounds] == wanted
    assert [entry.ns for entry in run.rounds] == [[1000 + i for i in o] for o in wanted]
    assert complete(run)


def test_how_warm_the_machine_is_is_told_after_each_round_where_it_is_known(bench):
    _, recorder = bench(planned())
    assert recorder.states == [(None, None)] * 5


def test_each_process_is_a_fresh_one(bench):
    run, _ = bench(planned())
    assert len({process.pid for process in run.processes}) == 2
    assert [process.load_end for process in run.processes] == [0.5, 0.5]


def test_every_round_is_stored_before_the_next_begins(bench, log):
    class Checking(Recorder):
        def store(self, run):
            super().store(run)
            asked = len(log.read_text().splitlines())
            assert asked == len(run.rounds)

    _, recorder = bench(planned(), recorder=Checking())
    assert [len(run.rounds) for run in recorder.stored] == [1, 2, 3, 3, 4, 5, 5]


@pytest.mark.parametrize(
    ("mode", "kind", "says"),
    [
        ("die", GoneError, r"died \(signal 9\)"),
        ("fail", PlatformError, r"died \(exit code 1\): out of paper"),
        ("garbage", PlatformError, "no event: 'Segmentation fault"),
        ("swap", PlatformError, "another network"),
        ("unavailable", PlatformError, "cannot run here.*onnxruntime"),
    ],
)
def test_a_worker_that_misbehaves_is_one_sentence(bench, mode, kind, says):
    with pytest.raises(PlatformError, match=says) as caught:
        bench(planned(), mode)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is kind


def test_a_worker_that_closes_its_output_and_stays_is_gone():
    program = "import os, time; os.close(1); time.sleep(60)"
    said = pytest.raises(GoneError, match="closed its output without ending")
    with WorkerProcess([sys.executable, "-c", program]) as worker, said:
        worker.receive(60, events.Ready)


def test_a_worker_that_hangs_is_ended(bench, monkeypatch):
    monkeypatch.setattr(samples, "LEAST_PATIENCE_SECONDS", 0.3)
    with pytest.raises(GoneError, match="hangs"):
        bench(planned(), "hang")


def test_a_command_that_does_not_exist_is_one_sentence():
    run = planned()
    with pytest.raises(PlatformError, match="could not be started"):
        identify(run.platform, Launcher(Local(["/nonexistent/python"]), "f" * 64))


def test_what_was_measured_before_a_worker_died_is_kept_and_continued(bench, log):
    recorder = Recorder()
    start = planned(rounds=(20, 20))
    with pytest.raises(PlatformError):
        bench(start, "garbage", recorder)
    assert recorder.stored == []
    whole, _ = bench(start)
    interrupted = whole.model_copy(
        update={"processes": whole.processes[:1], "rounds": whole.rounds[:7]}
    )
    log.unlink()
    finished, _ = bench(interrupted)
    assert finished.rounds[:7] == interrupted.rounds
    assert len(finished.rounds) == 40
    assert len(log.read_text().splitlines()) == 33
    counts = [sum(r.process == p.index for r in finished.rounds) for p in finished.processes]
    assert counts == [7, 13, 20]
    # Each round is measured in the order that it has without an interruption.
    assert [r.order for r in finished.rounds] == [r.order for r in whole.rounds]


def test_another_machine_is_refused_with_the_differing_fields(bench):
    run, _ = bench(planned())
    begun = run.model_copy(update={"rounds": run.rounds[:3]})
    with pytest.raises(BadInputError, match=r"cpu_model \(fake / other\)"):
        bench(begun, "moved")


def test_other_clusters_are_named():
    cluster = Cluster(core="Cortex-A57", count=1, cpus=[0], min_mhz=None, max_mhz=None)
    faster = cluster.model_copy(update={"max_mhz": 1958})
    one, other = (FINGERPRINT.model_copy(update={"clusters": [c]}) for c in (cluster, faster))
    (differing,) = differing_fields(one, other)
    assert differing.startswith("clusters (core Cortex-A57")
    assert differing.endswith("max_mhz 1958)")
    assert differing_fields(one, one) == []


def test_a_network_with_a_wrong_graph_has_no_samples(bench):
    run, _ = bench(planned(), "wrong")
    (name,) = run.failures
    assert name == run.cells[1].name
    assert "executes 21 convolutions where the cell claims 20" in run.failures[name]
    assert all(1 not in entry.order for entry in run.rounds)


def test_a_network_with_a_wrong_output_has_no_samples(bench):
    run, _ = bench(planned(), "differs")
    assert "output differs from the reference by 0.5" in run.failures[run.cells[0].name]
    assert all(0 not in entry.order for entry in run.rounds)


def test_a_run_in_which_nothing_is_right_ends(bench):
    run = planned()
    one = run.model_copy(update={"cells": run.cells[:1]})
    with pytest.raises(CheckFailedError, match="No network passed") as caught:
        bench(one, "differs")
    assert f"{one.cells[0].name}: its output differs from the reference" in str(caught.value)


def planned_decomposition():
    """A run of Fig. 2 with everything but its processes and rounds."""
    content = fig2_run(rounds=(2, 1)).model_dump() | {"processes": [], "rounds": []}
    return valid(content)


def test_profiles_are_stored_with_their_rounds(bench):
    run, recorder = bench(planned_decomposition())
    assert complete(run)
    profiled = [index for index, cell in enumerate(run.networks) if cell.profiled]
    for entry in run.rounds:
        assert sorted(profile.network for profile in entry.profiles) == profiled
        assert all(profile.operators_ns == [10, 10, 10] for profile in entry.profiles)
    Run.model_validate_json(recorder.stored[0].model_dump_json())


def test_profiles_of_two_processes_must_be_of_the_same_operators():
    one, other = (
        OperatorCall(operator=name, name="", inputs=[], outputs=[]) for name in ("Relu", "Tanh")
    )
    assert proof.changed([one, other], [other, one]) is None
    assert proof.changed([one], None) is None
    assert "other operators" in proof.changed([one, one, other], [one, other])


def test_a_profile_of_other_operators_is_refused(bench):
    recorder = Recorder()
    with pytest.raises(PlatformError, match="profiled other operators"):
        bench(planned_decomposition(), "shorter", recorder)
    assert recorder.stored == []
