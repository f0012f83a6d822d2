"""How far two hours lie apart: properties of the estimate, and how often verdicts err with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.results.gate import timed
from guideline_benchmarks.results.gate.finding import Change, Row, decided
from guideline_benchmarks.results.statistics.between_runs import (
    FEWEST_CELLS,
    TYPICAL_SQUARE,
    Component,
    between_runs,
    widened,
)
from guideline_benchmarks.results.statistics.inference import Estimate, of_difference
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY

MARGIN = ALPHA = 0.05
means = st.lists(st.floats(-0.5, 0.5), min_size=FEWEST_CELLS, max_size=30)
errors = st.floats(1e-3, 0.1)


def estimates(ratios, error=0.01):
    return [Estimate(ratio, error, 7.0) for ratio in ratios]


@given(means, errors, st.floats(0.01, 100))
def test_it_scales_with_what_it_is_of(ratios, error, factor):
    one = between_runs(estimates(ratios, error))
    other = between_runs(estimates([factor * ratio for ratio in ratios], factor * error))
    assert other.deviation == pytest.approx(factor * one.deviation, rel=1e-6, abs=1e-7 * factor)
    assert other.doubt == pytest.approx(factor**4 * one.doubt, rel=1e-5, abs=1e-12 * factor**4)


@given(means, st.floats(-1, 1))
def test_what_all_cells_have_alike_is_no_part_of_it(ratios, shift):
    one = between_runs(estimates(ratios))
    other = between_runs(estimates([ratio + shift for ratio in ratios]))
    assert other.deviation == pytest.approx(one.deviation, rel=1e-6, abs=1e-7)


@given(st.lists(st.floats(-0.67, 0.67), min_size=FEWEST_CELLS, max_size=30), errors)
def test_it_is_nothing_where_the_errors_explain_all(steps, error):
    steps = [step - float(np.median(steps)) for step in steps]
    steps = [step for step in steps if abs(step) <= 0.67]
    found = between_runs(estimates([error * step for step in steps], error))
    assert found is None or (found.deviation == 0 and found.doubt > 0)


@given(means, errors, st.floats(1, 10))
def test_cells_farther_apart_never_lower_it_and_larger_errors_never_raise_it(ratios, error, factor):
    one = between_runs(estimates(ratios, error)).deviation
    apart = between_runs(estimates([factor * ratio for ratio in ratios], error)).deviation
    vague = between_runs(estimates(ratios, factor * error)).deviation
    assert vague <= one * (1 + 1e-9) <= apart * (1 + 1e-9) ** 2 + 1e-12


@given(means, st.data())
def test_fewer_than_half_of_the_cells_can_move_it_only_so_far(ratios, data):
    changed = data.draw(st.integers(0, (len(ratios) - 1) // 2))
    by = data.draw(st.lists(st.floats(-1e3, 1e3), min_size=changed, max_size=changed))
    found = between_runs(estimates([*by, *ratios[changed:]]))
    unchanged = ratios[changed:]
    apart = max(unchanged) - min(unchanged)
    assert found.deviation <= apart / math.sqrt(TYPICAL_SQUARE) + 1e-9


def test_a_quarter_of_the_cells_that_changed_by_any_amount_widens_it_by_less_than_two_thirds():
    random = np.random.default_rng(0)
    clean, dirty = [], []
    for _ in range(50):
        ratios = random.normal(0, 0.02, 51)
        clean.append(between_runs(estimates(ratios, 0.001)).deviation)
        dirty.append(between_runs(estimates([*(ratios[:13] + 5), *ratios[13:]], 0.001)).deviation)
    assert np.median(clean) == pytest.approx(0.02, rel=0.1)
    assert np.median(dirty) < 5 / 3 * np.median(clean)


def test_too_few_cells_say_nothing():
    assert between_runs(estimates([0.1] * (FEWEST_CELLS - 1))) is None
    assert between_runs(estimates([0.1] * FEWEST_CELLS)).deviation == 0


@given(st.floats(1e-6, 0.1), st.floats(1, 50), st.floats(1e-6, 0.1), st.floats(0, 1e-4))
def test_components_never_make_an_error_smaller(error, freedom, deviation, doubt):
    found = widened(Estimate(0.1, error, freedom), [Component(deviation, doubt)])
    assert found.mean == 0.1
    assert found.error >= max(error, deviation) * (1 - 1e-9)
    assert found.freedom >= 1


def checked(hours, effects, random, processes=5):
    """Two runs of many cells: how many verdicts of each kind, with the hours' spread or without.

    Cells differ in truth by `effects`, and hours by as much again, drawn anew with that deviation.
    """
    cells = len(effects)
    truth = random.normal(0, hours, cells) + effects
    noise = 0.01 * np.exp(random.normal(0, 0.35, (cells, 1)))
    old, new = (noise * random.normal(size=(cells, processes)) for _ in range(2))
    inside = [of_difference(n + t, o) for n, o, t in zip(new, old, truth, strict=True)]
    between = between_runs(inside)
    wide = [widened(estimate, [between]) for estimate in inside]
    rows = [Row(str(number), "cell", ()) for number in range(cells)]
    return (
        decided(dict(zip(rows, wide, strict=True)), MARGIN, ALPHA),
        decided(dict(zip(rows, inside, strict=True)), MARGIN, ALPHA),
        np.mean([e.interval[0] <= t <= e.interval[1] for e, t in zip(wide, effects, strict=True)]),
        np.mean(
            [e.interval[0] <= t <= e.interval[1] for e, t in zip(inside, effects, strict=True)]
        ),
    )


@pytest.mark.parametrize(
    ("cells", "hours", "processes"),
    [
        (51, 0.02, 5),
        (51, 0.02, 3),
        (51, 0.005, 5),
        (51, 0.0, 5),
        (12, 0.02, 5),
        (8, 0.04, 5),
    ],
)
def test_intervals_of_two_hours_cover_what_did_not_change(cells, hours, processes):
    random = np.random.default_rng(1)
    trials = [checked(hours, np.zeros(cells), random, processes) for _ in range(30)]
    covered, covered_before = (np.mean([trial[i] for trial in trials]) for i in (2, 3))
    assert covered > 0.94
    if hours >= 0.02:
        assert covered_before < 0.8
    slower = [Change.SLOWER in trial[0].values() for trial in trials]
    assert np.mean(slower) <= 0.05


def test_without_the_hours_spread_verdicts_were_wrong_and_with_it_they_are_not():
    random = np.random.default_rng(2)
    trials = [checked(0.04, np.zeros(51), random) for _ in range(30)]
    false = [[Change.SLOWER in verdicts.values() for verdicts in trial[:2]] for trial in trials]
    now, before = np.mean(false, axis=0)
    assert now <= 0.05
    assert before > 0.5


def test_a_cell_as_slow_as_the_margin_is_seldom_the_same():
    random = np.random.default_rng(3)
    effects = np.zeros(51)
    effects[:5] = math.log1p(MARGIN)
    trials = [checked(0.02, effects, random) for _ in range(30)]
    same = [
        [
            sum(v.get(Row(str(i), "cell", ())) == Change.SAME for i in range(5)) / 5
            for v in trial[:2]
        ]
        for trial in trials
    ]
    now, before = np.mean(same, axis=0)
    assert now <= 0.025
    assert before > 0.05


def test_a_large_change_of_a_quarter_of_the_cells_is_found():
    random = np.random.default_rng(4)
    effects = np.zeros(51)
    effects[:13] = 0.4
    for verdicts, *_ in (checked(0.02, effects, random) for _ in range(10)):
        found = {row.name for row, verdict in verdicts.items() if verdict == Change.SLOWER}
        assert found == {str(number) for number in range(13)}


def test_the_mean_of_cells_that_move_together_is_as_unsure_as_one_of_them():
    random = np.random.default_rng(5)
    names = [f"g{group}/{number}" for group in range(4) for number in range(12)]
    rows = [Row(name, "cell", (name,)) for name in names]
    groups = [Row(f"g{g}", "guideline", tuple(names[12 * g : 12 * g + 12])) for g in range(4)]
    covered = []
    for _ in range(30):
        together = np.repeat(random.normal(0, 0.015, 4), 12) + random.normal(0, 0.015, 48)
        shifts = dict(zip(names, together, strict=True)) | {COMPUTE_BOUND: 0.0, MEMORY_HEAVY: 0.01}
        old, new = (
            {name: random.normal(0, 0.01, 5) + late * shift for name, shift in shifts.items()}
            for late in (0, 1)
        )
        found, _ = timed.findings([*rows, *groups], new, old, MARGIN)
        assert not any(f.verdict == Change.SLOWER for f in found)
        covered += [f.ratio_ci95[0] <= 1 <= f.ratio_ci95[1] for f in found[len(rows) :]]
    assert np.mean(covered) > 0.94
