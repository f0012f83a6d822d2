"""Schedules: every round once, spread evenly, in an order that the seed decides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.runners.schedule import order, place, remaining, rounds_per_process


@given(st.integers(1, 500), st.integers(1, 50))
def test_rounds_are_spread_evenly(runs, processes):
    planned = rounds_per_process(runs, processes)
    assert sum(planned) == runs
    assert len(planned) == processes
    assert max(planned) - min(planned) <= 1


def test_the_default_protocol():
    assert rounds_per_process(100, 5) == [20] * 5


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.data())
def test_no_round_is_measured_twice_or_left_out(planned, data):
    total = sum(planned)
    done = []
    while sum(done) < total:
        following = remaining(planned, done)
        assert sum(done) + sum(following) == total
        done.append(data.draw(st.integers(0, following[0])))
        if len(done) > 20:
            break


def test_an_interrupted_process_is_finished_by_a_fresh_one_first():
    assert remaining([20] * 5, [20, 20, 7]) == [13, 20, 20]
    assert remaining([20] * 5, [20, 20, 7, 13]) == [20, 20]
    assert remaining([20, 20], [20, 20]) == []


@given(st.lists(st.integers(0, 99), unique=True), st.integers(0, 9), st.integers(0, 9))
def test_an_order_is_a_permutation(networks, seed, index):
    shuffled = order(networks, seed, 0, index)
    assert sorted(shuffled) == sorted(networks)
    assert shuffled == order(networks, seed, 0, index)


def test_orders_differ_between_rounds_processes_and_seeds():
    cells = list(range(51))
    orders = {tuple(order(cells, s, p, r)) for s in (0, 1) for p in (0, 1) for r in (0, 1)}
    assert len(orders) == 8


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_a_round_has_one_place_whichever_worker_measures_it(planned):
    places = [place(planned, stored) for stored in range(sum(planned))]
    assert places == [
        (process, index) for process, rounds in enumerate(planned) for index in range(rounds)
    ]
    # A stopping rule may ask for more.
    assert place(planned, sum(planned)) == (len(planned), 0)
    assert place(planned, sum(planned) + planned[0]) == (len(planned) + 1, 0)
