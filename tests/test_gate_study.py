"""The study of the gate: extra work is chosen as recorded, and rates are what they say."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from guideline_benchmarks.guidelines.studies.gate import evidence
from guideline_benchmarks.guidelines.studies.gate.evidence import Rate
from guideline_benchmarks.guidelines.studies.gate.page import POWER, ROC
from guideline_benchmarks.guidelines.studies.gate.pool import (
    NOTHING,
    Pool,
    Slowdown,
    injected,
    simulate,
)
from guideline_benchmarks.guidelines.studies.gate.study import study_gate
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.finding import Change
from tests.synthetic_trials import noisy_logs, quartet_of, trial_of

EXTRA = (0.02, 0.03, 0.05, 0.1)
CELL = "g4/none/x1"


def pool_of(noise=0.005, quartets=12):
    trial = trial_of(extra=EXTRA)
    logs = noisy_logs(noise=noise)
    recorded = [quartet_of(trial, logs, number) for number in range(quartets)]
    small = quartet_of(trial, logs, 99, [CELL], "confirmation")
    return Pool(trial, [*recorded, small.model_copy(update={"seconds": 4.0})])


def test_extra_work_counts_in_side_b_and_in_the_networks_named_alone():
    process = pool_of().quartets[0].processes
    choose = injected(EXTRA, Slowdown(0.05, frozenset([CELL])))
    a, b = process[0], process[1]
    assert choose(a, CELL) == a.ns[CELL]
    assert choose(b, "g4/none/x2") == b.ns["g4/none/x2"]
    assert choose(b, CELL) == [times[2] for times in b.extra_ns[CELL]]
    assert injected(EXTRA, NOTHING)(b, CELL) == b.ns[CELL]


def test_what_was_really_injected_is_measured():
    assert pool_of().really_injected(0.05) == pytest.approx(0.05, abs=1e-6)


def test_a_slow_down_in_a_pool_is_found_and_nothing_else():
    pool, random = pool_of(), np.random.default_rng(0)
    quiet = simulate(pool, NOTHING, pool.trial.protocol, random)
    assert quiet.alarms() == set()
    slow = simulate(pool, Slowdown(0.1, frozenset([CELL])), pool.trial.protocol, random)
    assert slow.alarms() == {CELL}


def test_a_simulated_session_ends_when_its_time_is_up():
    pool = pool_of(noise=0.1)
    protocol = pool.trial.protocol.model_copy(update={"max_seconds": 45.0})
    session = simulate(pool, NOTHING, protocol, np.random.default_rng(0))
    assert session.seconds <= 45.0
    assert session.quartets == 2


def test_quartets_of_fewer_cells_cost_less():
    cost = pool_of().cost
    whole, one = cost.seconds(pool_of().cells, 2), cost.seconds([CELL], 2)
    assert whole == pytest.approx(20.0, rel=0.01)
    assert one == pytest.approx(4.0, rel=0.01)


def test_quartets_are_drawn_in_runs_of_neighbours():
    drawn = pool_of().indexes(np.random.default_rng(0))
    indexes = [next(drawn) for _ in range(2000)]
    follows = [(b - a) % 12 == 1 for a, b in pairwise(indexes)]
    assert 0.75 < np.mean(follows) < 0.9
    assert set(indexes) == set(range(12))


@given(st.integers(0, 30), st.integers(1, 30))
def test_the_interval_of_a_rate_is_clopper_and_pearsons(hits, more):
    rate = Rate(hits, hits + more)
    expected = binomtest(hits, hits + more).proportion_ci(0.95, method="exact")
    assert rate.interval == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("mode", evidence.MODES)
def test_rules_see_the_slow_down_and_where_nothing_is_slower_none(mode, monkeypatch):
    monkeypatch.setattr(evidence, "RULE_SESSIONS", 3)
    for scores in evidence.rule_scores(pool_of(), 600.0, mode):
        assert scores.by_fraction[0.0].shape == (3, 12)
        if scores.rule.name == "pytest-benchmark":
            assert scores.at(1.05, 0.1).found == 1.0
            assert scores.at(1.05, 0.1).false_alarms == 0.0
        curve = scores.curve(0.05)
        assert {point.found for point in curve} <= {i / 36 for i in range(37)}


def test_what_was_recorded_is_judged_on_any_machine(tmp_path, monkeypatch):
    for name in ("FALSE_ALARM_SESSIONS", "CURVE_SESSIONS", "RULE_SESSIONS"):
        monkeypatch.setattr(evidence, name, 3)
    monkeypatch.setattr(evidence, "SESSIONS_PER_CELL", 1)
    monkeypatch.setattr(evidence, "SESSIONS_PER_GROUP", 4)
    trial, logs = trial_of(("g1", "g4"), extra=EXTRA), noisy_logs(noise=0.003)
    small = quartet_of(trial, logs, 99, ["g1/1:1/x1"], "confirmation")
    store_trial(tmp_path / "pool", trial, [*(quartet_of(trial, logs, n) for n in range(9)), small])
    for number in (1, 2, 4):
        quartets = [quartet_of(trial, logs, n) for n in range(4)]
        store_trial(tmp_path / "pool" / "sessions" / f"{number:02}", trial, quartets)
    study_gate(tmp_path / "pool", 0, 0, tmp_path / "page.md", judge_only=True)
    text = (tmp_path / "page.md").read_text()
    # The second has a slow-down, which its four quartets do not decide; the third is missing.
    assert "| 1 | none |" in text
    assert "5 % in g1" not in text
    assert "| 4 | none |" in text
    assert "| pyperf | two processes each |" in text
    for name, _ in (POWER, ROC):
        assert (tmp_path / f"{name}.svg").read_bytes().startswith(b"<?xml")
        assert f"({name}.svg)" in text


def store_trial(folder, trial, quartets):
    trial_store.write_trial(folder, trial)
    for number, quartet in enumerate(quartets):
        trial_store.write_quartet(folder, number, quartet)


@pytest.fixture(scope="module")
def recorded():
    """The quartets that docs/gate_study.md was written from."""
    folder = Path(__file__).parent.parent / "results" / "reference" / "gate-study"
    return Pool(*trial_store.read_trial(folder))


def test_recorded_quartets_of_equal_sides_raise_no_alarm(recorded):
    protocol = recorded.trial.protocol
    sessions = [
        simulate(recorded, NOTHING, protocol, np.random.default_rng((11, number)))
        for number in range(200)
    ]
    assert evidence.any_called(sessions, Change.SLOWER).hits <= 2


@pytest.mark.parametrize("fraction", [0.05, 0.1])
def test_a_slow_down_of_any_recorded_cell_is_found(recorded, fraction):
    found = 0
    for number, cell in enumerate(recorded.cells):
        slowdown = Slowdown(fraction, frozenset([cell]))
        random = np.random.default_rng((12, number))
        session = simulate(recorded, slowdown, recorded.trial.protocol, random)
        found += session.alarms() == {cell}
    assert found >= 0.95 * len(recorded.cells)
