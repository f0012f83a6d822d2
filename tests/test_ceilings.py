"""Ceilings of a machine: how they are measured, and what a working set may reach."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from guideline_benchmarks.results.record.ceilings import Ceilings, Stream, typical
from guideline_benchmarks.runners.worker import ceilings
from guideline_benchmarks.runners.worker.backends import onnx_models


def model(operator, shape):
    def value(name):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        [helper.make_node(operator, ["a", "b"], ["y"])], "g", [value("a"), value("b")], [value("y")]
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


@pytest.mark.parametrize(
    ("content", "operator", "shape", "result"),
    [
        (onnx_models.ADDITION, "Add", ["n"], np.add),
        (onnx_models.PRODUCT, "MatMul", ["n", "n"], np.matmul),
        (onnx_models.CONVOLUTION, "Conv", [1, 1, 1, 1], np.multiply),
    ],
)
def test_the_models_in_the_worker_are_what_they_say(content, operator, shape, result):
    assert onnx.load_from_string(content) == model(operator, shape)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    a, b = (
        np.random.RandomState(0)
        .rand(2, *[5 if size == "n" else size for size in shape])
        .astype(np.float32)
    )
    np.testing.assert_allclose(session.run(None, {"a": a, "b": b})[0], result(a, b), rtol=1e-5)


@pytest.mark.parametrize("unit_ns", [1, 1_000, 10_000_000])
def test_a_rate_is_of_the_fastest_try(unit_ns):
    slow_downs = itertools.cycle([1.5, 1.0, 2.0])
    rate = ceilings.rate(
        ceilings.Work(lambda: None, amount=300),
        lambda _, times: round(times * unit_ns * next(slow_downs)),
    )
    assert rate == pytest.approx(300 / unit_ns * 1e9, rel=0.5 if unit_ns == 1 else 1e-6)


@pytest.mark.parametrize(
    ("memory", "largest"), [(0, 3 * 2**26), (2**40, 3 * 2**26), (2**29, 3 * 2**22), (1, 3 * 2**16)]
)
def test_working_sets_go_past_all_caches_unless_memory_is_small(memory, largest):
    sizes = ceilings.cpu_working_sets(memory)
    assert sizes[0] == 3 * 2**16
    assert sizes[-1] == largest
    assert all(after == 4 * before for before, after in itertools.pairwise(sizes))


def measured(rates, product=1e9, kernel=None):
    streams = [
        Stream(working_set=4**place, bytes_per_second=rate) for place, rate in enumerate(rates)
    ]
    return Ceilings(streams=streams, products={"fp32": product}, kernel_ns=kernel)


RATES = st.lists(st.floats(1e6, 1e13), min_size=1, max_size=6)


@given(RATES, st.floats(0, 1e12))
def test_a_working_set_reaches_what_those_around_it_do(rates, working_set):
    found = measured(rates).bandwidth(working_set)
    assert min(rates) * (1 - 1e-9) <= found <= max(rates) * (1 + 1e-9)


@given(RATES)
def test_measured_working_sets_reach_what_was_measured(rates):
    ceilings = measured(rates)
    for place in range(len(rates)):
        # A smaller working set reaches what a larger one does, whatever starting it cost.
        assert ceilings.bandwidth(4**place) == pytest.approx(max(rates[place:]))
    assert ceilings.memory_bandwidth == rates[-1]


def test_what_cannot_be_measured_is_left_out():
    def make(size):
        if size > 10:
            raise MemoryError
        return ceilings.Work(lambda: None, size)

    def fail():
        raise RuntimeError("CUBLAS_STATUS_NOT_SUPPORTED")

    def time(_, times):
        return times

    products = {"fp32": lambda: make(5), "bf16": fail}
    found = ceilings.ceilings(make, [1, 4, 16], products, time)
    assert [stream["working_set"] for stream in found["streams"]] == [1, 4]
    assert list(found["products"]) == ["fp32"]
    assert ceilings.ceilings(make, [16], products, time) is None
    assert ceilings.ceilings(make, [1], {"bf16": fail}, time) is None


def test_processes_may_have_reached_different_things():
    some = Ceilings(streams=[Stream(working_set=4, bytes_per_second=3.0)], products={"fp16": 5.0})
    found = typical([measured([1.0, 2.0], 7.0), some])
    assert {s.working_set: s.bytes_per_second for s in found.streams} == {1: 1.0, 4: 2.5}
    assert found.products == {"fp32": 7.0, "fp16": 5.0}


def test_the_typical_ceiling_is_the_median_of_the_processes():
    found = typical(
        [measured([1e9, 5e9], 7e9, 900), measured([3e9, 4e9], 9e9), measured([2e9] * 2)]
    )
    assert found == measured([2e9, 4e9], 7e9, 900)
    assert typical([]) is None
