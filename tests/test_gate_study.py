"""The study of the gate: extra work is chosen as recorded, and rates are what they say."""

from __future__ import annotations

import json
import math
import os
import sys
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from guideline_benchmarks.guidelines.studies.gate import curves, evidence, judging, neighbour
from guideline_benchmarks.guidelines.studies.gate.conditions import CONDITIONS, NEIGHBOUR, QUIET
from guideline_benchmarks.guidelines.studies.gate.evidence import Rate
from guideline_benchmarks.guidelines.studies.gate.page import POWER, ROC, SPREAD
from guideline_benchmarks.guidelines.studies.gate.pool import (
    NOTHING,
    Pool,
    Slowdown,
    injected,
    simulate,
)
from guideline_benchmarks.guidelines.studies.gate.spreads import of_replicate, spreads
from guideline_benchmarks.guidelines.studies.gate.study import (
    Amounts,
    injections,
    study_gate,
    turns,
)
from guideline_benchmarks.results.gate import outlook, trial_store
from guideline_benchmarks.results.gate.finding import Change
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY
from tests.program import wait_until
from tests.synthetic_trials import noisy_logs, replicate_of, trial_of

EXTRA = (0.02, 0.03, 0.05, 0.1)
CELL = "g4/none/x1"
DESIGNS = ["pairs", "quartets"]


def pool_of(design="pairs", noise=0.005, replicates=12):
    trial = trial_of(extra=EXTRA, design=design)
    logs = noisy_logs(noise=noise)
    recorded = [replicate_of(trial, logs, number) for number in range(replicates)]
    small = replicate_of(trial, logs, 99, [CELL], "confirmation")
    return Pool(trial, [*recorded, small.model_copy(update={"seconds": 4.0})])


@pytest.mark.parametrize("design", DESIGNS)
def test_extra_work_counts_in_side_b_and_in_the_networks_named_alone(design):
    process = pool_of(design).replicates[0].processes
    choose = injected(EXTRA, Slowdown(0.05, frozenset([CELL])))
    a, b = process[0], process[1]
    assert choose(a, CELL) == a.ns[CELL]
    assert choose(b, "g4/none/x2") == b.ns["g4/none/x2"]
    assert choose(b, CELL) == [times[2] for times in b.extra_ns[CELL]]
    assert injected(EXTRA, NOTHING)(b, CELL) == b.ns[CELL]


@pytest.mark.parametrize("design", DESIGNS)
def test_what_was_really_injected_is_measured(design):
    assert pool_of(design).really_injected(0.05) == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_slow_down_in_a_pool_is_found_and_nothing_else(design):
    pool, random = pool_of(design), np.random.default_rng(0)
    quiet = simulate(pool, NOTHING, pool.trial.protocol, random)
    assert quiet.alarms() == set()
    slow = simulate(pool, Slowdown(0.1, frozenset([CELL])), pool.trial.protocol, random)
    assert slow.alarms() == {CELL}


def test_a_simulated_session_ends_when_its_time_is_up():
    pool = pool_of(noise=0.1)
    seconds = 2.5 * pool.cost.seconds([*pool.cells, *pool.controls], 2)
    protocol = pool.trial.protocol.model_copy(update={"max_seconds": seconds})
    session = simulate(pool, NOTHING, protocol, np.random.default_rng(0))
    assert session.seconds <= seconds
    assert session.replicates == 2


@pytest.mark.parametrize("design", DESIGNS)
def test_replicates_of_fewer_cells_cost_less(design):
    pool = pool_of(design)
    whole, one = pool.cost.seconds(pool.cells, 2), pool.cost.seconds([CELL], 2)
    assert whole == pytest.approx(20.0, rel=0.01)
    assert one == pytest.approx(4.0, rel=0.01)


def test_replicates_are_drawn_in_runs_of_neighbours():
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


