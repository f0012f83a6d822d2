"""The procedure of a trial: what it asks for, in which order, and what it decides."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from guideline_benchmarks.results.gate.designs import RULES
from guideline_benchmarks.results.gate.finding import Change, rows_of
from guideline_benchmarks.results.gate.ratios import as_timed
from guideline_benchmarks.results.gate.sequential import (
    LOOKS,
    SCREENING,
    Ledger,
    end,
    findings,
    like_with_like,
    procedure,
)
from tests.synthetic_trials import noisy_logs, replicate_of, trial_of

SLOW = "g4/none/x1"


def play(log_times, most=400, **how):
    """Let a trial run on made-up replicates; return its ledger and the steps that it asked for."""
    trial = trial_of(**how)
    rows = rows_of(trial.experiments, trial.a.cells, trial.a.controls)
    ledger = Ledger(rows, trial.protocol, trial.design)
    steps, asked = procedure(ledger), []
    step = next(steps)
    for number in itertools.count():
        if number == most:
            break
        asked.append(step)
        replicate = replicate_of(trial, log_times, number, step.cells, step.stage)
        try:
            step = steps.send(RULES[trial.design].read(replicate, as_timed))
        except StopIteration:
            break
    end(ledger)
    return ledger, asked


def verdicts(ledger):
    return {finding.row.name: finding.verdict for finding in findings(ledger)}


@pytest.mark.parametrize(("design", "networks"), [("pairs", 14), ("quartets", 12)])
def test_equal_sides_are_the_same(design, networks):
    ledger, asked = play(noisy_logs(), design=design)
    assert set(verdicts(ledger).values()) == {Change.SAME}
    assert asked[0].stage == "screening"
    assert len(asked[0].cells) == networks


@pytest.mark.parametrize("design", ["pairs", "quartets"])
@pytest.mark.parametrize(("by", "verdict"), [(0.06, Change.SLOWER), (-0.06, Change.FASTER)])
def test_one_changed_cell_is_found_and_no_other(by, verdict, design):
    found = verdicts(play(noisy_logs({SLOW: by}), design=design)[0])
    assert found.pop(SLOW) == verdict
    assert set(found.values()) == {Change.SAME}


def test_suspects_are_confirmed_alone_and_on_fresh_replicates():
    ledger, asked = play(noisy_logs({SLOW: 0.06}, noise=0.002))
    confirmation = [step for step in asked if step.stage == "confirmation"]
    assert {step.cells for step in confirmation} == {(SLOW,)}
    assert len(confirmation) in LOOKS
    finding = next(f for f in findings(ledger) if f.row.name == SLOW)
    assert finding.rests_on == len(confirmation)
    assert finding.p < 0.05
    assert finding.ratio_ci95[0] <= finding.ratio <= finding.ratio_ci95[1]


def test_a_guideline_sees_what_slows_all_its_cells_a_little():
    trial = trial_of()
    slower = {cell.name: 0.035 for cell in trial.a.cells}
    ledger, _ = play(noisy_logs(slower, noise=0.012))
    assert verdicts(ledger)["g4"] == Change.SLOWER


def test_a_uniform_slow_down_is_everythings_in_pairs():
    trial = trial_of()
    names = [cell.name for cell in (*trial.a.cells, *trial.a.controls)]
    found = verdicts(play(noisy_logs(dict.fromkeys(names, 0.08)))[0])
    assert set(found.values()) == {Change.SLOWER}


def test_a_uniform_slow_down_is_the_machines_and_no_cells_in_quartets():
    trial = trial_of()
    names = [cell.name for cell in (*trial.a.cells, *trial.a.controls)]
    found = verdicts(play(noisy_logs(dict.fromkeys(names, 0.08)), design="quartets")[0])
    assert found["control/compute-bound/x1"] == Change.SLOWER
    assert found["control/memory-heavy/x1"] == Change.SLOWER
    assert Change.SLOWER not in {v for name, v in found.items() if "control" not in name}


def test_a_change_of_the_margins_size_stays_open_or_is_the_same():
    ledger, asked = play(noisy_logs({SLOW: 0.0198}))
    assert verdicts(ledger)[SLOW] in (Change.INCONCLUSIVE, Change.SAME)
    assert len(asked) < 400


def test_when_time_is_up_what_is_open_is_inconclusive_with_what_could_be_seen():
    ledger, _ = play(noisy_logs(noise=0.05), most=SCREENING)
    open_ones = [f for f in findings(ledger) if f.verdict == Change.INCONCLUSIVE]
    assert open_ones
    assert all(finding.smallest_detectable > 1.02 for finding in open_ones)


def test_rows_that_are_decided_are_measured_no_more_and_change_no_more():
    def log_time(name, side, number, place):
        noise = 0.06 if name == SLOW else 0.002
        return noisy_logs(noise=noise)(name, side, number, place)

    ledger, asked = play(log_time, most=40)
    assert len(asked) == 40
    assert all(SLOW in step.cells for step in asked)
    guideline = {cell.name for cell in trial_of().a.cells}
    assert {*asked[0].cells} > guideline
    assert asked[-1].cells in ((SLOW,), tuple(sorted(guideline)))
    rests_on = {f.row.name: f.rests_on for f in findings(ledger)}
    assert rests_on["g4/none/x2"] == SCREENING
    assert rests_on[SLOW] > SCREENING


def test_a_row_is_a_suspect_by_its_interval_and_not_by_its_mean():
    # Far from 1, and as far apart: not a suspect, but measured on.
    ledger, _ = play(noisy_logs(noise=0.04, seed=3), most=SCREENING)
    open_rows = [row for row in ledger.undecided if row not in ledger.suspects]
    assert any(abs(ledger.estimate(row).mean) > 0.01 for row in open_rows)
    for row in ledger.suspects:
        low, high = ledger.estimate(row).interval
        assert not low <= 0 <= high


def test_nothing_is_known_of_rows_without_a_replicate():
    ledger, _ = play(noisy_logs(), most=0)
    assert {(f.verdict, f.ratio, f.rests_on) for f in findings(ledger)} == {
        (Change.INCONCLUSIVE, None, 0)
    }


def test_the_procedure_replayed_is_the_same():
    first, second = (play(noisy_logs({SLOW: 0.03})) for _ in range(2))
    assert first[1] == second[1]
    assert findings(first[0]) == findings(second[0])


def test_few_sessions_of_equal_sides_alarm():
    alarms = 0
    for seed in range(100):
        ledger, _ = play(noisy_logs(noise=0.015, seed=seed), most=60)
        alarms += Change.SLOWER in verdicts(ledger).values()
    assert alarms <= 2


def test_like_with_like_stays_silent_where_the_sides_differ():
    trial = trial_of()
    slower = {cell.name: 0.1 for cell in trial.a.cells}
    null = like_with_like(play(noisy_logs(slower))[0])
    assert null.rows == 15
    assert null.false_alarms == []


def test_like_with_like_tells_how_honest_intervals_are():
    shares = [like_with_like(play(noisy_logs(seed=seed), most=4)[0]).beyond for seed in range(60)]
    assert np.mean(shares) == pytest.approx(0.05, abs=0.025)
