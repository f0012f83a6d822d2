"""What a trial says of its noise, of what it can find, and of the time that is lacking."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from guideline_benchmarks.guidelines.session.gate.trial_judgement import judgement_of
from guideline_benchmarks.guidelines.session.gate.trials import stored_trial
from guideline_benchmarks.results.gate import outlook, pair_ratios, trial_store
from guideline_benchmarks.results.gate.finding import Change, Row
from guideline_benchmarks.results.gate.ratios import Reading
from guideline_benchmarks.results.gate.sequential import LOOKS, Ledger, Suspicion, procedure
from guideline_benchmarks.results.gate.trial import TrialProtocol
from tests.synthetic_trials import noisy_logs, replicate_of, trial_of

ROW = Row("cell", "cell", ("cell",))


def ledger_of(mean, spread, count, suspect_since=None, margin=0.02):
    """A ledger of one row whose pairs have just that mean and standard deviation."""
    apart = np.linspace(-1, 1, count) if count > 1 else np.zeros(1)
    apart *= spread / (apart.std(ddof=1) if count > 1 else 1.0)
    readings = [Reading({"cell": np.array([mean + by])}) for by in apart]
    ledger = Ledger([ROW], TrialProtocol(margin=margin), "pairs", readings)
    if suspect_since is not None:
        ledger.suspects[ROW] = Suspicion(suspect_since, 1)
    return ledger


def test_the_noise_is_that_of_the_replicates():
    noise = outlook.noise_of(ledger_of(0.0, 0.01, 8), fresh=8)
    assert noise.typical == pytest.approx(0.01)
    assert noise.worst == (ROW, pytest.approx(0.01))
    assert outlook.noise_of(ledger_of(0.0, 0.01, 1), fresh=8) is None


@pytest.mark.parametrize("spread", [0.003, 0.01, 0.03])
def test_what_can_be_found_is_beyond_the_margin_and_less_with_more_pairs(spread):
    found = [outlook.noise_of(ledger_of(0.0, spread, 8), fresh).findable for fresh in (4, 8, 16)]
    assert found == sorted(found, reverse=True)
    assert found[-1] > 1.02
    noisier = outlook.noise_of(ledger_of(0.0, 2 * spread, 8), 8).findable
    assert noisier > found[1]


def test_what_can_be_found_rests_on_no_more_pairs_than_are_looked_at():
    ledger = ledger_of(0.0, 0.01, 8)
    most, least = LOOKS[-1], LOOKS[0]
    assert outlook.noise_of(ledger, 10_000) == outlook.noise_of(ledger, most)
    assert outlook.noise_of(ledger, 0) == outlook.noise_of(ledger, least)
    assert outlook.noise_of(ledger, most) != outlook.noise_of(ledger, least)


@pytest.mark.parametrize(
    ("mean", "since"), [(0.0, None), (0.005, None), (0.0, 0), (0.05, 0), (0.05, None)]
)
def test_so_many_more_pairs_like_those_so_far_decide(mean, since):
    spread, count = 0.03, 6
    needed = outlook.replicates_needed(ledger_of(mean, spread, count, since), ROW)
    has = 0 if since is None and mean > 0.02 else count
    for more, decided in ((needed, True), (needed - 1, False)):
        if has + more < 4:
            continue
        later = ledger_of(mean, spread, has + more, None if since is None else 0)
        estimate = later.estimate(ROW)
        same = estimate.interval[1] <= math.log1p(0.02)
        level = 0.05 / 2
        assert (same or estimate.p_above(math.log1p(0.02)) <= level) == decided


def test_a_row_at_the_margin_cannot_be_decided_by_more_pairs():
    assert outlook.replicates_needed(ledger_of(math.log1p(0.02), 0.01, 8), ROW) is None
    assert outlook.replicates_needed(ledger_of(0.0, 0.01, 1), ROW) is None


def store(folder, noise, seconds, count=6, **protocol):
    """A trial of made-up pairs that goes on for so many of them, or until all is decided."""
    trial = trial_of(**protocol)
    trial_store.write_trial(folder, trial)
    ledger = Ledger(stored_trial(folder).ledger.rows, trial.protocol, "pairs")
    steps = procedure(ledger)
    step = next(steps)
    for number in range(count):
        pair = replicate_of(trial, noisy_logs(noise=noise), number, step.cells, step.stage)
        pair = pair.model_copy(update={"seconds": seconds})
        trial_store.write_replicate(folder, trial, number, pair)
        try:
            step = steps.send(pair_ratios.read(pair))
        except StopIteration:
            break
    return judgement_of(stored_trial(folder), folder)


def test_a_trial_says_how_noisy_it_was_beside_the_study_and_what_it_finds(tmp_path):
    judgement = store(tmp_path, 0.003, 20.0)
    assert judgement.spread.startswith("Pairs lie 0.")
    assert "in the study of the gate" in judgement.spread
    assert "% slower in four of five tries." in judgement.spread
    assert judgement.needed == ""


def test_what_is_open_when_time_is_up_says_what_would_have_been_needed(tmp_path):
    judgement = store(tmp_path, 0.03, 60.0, max_seconds=360)
    open_rows = len(judgement.having(Change.INCONCLUSIVE))
    minutes, decided, of = map(int, re.findall(r"\d+", judgement.needed.split(";")[0]))
    assert judgement.needed.startswith(f"About {minutes} more minutes would decide {decided} of ")
    assert of == open_rows
    assert 0 < decided <= of
    assert 1 < minutes <= 60


def test_more_than_an_hour_is_no_advice(tmp_path):
    judgement = store(tmp_path, 0.2, 5000.0, max_seconds=30000)
    assert judgement.needed.startswith("More than an hour")


def test_the_calibration_is_of_both_designs():
    spread = outlook.calibration().spread
    assert {*spread} == {"pairs", "quartets"}
    assert all(0 < value < 0.2 for found in spread.values() for value in found.values())
