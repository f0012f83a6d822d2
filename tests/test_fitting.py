"""The algebra of the fit: known costs come back, and nothing is tested on what was fitted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.results.cost_model import fitting
from guideline_benchmarks.results.cost_model.fitting import Observation
from guideline_benchmarks.results.cost_model.modelled import modelled_ms

TERMS = ("instructions", "l2_misses")
COSTS = st.fixed_dictionaries({"instructions": st.floats(0.1, 5), "l2_misses": st.floats(0.5, 100)})


def cells(costs, noise=lambda index: 1.0, groups=3, each=6, terms=TERMS):
    """Cells whose terms vary on their own, known times being those of `costs` times noise."""
    generator = np.random.default_rng(1)
    found = []
    for index in range(groups * each):
        counts = {
            "instructions": int(generator.integers(10**7, 10**9)),
            "l2_misses": int(generator.integers(10**4, 10**7)),
            "branches": int(generator.integers(10**5, 10**7)),
            "l1d_misses": int(generator.integers(10**5, 10**7)),
            "l1i_misses": int(generator.integers(10**2, 10**4)),
            "memory_bytes": int(generator.integers(10**7, 10**9)),
        }
        ms = modelled_ms(counts, costs) * noise(index)
        found.append(Observation(f"cell {index}", f"group {index % groups}", counts, ms))
    return found


@given(COSTS)
def test_known_costs_come_back(costs):
    assert fitting.fit(cells(costs), TERMS) == pytest.approx(costs, rel=1e-6)


@given(COSTS, st.floats(1e-3, 1e3))
def test_costs_go_with_the_times(costs, factor):
    fitted = fitting.fit(cells(costs, lambda index: 1 + 0.1 * (index % 3)), TERMS)
    slower = fitting.fit(cells(costs, lambda index: factor * (1 + 0.1 * (index % 3))), TERMS)
    assert slower == pytest.approx({term: factor * ns for term, ns in fitted.items()}, rel=1e-6)


@given(COSTS, st.permutations(range(18)))
def test_the_order_of_cells_means_nothing(costs, order):
    known = cells(costs, lambda index: 1 + 0.05 * math.sin(index))
    shuffled = [known[index] for index in order]
    assert fitting.fit(shuffled, TERMS) == pytest.approx(fitting.fit(known, TERMS), rel=1e-6)


@given(st.lists(st.floats(0.2, 5), min_size=18, max_size=18))
def test_no_cost_is_negative(noise):
    costs = {"instructions": 1.0, "l2_misses": 1.0}
    fitted = fitting.fit(cells(costs, lambda index: noise[index]), (*TERMS, "branches"))
    assert min(fitted.values()) >= 0


def test_a_short_network_weighs_as_much_as_a_long_one():
    short = Observation("short", "a", {"instructions": 10**6}, 1.0)
    long = Observation("long", "b", {"instructions": 10**9}, 3000.0)
    # Each asks for a cost of its own, 1 and 3 ns; what is least is the sum of the squares of
    # cost / 1 - 1 and cost / 3 - 1.
    cost = fitting.fit([short, long], ("instructions",))["instructions"]
    assert cost == pytest.approx((1 + 1 / 3) / (1 + 1 / 9))


def test_nothing_cannot_be_fitted():
    with pytest.raises(ValueError, match="nothing to fit"):
        fitting.fit([], TERMS)


def test_a_group_is_modelled_by_the_others_alone():
    """A group that is twice as slow as the others is modelled as if it were not."""
    costs = {"instructions": 1.0, "l2_misses": 10.0}
    known = cells(costs, lambda index: 2.0 if index % 3 == 0 else 1.0)
    unseen = fitting.left_out(known, TERMS)
    for cell in known:
        if cell.group == "group 0":
            assert unseen[cell.name] == pytest.approx(cell.ms / 2)
    with pytest.raises(ValueError, match="one group"):
        fitting.left_out([cell for cell in known if cell.group == "group 0"], TERMS)


def test_intervals_hold_the_costs_and_are_the_same_each_time():
    costs = {"instructions": 1.0, "l2_misses": 10.0}
    generator = np.random.default_rng(2)
    noise = np.exp(generator.normal(0, 0.05, 60))
    known = cells(costs, lambda index: noise[index], each=20)
    found = fitting.bootstrap(known, TERMS)
    assert found == fitting.bootstrap(known, TERMS)
    for term, (low, high) in found.items():
        assert low < costs[term] < high
        assert high - low < costs[term]


def test_errors_of_known_times():
    known = [Observation(str(i), "a", {}, 100.0) for i in range(4)]
    found = fitting.errors(known, {"0": 90.0, "1": 100.0, "2": 110.0, "3": 140.0})
    assert found.cells == 4
    assert found.median == pytest.approx(0.1)
    assert found.bias == pytest.approx(0.05)
    assert found.p90 == pytest.approx(0.1 + 0.7 * 0.3)
    # All known times are the same, so there is no order.
    assert found.rank is None


def test_the_spread_is_a_root_mean_square_of_logarithms():
    known = [Observation("a", "a", {}, 1.0), Observation("b", "a", {}, 1.0)]
    assert fitting.spread(known, {"a": math.e, "b": 1 / math.e}) == pytest.approx(1.0)


def test_a_term_that_explains_is_kept_and_one_that_does_not_is_not():
    costs = {"instructions": 1.0, "l2_misses": 30.0}
    known = cells(costs, lambda index: 1 + 0.02 * math.sin(5 * index))

    def error(terms):
        return fitting.spread(known, fitting.left_out(known, terms))

    assert fitting.select_terms(error) == ["instructions", "l2_misses"]
    plain = cells({"instructions": 1.0}, lambda index: 1 + 0.02 * math.sin(5 * index))

    def error_of_plain(terms):
        return fitting.spread(plain, fitting.left_out(plain, terms))

    assert fitting.select_terms(error_of_plain) == ["instructions"]


@given(st.lists(st.integers(-100, 100), min_size=3, max_size=20, unique=True))
def test_rank_correlation_is_of_order_alone(values):
    one = np.array(values, float)
    assert fitting.rank_correlation(one, np.exp(one / 50)) == pytest.approx(1.0)
    assert fitting.rank_correlation(one, -one) == pytest.approx(-1.0)
