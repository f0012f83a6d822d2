"""A run against its baseline: regressions, drift, other machines, instructions."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate.finding import Change
from guideline_benchmarks.results.gate.regression import LOST, judge_run
from guideline_benchmarks.results.record.platform import Cluster
from tests.synthetic import counted_run, noisy, run_of, run_of_declarations, some

SLOW = "g4/none/x2"


def timed(truth=lambda _: 5.0, seed=0, **options):
    return run_of(["g4"], noisy(truth, noise=0.005, seed=seed), **options)


def verdicts(judgement):
    return {finding.row.name: finding.verdict for finding in judgement.findings}


def other_fingerprint(run, **changes):
    return run.model_copy(update={"fingerprint": run.fingerprint.model_copy(update=changes)})


def test_the_same_machine_measured_twice_is_the_same():
    judged = judge_run(timed(seed=1), timed(seed=2))
    assert set(verdicts(judged).values()) == {Change.SAME}
    assert len(judged.findings) == 13
    assert judged.objections(strict=True) == []


def test_one_slower_cell_is_found_and_no_other():
    judged = judge_run(timed(lambda c: 5.8 if c.name == SLOW else 5.0, seed=1), timed(seed=2))
    found = verdicts(judged)
    assert found.pop(SLOW) == Change.SLOWER
    assert Change.SLOWER not in found.values()
    assert judged.objections(strict=False)


def test_a_machine_wide_drift_is_told_and_is_no_regression():
    judged = judge_run(timed(lambda _: 6.0, seed=1), timed(seed=2))
    assert set(verdicts(judged).values()) == {Change.SAME}
    assert [round(ratio, 1) for ratio, _ in judged.drifts.values()] == [1.2, 1.2]


def test_a_machine_in_another_state_decides_nothing():
    judged = judge_run(timed(lambda c: 9.0 if c.name == SLOW else 7.0, seed=1), timed(seed=2))
    assert set(verdicts(judged).values()) == {Change.INCONCLUSIVE}
    assert "The controls took 1.4" in judged.spread
    assert judged.cannot_tell
    assert "guidelines ab" in judged.needed
    assert {finding.smallest_detectable for finding in judged.findings} == {None}
    assert judged.objections(strict=False) == []


def hours_apart(spread, seed=1):
    """Times of an hour in which every cell is by itself a little slower or faster."""
    random = np.random.default_rng(seed)
    shifts = {}

    def truth(cell):
        if cell.experiment == "control":
            return 5.0
        return 5.0 * shifts.setdefault(cell.name, math.exp(random.normal(0, spread)))

    return truth


def test_hours_that_lie_apart_are_neither_the_same_nor_slower():
    every = ["g1", "g2", "g3", "g4"]
    old = run_of(every, noisy(lambda _: 5.0, noise=0.005, seed=2))
    judged = judge_run(run_of(every, noisy(hours_apart(0.04), noise=0.005, seed=1)), old)
    assert set(verdicts(judged).values()) == {Change.INCONCLUSIVE}
    assert judged.cannot_tell
    own = float(re.search(r"\(([\d.]+) % each cell by itself", judged.spread)[1])
    assert own == pytest.approx(4, abs=1.5)
    widths = {finding.between_runs for finding in judged.findings}
    assert len(widths) == 1
    assert 0.025 < widths.pop() < 0.055
    assert all(entry["between_runs"] for entry in judged.json_objects() if entry["kind"] == "cell")
    quiet = judge_run(run_of(every, noisy(lambda _: 5.0, noise=0.005, seed=1)), old)
    assert set(verdicts(quiet).values()) == {Change.SAME}
    assert "would have been found in the median cell" in quiet.spread


@pytest.mark.parametrize(("processes", "verdict"), [(2, Change.INCONCLUSIVE), (3, Change.SAME)])
def test_few_processes_call_nothing_the_same(processes, verdict):
    run, baseline = (run_of(["g4"], exact(seed), rounds=[20] * processes) for seed in (1, 2))
    judged = judge_run(run, baseline)
    assert set(verdicts(judged).values()) == {verdict}
    assert ("nothing is called SAME" in judged.spread) == (verdict == Change.INCONCLUSIVE)


def exact(seed):
    return noisy(lambda _: 5.0, noise=0.0005, seed=seed)


@pytest.mark.parametrize(("drift", "verdict"), [(0.0, "SAME"), (0.05, "INCONCLUSIVE")])
def test_of_few_cells_the_controls_say_how_far_hours_lie_apart(drift, verdict):
    def drifted(cell):
        return 5.0 * (1 + drift * (cell.experiment == "control"))

    few = some("g4/relu+shortcut/x2", SLOW)
    run = run_of_declarations(few, noisy(drifted, noise=0.0005, seed=1))
    judged = judge_run(run, run_of_declarations(few, exact(2)))
    assert verdicts(judged)["g4/relu+shortcut/x2"] == verdict
    assert "the controls' own drift: fewer than 8 cells" in judged.spread


def test_a_large_change_of_few_cells_is_found():
    few = some("g4/relu+shortcut/x2", SLOW)
    slow = noisy(lambda c: 9.0 if c.name == SLOW else 5.0, noise=0.0005, seed=1)
    judged = judge_run(run_of_declarations(few, slow), run_of_declarations(few, exact(2)))
    assert verdicts(judged)[SLOW] == Change.SLOWER


def test_a_guideline_whose_first_cell_failed_in_both_runs_is_judged_by_the_rest():
    failures = {"g4/relu+shortcut/x1": "x"}
    judged = judge_run(timed(failures=failures, seed=1), timed(failures=failures, seed=2))
    assert verdicts(judged)["g4"] == Change.SAME


def test_a_memory_state_that_moves_a_control_too_is_no_regression():
    def slow_memory(cell):
        return 5.8 if cell.name == SLOW or cell.row == "memory-heavy" else 5.0

    def states(truth, seed):
        base = noisy(truth, noise=0.003, seed=seed)

        def times(cell, process, number):
            moved = cell.name == SLOW or cell.row == "memory-heavy"
            return base(cell, process, number) * (1.13 if moved and process % 2 else 1.0)

        return run_of(["g4"], times)

    judged = judge_run(states(slow_memory, 1), states(lambda _: 5.0, 2))
    assert verdicts(judged)[SLOW] != Change.SLOWER


@pytest.mark.parametrize(
    ("field", "value"),
    [("machine", "elsewhere"), ("cpu_model", "Another CPU"), ("cores", 64), ("memory", 2**36)],
)
def test_another_machine_is_refused_by_name(field, value):
    run = other_fingerprint(timed(seed=1), **{"machine": "bench", field: value})
    with pytest.raises(BadInputError, match=field):
        judge_run(run, other_fingerprint(timed(seed=2), machine="bench"))


def test_a_baseline_that_knows_no_clusters_is_of_the_same_machine():
    cluster = {"core": "A", "count": 2, "cpus": [0, 1], "min_mhz": None, "max_mhz": None}
    clusters = [Cluster.model_validate(cluster)]
    judged = judge_run(other_fingerprint(timed(seed=1), clusters=clusters), timed(seed=2))
    assert judged.objections(strict=True) == []
    other = [clusters[0].model_copy(update={"core": "B"})]
    with pytest.raises(BadInputError, match="clusters"):
        judge_run(
            other_fingerprint(timed(seed=1), clusters=clusters),
            other_fingerprint(timed(seed=2), clusters=other),
        )


def test_another_platform_or_choice_of_networks_is_refused():
    with pytest.raises(BadInputError, match="channels"):
        judge_run(timed(channels="gpu"), timed())
    with pytest.raises(BadInputError, match="threads"):
        judge_run(timed(threads=2), timed())
    for field, value in (("precision", "bf16"), ("batch", 8)):
        run = timed()
        other = run.model_copy(update={"protocol": run.protocol.model_copy(update={field: value})})
        with pytest.raises(BadInputError, match=field):
            judge_run(other, run)


def test_software_may_change_and_is_named():
    run = other_fingerprint(timed(seed=1), runtimes={"onnxruntime": "2.0"}, memory=2**34 - 2**20)
    judged = judge_run(run, timed(seed=2))
    assert any("onnxruntime 2.0" in remark for remark in judged.remarks)
    assert judged.objections(strict=True) == []


def test_a_cell_that_the_baseline_has_and_the_run_lacks_keeps_the_gate_shut():
    whole = run_of(["g3", "g4"], noisy(lambda _: 5.0))
    judged = judge_run(timed(), whole)
    assert [finding.failure for finding in judged.findings].count(LOST) == 15
    assert any("was not measured" in said for said in judged.objections(strict=False))
    backwards = judge_run(whole, timed())
    assert any("Not in the baseline" in remark for remark in backwards.remarks)
    assert backwards.objections(strict=False) == []


def test_a_cell_that_fails_its_proof_has_no_figures_and_keeps_the_gate_shut():
    judged = judge_run(timed(failures={SLOW: "wrong output"}), timed(seed=2))
    failed = {f.row.name: f.failure for f in judged.findings if f.failure}
    assert set(failed) == {SLOW, "g4"}
    assert any("wrong output" in said for said in judged.objections(strict=False))
    known = judge_run(timed(failures={SLOW: "x"}), timed(failures={SLOW: "x"}))
    assert known.objections(strict=False) == []


def test_a_run_that_measured_nothing_keeps_the_gate_shut():
    judged = judge_run(_empty(), timed())
    assert "nothing was measured" in judged.objections(strict=False)


def _empty():
    run = timed()
    return run.model_copy(update={"rounds": [], "processes": []})


def test_single_processes_have_a_ratio_and_no_verdict():
    judged = judge_run(timed(rounds=[20]), timed(rounds=[20], seed=2))
    assert set(verdicts(judged).values()) == {Change.INCONCLUSIVE}
    assert judged.objections(strict=False) == []
    assert "single process" in judged.spread


def test_runs_without_a_control_cannot_be_checked():
    failed = timed(failures={"control/memory-heavy/x1": "broken"})
    with pytest.raises(BadInputError, match="memory-heavy"):
        judge_run(failed, timed())


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0004, "SAME"), (1.0006, "SLOWER"), (0.9994, "FASTER"), (1.0, "SAME")],
)
def test_instructions_have_a_tolerance_and_no_noise(factor, verdict):
    def changed(cell):
        return round(10_000_000 * (factor if cell.name == SLOW else 1))

    judged = judge_run(counted_run(["g4"], changed), counted_run(["g4"], lambda _: 10_000_000))
    found = next(finding for finding in judged.findings if finding.row.name == SLOW)
    assert found.verdict == verdict
    assert found.ratio == pytest.approx(factor)
    assert found.p is None
    assert judged.metric == "instructions"
