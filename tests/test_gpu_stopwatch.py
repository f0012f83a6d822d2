"""Samples of a GPU of simulated time, whose right times are known."""

from __future__ import annotations

import pytest

from guideline_benchmarks.runners.worker.backends.interface import DeviceLostError
from guideline_benchmarks.runners.worker.cuda import stopwatch
from guideline_benchmarks.runners.worker.cuda.stopwatch import (
    MOST_DISCARDED,
    MOST_RETAKES,
    GpuStopwatch,
)
from tests.simulated_gpu import Clocks, SimulatedGpu, SimulatedNetwork

US = 1_000


@pytest.fixture
def gpu(monkeypatch):
    gpu = SimulatedGpu()
    monkeypatch.setattr(stopwatch.time, "perf_counter_ns", lambda: gpu.host)
    return gpu


def taken(gpu, network, card=None):
    watch = GpuStopwatch(gpu, card, 1500)
    found = watch.prepare(network)
    return found["launch_ns"], watch.sample(network, lead_in=False)


def test_a_graph_is_timed_without_its_launch(gpu):
    network = SimulatedNetwork(gpu, 20, 6 * US, 5 * US, graph=True, cold_ns=2 * US)
    launch, sample = taken(gpu, network)
    assert launch == 6 * US
    assert sample["ns"] == 20 * 5 * US
    assert sample["beside"]["cold"] == 20 * (5 + 2) * US


def test_beside_a_graph_the_same_network_is_timed_operator_by_operator(gpu):
    network = SimulatedNetwork(gpu, 20, 6 * US, 5 * US, graph=True)
    _, sample = taken(gpu, network)
    # The host takes 6 for what the GPU does in 5, and 1 for the event at the end.
    assert sample["beside"]["eager"] == pytest.approx(20 * 6 * US, abs=6 * US)


@pytest.mark.parametrize(("gpu_us", "bound"), [(2, "host"), (50, "gpu")])
def test_operator_by_operator_the_slower_of_host_and_gpu_shows(gpu, gpu_us, bound):
    network = SimulatedNetwork(gpu, 20, 6 * US, gpu_us * US)
    launch, sample = taken(gpu, network)
    assert launch == 20 * 6 * US
    slower = launch if bound == "host" else 20 * gpu_us * US
    assert sample["ns"] == pytest.approx(slower, abs=6 * US)
    assert "eager" not in sample["beside"]


@pytest.mark.parametrize("flush_us", [1, 3, 25, 100])
def test_writes_over_the_cache_never_count_and_hide_the_launch_of_a_graph(gpu, flush_us):
    gpu.flush_ns = flush_us * US
    network = SimulatedNetwork(gpu, 10, 7 * US, 5 * US, graph=True)
    _, sample = taken(gpu, network)
    # Writes of 1 us, which take the host 2, never keep the GPU busy: the launch shows.
    shown = 0 if flush_us > 2 else 7 * US
    assert sample["beside"]["cold"] == 10 * 5 * US + shown


def test_a_graph_shorter_than_its_launch_is_timed_without_it_all_the_same(gpu):
    network = SimulatedNetwork(gpu, 1, 6 * US, 1 * US, graph=True)
    _, sample = taken(gpu, network)
    assert (sample["ns"], sample["launch_shows"]) == (1 * US, False)


def test_a_launch_that_nothing_hides_is_told(gpu):
    gpu.flush_ns = 1 * US
    network = SimulatedNetwork(gpu, 1, 6 * US, 1 * US, graph=True)
    _, sample = taken(gpu, network)
    assert sample["ns"] == 1 * US + 6 * US
    assert sample["launch_shows"]


def test_a_sample_for_which_the_host_was_late_is_taken_again(gpu):
    network = SimulatedNetwork(gpu, 20, 6 * US, 5 * US, graph=True)
    watch = GpuStopwatch(gpu, None, None)
    watch.prepare(network)
    hand_over, late = network.enqueue, iter([0, 500 * US])

    def enqueue():
        # The first comes before the sample, the second is the sample.
        gpu.host += next(late, 0)
        hand_over()

    network.enqueue = enqueue
    sample = watch.sample(network, lead_in=False)
    assert (sample["ns"], sample["launch_shows"]) == (100 * US, False)


def test_a_cold_sample_operator_by_operator_holds_its_launch(gpu):
    network = SimulatedNetwork(gpu, 20, 6 * US, 2 * US)
    _, sample = taken(gpu, network)
    # The host begins when the cache is overwritten, and not before.
    assert sample["beside"]["cold"] == pytest.approx(20 * 6 * US + 2 * US, abs=2 * US)


def test_samples_at_a_low_clock_are_taken_again_and_counted(gpu):
    network = SimulatedNetwork(gpu, 10, 5 * US, 5 * US, graph=True)
    _, sample = taken(gpu, network, Clocks(1200, 1499, 1500))
    assert (sample["discarded"], sample["sm_mhz"]) == (2, 1500)


def test_a_card_that_never_gets_faster_is_measured_all_the_same(gpu):
    network = SimulatedNetwork(gpu, 10, 5 * US, 5 * US, graph=True)
    watch = GpuStopwatch(gpu, Clocks(900), 1500)
    watch.prepare(network)
    discarded = [watch.sample(network, lead_in=False)["discarded"] for _ in range(60)]
    assert discarded[0] == MOST_RETAKES
    assert sum(discarded) == MOST_DISCARDED
    assert discarded[-1] == 0


def test_without_a_known_clock_nothing_is_discarded(gpu):
    network = SimulatedNetwork(gpu, 10, 5 * US, 5 * US, graph=True)
    _, sample = taken(gpu, network)
    assert (sample["discarded"], sample["sm_mhz"]) == (0, None)


def test_a_gpu_that_fails_in_a_round_is_told(gpu):
    network = SimulatedNetwork(gpu, 10, 5 * US, 5 * US, graph=True)
    watch = GpuStopwatch(gpu, None, None)
    watch.prepare(network)

    def fail():
        raise RuntimeError("CUDA error: unspecified launch failure")

    network.enqueue = fail
    with pytest.raises(DeviceLostError, match=r"middle of a round: .*unspecified launch failure"):
        watch.sample(network, lead_in=False)


def test_what_events_can_tell_apart_is_measured_without_the_host(gpu, monkeypatch):
    assert GpuStopwatch(gpu, None, None).clock() == {"overhead_ns": 1, "resolution_ns": None}
    ticks = iter([0, 32, 64, 32] * 100)
    monkeypatch.setattr(GpuStopwatch, "interval", lambda *_: (next(ticks), True))
    found = GpuStopwatch(gpu, None, None).clock()
    assert found == {"overhead_ns": 32, "resolution_ns": 32}


def test_one_disturbed_interval_does_not_coarsen_the_step(gpu, monkeypatch):
    # Empty intervals are all of one length but one; writes differ by the steps that there are.
    lengths = iter([512] * 199 + [9600] + [20_000, 20_032, 20_096, 20_064] * 50)
    monkeypatch.setattr(GpuStopwatch, "interval", lambda *_: (next(lengths), True))
    found = GpuStopwatch(gpu, None, None).clock()
    assert found == {"overhead_ns": 512, "resolution_ns": 32}


def test_a_bare_loop_has_an_event_after_each_execution(gpu):
    network = SimulatedNetwork(gpu, 10, 5 * US, 5 * US, graph=True)
    laps = GpuStopwatch(gpu, None, None).loop(network, 4)
    # The GPU waits for the first launch alone.
    assert laps == [10 * 5 * US + 5 * US, *[10 * 5 * US] * 3]
