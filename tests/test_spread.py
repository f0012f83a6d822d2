"""With which spread a run's figures were made, and what a comparison may call the other order."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from guideline_benchmarks.reports.compare.comparison import ORDERS, document
from guideline_benchmarks.reports.compare.heat_map import heat_map
from guideline_benchmarks.reports.run.heading import describe
from guideline_benchmarks.results.compare.agreement import rank_agreement, reversals
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.tables.spread import spread_of
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import counted_run, fig2_run, noisy, run_of

WORST = "g4/none/x2"


def of_processes(deviations, rounds=(5,) * 5, seed=0):
    """Times of processes that set cells apart from the others by so much, base cells not at all."""
    random = np.random.default_rng(seed)
    drawn = {}

    def times(cell, process, _):
        step = drawn.setdefault((cell.name, process), random.normal())
        return 2.0 * math.exp(deviations(cell) * step)

    return run_of(["g4"], times, rounds=rounds)


def deviations(cell):
    if cell.row in ("relu+shortcut", "compute-bound", "memory-heavy"):
        return 0.0
    return 0.2 if cell.name == WORST else 0.01


def test_the_spread_is_that_of_log_relative_speeds_between_processes():
    run = of_processes(deviations, rounds=(3,) * 12)
    spread = spread_of(run)
    assert spread.cell == WORST
    assert spread.worst == pytest.approx(0.2, rel=0.6)
    assert spread.typical == pytest.approx(0.01, rel=0.6)
    assert spread.processes == 12
    # Student's quantiles with 11 degrees of freedom: 2.20 for the interval, 0.88 for the chance.
    assert spread.tells == pytest.approx(3.08 * spread.typical / math.sqrt(12), rel=0.05)


def test_a_difference_as_large_as_it_tells_is_told_as_often_as_it_says():
    told, trials = 0, 40
    for seed in range(trials):
        run = of_processes(lambda c: 0.02 * bool(deviations(c)), rounds=(2,) * 6, seed=seed)
        tells = (2.571 + 0.920) * 0.02 / math.sqrt(6)
        results = [
            r for c in summarise(run).columns for r in c.results if r.timing.relative_speed != 1
        ]
        shown = [r.timing.relative_speed_ci95 for r in results]
        told += np.mean([low * math.exp(tells) > 1 for low, _ in shown])
    assert 0.72 < told / trials < 0.88


@pytest.mark.parametrize(
    "run",
    [
        run_of(["g4"], lambda *_: 1.0, rounds=(3,)),
        counted_run(["g4"], lambda _: 10**6),
        fig2_run(rounds=(2, 2)),
    ],
)
def test_what_has_no_spread_says_nothing_of_one(run):
    assert spread_of(run) is None
    assert "Spread" not in dict(describe(run))


def test_what_an_interrupted_process_left_counts_for_nothing():
    assert spread_of(of_processes(deviations, rounds=(6, 1, 6))).processes == 2


def test_a_run_says_with_which_spread_its_tables_were_made():
    said = dict(describe(of_processes(deviations)))["Spread"]
    assert re.match(r"Relative speeds of 5 processes lie [\d.]+ % apart \(median cell; worst", said)
    assert WORST in said
    assert "Another hour may lie farther apart" in said
    vague = dict(describe(of_processes(lambda c: 5.0 * bool(deviations(c)), rounds=(2, 2))))[
        "Spread"
    ]
    assert "shows" not in vague


def laid_out(truths, noise):
    runs = [run_of(["g2"], noisy(truth, noise=noise, seed=i)) for i, truth in enumerate(truths)]
    return compare([recorded(str(number), run) for number, run in enumerate(runs)])


def test_orders_that_noise_made_are_no_reversals():
    compared = laid_out([lambda _: 5.0] * 2, noise=0.02)
    assert rank_agreement(*compared.entrants) < 0.9
    turned, shown = reversals(*compared.entrants)
    assert turned == 0
    assert shown <= 3


def test_orders_that_intervals_show_to_differ_are_counted():
    up, down = (lambda c: float(c.axes.get("groups", 2))), (lambda c: 1 / c.axes.get("groups", 2))
    # Three columns of four rows: six pairs in each.
    assert reversals(*laid_out([up, down], noise=0.002).entrants) == (18, 18)
    assert reversals(*laid_out([up, up], noise=0.002).entrants) == (0, 18)
    sections = {s.title: s for s in document(laid_out([up, down], noise=0.002)).sections}
    table = sections["Rank agreement"].tables[0]
    assert table.rows[0][2] == "-1.00 (18 of 18)"
    assert table.note == ORDERS


def test_without_intervals_no_order_is_shown():
    counted = compare(
        [
            recorded("a", counted_run(["g2"], lambda _: 10**6)),
            *laid_out([lambda _: 1.0], 0.01).entrants,
        ]
    )
    assert reversals(*counted.entrants) is None
    assert ORDERS not in [table.note for s in document(counted).sections for table in s.tables]


def test_a_comparison_says_with_which_spread_each_was_measured():
    lines = document(laid_out([lambda _: 5.0] * 2, noise=0.01)).sections[0].lines
    assert sum("relative speeds of 5 processes lie" in line for line in lines) == 2


def test_figures_that_are_not_told_from_1_are_slanted():
    def truth(cell):
        return 9.0 if cell.row == "g=8" else 5.0

    compared = laid_out([truth], noise=0.01)
    drawn = heat_map(compared).axes[0].texts
    slanted = {text.get_position()[1]: text.get_fontstyle() == "italic" for text in drawn}
    keys = compared.keys(compared.experiments[0])
    standings = compared.entrants[0].standings
    for place, key in enumerate(keys):
        low, high = standings[key].interval
        assert slanted[place] == (low < 1 < high)
    assert not any(slanted[i] for i, key in enumerate(keys) if key[1] in ("g=1", "g=8"))
    assert any(slanted.values())


def test_a_heat_map_without_figures_explains_none():
    for platforms, said in ((2, True), (10, False)):
        legend = heat_map(laid_out([lambda _: 5.0] * platforms, noise=0.01)).texts[-1].get_text()
        assert ("slanted" in legend) == said
