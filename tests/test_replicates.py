"""How replicates are measured: pairs alive at once, and quartets, A B B A, with the controls."""

from __future__ import annotations

import dataclasses
import itertools

import psutil
import pytest

from guideline_benchmarks.guidelines.session.gate.sides import AskedSide, begin, question
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.gate.trial import Step, TrialProtocol
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND
from guideline_benchmarks.runners import pairs, schedule
from guideline_benchmarks.runners.pairs import NoRoomError, measure_pair
from guideline_benchmarks.runners.quartets import measure_quartet
from guideline_benchmarks.runners.worker.extra_work import ExtraWork

CELL, CPU = "g4/none/x1", AskedSide("cpu")
CONTROLS = {"control/compute-bound/x1", "control/memory-heavy/x1"}


@pytest.fixture
def trial(cache):
    def started(extra=(), b=CPU):
        asked = question(["g4"], CPU, b, TrialProtocol(max_seconds=60), Options(), extra)
        return begin(asked, cache / "guideline-benchmarks")

    return started


def test_a_quartet_is_of_its_cells_and_of_the_controls_several_times_a_round(trial):
    told = []
    begun, equipment = trial()
    step = Step("confirmation", (CELL,))
    quartet = measure_quartet(begun, equipment, step, 0, lambda side, cell: told.append(side))
    assert [process.side for process in quartet.processes] == ["a", "b", "b", "a"]
    for process in quartet.processes:
        assert set(process.ns) == {CELL, *CONTROLS}
        assert len(process.ns[CELL]) == 12
        assert len(process.ns[COMPUTE_BOUND]) >= 2 * 12
        assert process.extra_ns == {}
    assert len({process.pid for process in quartet.processes}) == 4
    assert "".join(dict.fromkeys("".join(told))) == "ab"
    assert quartet.cells == [CELL]


@pytest.mark.alone
def test_both_sides_do_the_extra_work_that_is_asked_for_and_time_it_step_by_step(trial):
    begun, equipment = trial(extra=[0.4, 0.8])
    quartet = measure_quartet(begun, equipment, Step("screening", (CELL,)), 0, lambda *_: None)
    for process in quartet.processes:
        for name, times in process.ns.items():
            for ns, (half, whole) in zip(times, process.extra_ns[name], strict=True):
                assert ns < half < whole


def test_a_pair_takes_both_sides_of_each_network_right_after_one_another(trial):
    told = []
    begun, equipment = trial()
    step = Step("screening", (CELL, "g4/relu/x1", COMPUTE_BOUND))
    pair = measure_pair(
        begun, equipment, step, 1, lambda side, cell: told.append((side, cell.name))
    )
    rounds = begun.protocol.pair_rounds
    # Which side is started first alternates.
    assert [process.side for process in pair.processes] == ["b", "a"]
    assert len({process.pid for process in pair.processes}) == 2
    assert len({process.core for process in pair.processes}) == 1
    for process in pair.processes:
        assert {name: len(ns) for name, ns in process.ns.items()} == dict.fromkeys(
            step.cells, rounds
        )
    visits = list(zip(told[::2], told[1::2], strict=True))
    assert all(one[1] == other[1] and one[0] != other[0] for one, other in visits)
    for number in range(rounds):
        assert {one[1] for one, _ in visits[3 * number : 3 * number + 3]} == set(step.cells)
    assert {one[0] for one, _ in visits} == {"a", "b"}


def test_both_workers_of_a_pair_are_there_at_every_sample(trial):
    begun, equipment = trial()
    there = []

    def taken(*_):
        there.append({child.pid for child in psutil.Process().children()})

    pair = measure_pair(begun, equipment, Step("screening", (CELL,)), 0, taken)
    assert all({process.pid for process in pair.processes} <= pids for pids in there)


def test_two_workers_that_do_not_fit_into_memory_are_no_pair(trial, monkeypatch):
    begun, equipment = trial()
    monkeypatch.setattr(pairs, "SPARE_MEMORY", 1e9)
    with pytest.raises(NoRoomError, match=r"takes \d+ MiB, and memory has \d+ MiB left"):
        measure_pair(begun, equipment, Step("screening", (CELL,)), 0, lambda *_: None)


def test_a_worker_that_fails_in_a_pair_is_named_by_its_side(trial):
    begun, equipment = trial()
    broken = dataclasses.replace(equipment["b"], launcher=Broken())
    with pytest.raises(PlatformError, match="Side B: it is gone"):
        measure_pair(begun, {**equipment, "b": broken}, Step("screening", (CELL,)), 0, print)


class Broken:
    """A launcher of workers that cannot be started."""

    @property
    def transport(self):
        raise PlatformError("it is gone.")


def test_a_quartet_without_cells_measures_the_controls(trial):
    begun, equipment = trial()
    quartet = measure_quartet(begun, equipment, Step("confirmation", ()), 0, lambda *_: None)
    assert all(set(process.ns) == CONTROLS for process in quartet.processes)


def test_a_side_that_cannot_start_is_named(trial):
    with pytest.raises(PlatformError, match=r"Side B \(cpu\): .*could not be started"):
        trial(b=AskedSide("cpu", "/no/such/python"))


def test_extra_work_adds_up_to_its_fractions():
    work = ExtraWork([0.1, 0.25, 1.0])
    steps = work.steps(1_000_000)
    for count, fraction in zip((1, 2, 3), (0.1, 0.25, 1.0), strict=True):
        assert sum(steps[:count]) == round(fraction * 1_000_000 / work.unit_ns)
    assert min(steps) >= 0


def test_extra_work_is_timed_after_the_network_and_its_first_product_does_not_count(monkeypatch):
    done, work = [], ExtraWork([0.1, 0.2])
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("time.perf_counter_ns", lambda: next(clock))
    monkeypatch.setattr(work, "do", done.append)

    class Network:
        def run(self):
            done.append("network")

    # The clock is read at 0, 10 (executed), 20 (the first product is done), 30 and 40.
    assert work.timed(Network(), [3, 4]) == (10, [20, 30])
    assert done == ["network", 1, 3, 4]


def test_controls_stand_before_every_few_cells_in_orders_that_do_not_depend_on_them():
    cells, controls = list(range(20)), [20, 21]
    order = schedule.interleaved(cells, controls, 0, 3, 1)
    assert [i for i in order if i < 20] == schedule.order(cells, 0, 3, 1)
    gaps = [i for i, network in enumerate(order) if network == 20]
    assert gaps[0] == 0
    assert all(b - a <= 2 + schedule.CELLS_BETWEEN_CONTROLS for a, b in itertools.pairwise(gaps))
    assert order.count(20) == order.count(21) == 4
    assert schedule.interleaved([5], controls, 0, 0, 0) == [20, 21, 20, 21, 5]