@pytest.mark.parametrize("mode", curves.MODES)
def test_rules_see_the_slow_down_and_where_nothing_is_slower_none(mode, monkeypatch):
    monkeypatch.setattr(curves, "RULE_SESSIONS", 3)
    for scores in curves.rule_scores(pool_of(), 600.0, mode):
        assert scores.by_fraction[0.0].shape == (3, 12)
        if scores.rule.name == "pytest-benchmark":
            assert scores.at(1.05, 0.1).found == 1.0
            assert scores.at(1.05, 0.1).false_alarms == 0.0
        curve = scores.curve(0.05)
        assert {point.found for point in curve} <= {i / 36 for i in range(37)}


def test_the_spread_is_that_of_the_ratios():
    spread = of_replicate(pool_of(noise=0.01, replicates=200))
    assert spread.median == pytest.approx(0.01 * math.sqrt(2), rel=0.1)
    assert spread.largest >= spread.median
    assert set(spread.by_cell) == set(pool_of().cells)
    names = {(one.statistic, one.controls) for one in spreads(pool_of())}
    assert ("middle half of the paired ratios", "taken off") in names
    assert of_replicate(pool_of("quartets")).controls == "taken off"


class Bench:
    """A trial of which so much is measured already."""

    def __init__(self, design, done):
        self.trial = trial_of(design=design)
        self.replicates = [replicate_of(self.trial, noisy_logs(), n) for n in range(done)]


def test_both_designs_are_recorded_in_turns_and_what_is_there_is_not_again():
    benches = {"pairs": Bench("pairs", 0), "quartets": Bench("quartets", 1)}
    asked = list(turns(benches, Amounts(pairs=6, quartets=3, sessions=0)))
    whole = [design for design, step in asked if step.stage == "screening"]
    assert whole.count("pairs") == 6
    assert whole.count("quartets") == 2
    assert "quartets" in whole[1:4]
    for design, step in asked:
        with_controls = {COMPUTE_BOUND, MEMORY_HEAVY} <= {*step.cells}
        assert with_controls == (design == "pairs" and step.stage == "screening")


def test_sessions_have_the_slow_downs_that_are_to_be_found():
    cells = trial_of(("g1", "g2", "g3", "g4")).a.cells
    first = list(islice(injections([cell.name for cell in cells]), 7))
    fractions = [one.slowdown.fraction for one in first]
    assert fractions.count(0.05) == 5
    assert fractions.count(0.0) == fractions.count(0.03) == 1
    assert len({one.what for one in first if one.what}) == 6


def test_the_noise_is_made_in_phases_of_many_lengths():
    drawn = list(islice(neighbour.phases(0), 2000))
    assert min(drawn) >= neighbour.SHORTEST
    assert max(drawn) <= neighbour.LONGEST
    below = np.mean(np.array(drawn) < math.sqrt(neighbour.SHORTEST * neighbour.LONGEST))
    assert below == pytest.approx(0.5, abs=0.05)
    assert list(islice(neighbour.phases(1), 3)) != drawn[:3]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_neighbour_is_there_meanwhile_and_no_longer(condition):
    def neighbours():
        # Another test's may have ended unasked for.
        alive = [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]
        return [p for p in alive if "neighbour" in " ".join(p.cmdline())]

    if condition is NEIGHBOUR and len(os.sched_getaffinity(0)) < 2:
        pytest.skip("a neighbour needs a second core")
    with condition.made(0):
        wanted = 0 if condition is QUIET else 1
        # It is called something else for a moment.
        wait_until(lambda: len(neighbours()) == wanted, "its neighbours", 60)
        there = neighbours()
        if condition is NEIGHBOUR:
            wait_until(lambda: len(there[0].cpu_affinity()) == 1, "a neighbour on its core", 60)
    assert not neighbours()


def test_a_neighbour_ends_with_the_program_that_started_it(tmp_path):
    script = (
        "import os, time\n"
        "from guideline_benchmarks.guidelines.studies.gate.neighbour import noisy_neighbour\n"
        "with noisy_neighbour(None, 0):\n    print('up', flush=True)\n    time.sleep(600)\n"
    )
    process = psutil.Popen([sys.executable, "-c", script], stdout=-1)
    assert process.stdout.readline() == b"up\n"
    (there,) = process.children()
    process.kill()
    process.wait()
    wait_until(lambda: not there.is_running() or there.status() == "zombie", "its end", 60)


FEWER = {
    (evidence, "FALSE_ALARM_SESSIONS"): 3,
    (evidence, "SHARE_SESSIONS"): 3,
    (evidence, "SESSIONS_PER_CELL"): 1,
    (evidence, "SESSIONS_PER_GUIDELINE"): 1,
    (evidence, "SESSIONS_OF_ALL"): 1,
    (curves, "CURVE_SESSIONS"): 2,
    (curves, "RULE_SESSIONS"): 2,
}


def test_what_was_recorded_is_judged_on_any_machine(tmp_path, monkeypatch):
    for (module, name), count in FEWER.items():
        monkeypatch.setattr(module, name, count)
    monkeypatch.setattr(judging, "CALIBRATION", tmp_path / "calibration.json")
    logs = noisy_logs(noise=0.003)
    for condition in CONDITIONS:
        for design in DESIGNS:
            trial = trial_of(extra=EXTRA, design=design)
            small = replicate_of(trial, logs, 99, [CELL], "confirmation")
            whole = [replicate_of(trial, logs, number) for number in range(9)]
            store_trial(tmp_path / "study" / condition.name / design, trial, [*whole, small])
    for number, extra in ((1, (0.05,)), (6, ())):
        trial = trial_of(("g1", "g4"), extra=extra)
        names = sorted(cell.name for cell in (*trial.a.cells, *trial.a.controls))
        pairs = [replicate_of(trial, logs, n, names) for n in range(4)]
        store_trial(tmp_path / "study" / "quiet" / "sessions" / f"{number:02}", trial, pairs)
    study_gate(tmp_path / "study", Amounts(0, 0, 0), tmp_path / "page.md", judge_only=True)
    text = (tmp_path / "page.md").read_text()
    # The first has a slow-down, which its four pairs do not decide; others are missing.
    assert "5 % in g1" not in text
    assert "| 6 | none |" in text
    assert "| pyperf | a process each |" in text
    assert text.index("## What fails") < text.index("## What was to be reached")
    for name, _ in (POWER, ROC, SPREAD):
        assert (tmp_path / f"{name}.svg").read_bytes().startswith(b"<?xml")
        assert f"({name}.svg)" in text
    spread = json.loads((tmp_path / "calibration.json").read_text())["spread"]
    assert set(spread["pairs"]) == {condition.words for condition in CONDITIONS}


def store_trial(folder, trial, replicates):
    trial_store.write_trial(folder, trial)
    for number, replicate in enumerate(replicates):
        trial_store.write_replicate(folder, trial, number, replicate)


@pytest.fixture(scope="module", params=["quiet", "neighbour"])
def recorded(request):
    """The pairs that docs/gate_study.md was written from."""
    study = Path(__file__).parent.parent / "results" / "reference" / "gate-study"
    return request.param, Pool(*trial_store.read_trial(study / request.param / "pairs"))


def test_recorded_pairs_of_equal_sides_raise_no_alarm(recorded):
    _, pool = recorded
    sessions = [
        simulate(pool, NOTHING, pool.trial.protocol, np.random.default_rng((11, number)))
        for number in range(200)
    ]
    assert evidence.any_called(sessions, Change.SLOWER).hits <= 2


def test_a_slow_down_of_any_recorded_cell_is_found(recorded):
    _, pool = recorded
    found = 0
    for number, cell in enumerate(pool.cells):
        slowdown = Slowdown(0.05, frozenset([cell]))
        random = np.random.default_rng((12, number))
        session = simulate(pool, slowdown, pool.trial.protocol, random)
        found += session.alarms() == {cell}
    assert found >= 0.95 * len(pool.cells)


def test_the_calibration_is_that_of_the_recorded_pairs(recorded):
    name, pool = recorded
    words = next(condition.words for condition in CONDITIONS if condition.name == name)
    spread = outlook.calibration().spread["pairs"][words]
    assert spread == pytest.approx(of_replicate(pool).median, rel=1e-3)
