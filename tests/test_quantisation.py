"""int8: networks are quantised by each runtime's own tool, and proved against float."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.controls import CONTROLS
from guideline_benchmarks.guidelines.export import model_files, quantisers
from guideline_benchmarks.guidelines.export.quantisers import Quantiser, onnxruntime, qdq
from guideline_benchmarks.reports.run.models import describe_models
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.cells import NetworkChoice, Operators
from guideline_benchmarks.results.record.quantisation import Quantisation
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.runners import proof, samples, worker_archive
from guideline_benchmarks.runners.events import (
    Executed,
    Loaded,
    Ready,
    RoundDone,
    Sample,
    Stopped,
    Warm,
)
from guideline_benchmarks.runners.worker.backends import onnxruntime_cpu
from guideline_benchmarks.runners.worker.backends.interface import Settings
from guideline_benchmarks.runners.worker.machine import host
from guideline_benchmarks.runners.worker_process import WorkerProcess
from tests import runtimes, synthetic
from tests.test_worker import setup

CHOSEN = ("g=8", "4-fragment-parallel", "relu+shortcut", "none")
STEPS = Quantisation("tool 1", "QDQ", ("uint8",), ("int8",), 8, arrays=4, constants=2, error=0.02)
# Instructions that Linux tells of, without which kernels saturate.
VNNI = "avx_vnni"


def cells():
    """The smallest cells of some rows, and the controls."""
    every = [cell for g in GUIDELINES.values() for cell in g.cells(NetworkChoice())]
    return [cell for cell in every if cell.scale == 1 and cell.row in CHOSEN] + list(CONTROLS)


@pytest.mark.parametrize("backend", runtimes.on_the_cpu(precision="int8"))
@pytest.mark.alone
def test_everything_in_a_cell_is_quantised_and_proved(backend, networks, tmp_path):
    tool = quantisers.quantiser(backend, "int8", is_local=True)
    made = [model_files.prepare(cell, backend, 0, networks, quantiser=tool) for cell in cells()]
    archive = worker_archive.build(tmp_path)
    small = str(runtimes.SMALL_CEILINGS)
    with WorkerProcess([sys.executable, small, str(archive)]) as worker:
        request = setup(backend, [cell for cell, _ in made], [files for _, files in made])
        worker.send(request | {"precision": "int8"})
        worker.receive(60, Ready)
        for place, (cell, _) in enumerate(made):
            event = worker.receive(60, Loaded)
            found = proof.executed_operators(event.executed)
            # It is what its steps make of it, and not what it is in float.
            assert 1e-3 < event.output_error <= cell.quantised.tolerance
            said = proof.otherwise(event.executed, "int8")
            if place < len(made) - len(CONTROLS):
                assert (found, said) == (cell.operators, []), cell.name
            assert found.convolutions == cell.operators.convolutions
            assert found.adds == cell.operators.adds
        worker.receive(60, Warm)
        worker.send({"do": "round", "order": [0]})
        worker.receive(60, Sample)
        worker.receive(60, RoundDone)
        worker.send({"do": "stop", "ceilings": True})
        ceilings = worker.receive(60, Stopped).ceilings
        assert list(ceilings.products) == ["int8"]
        assert ceilings.streams


def test_a_tolerance_is_the_error_of_the_steps_and_a_step_for_each_array():
    assert STEPS.tolerance == pytest.approx(0.02 + 2 / 255)


def test_weights_have_seven_bits_where_kernels_for_eight_saturate(monkeypatch):
    facts = {"architecture": "x86_64", "cpu_features": ["avx2"]}
    monkeypatch.setattr(host, "facts", lambda: facts)
    assert quantisers.quantiser("onnxruntime-cpu", "int8", is_local=True).weight_bits == 7
    facts["cpu_features"] = ["avx2", VNNI]
    assert quantisers.quantiser("onnxruntime-cpu", "int8", is_local=True).weight_bits == 8
    # Of another machine it is not known.
    assert quantisers.quantiser("onnxruntime-cpu", "int8", is_local=False).weight_bits == 7
    facts.update(architecture="aarch64", cpu_features=["asimd"])
    assert quantisers.quantiser("onnxruntime-cpu", "int8", is_local=True).weight_bits == 8
    assert quantisers.quantiser("onnxruntime-cpu", "fp32", is_local=True) is None


def convolution(groups=1, channels=4, size=6):
    """An ONNX model of one convolution without a ReLU, and weights that differ by channel."""
    random = np.random.RandomState(0)
    weights = random.standard_normal((channels, channels // groups, 1, 1)).astype(np.float32)
    weights *= np.geomspace(1, 100, channels, dtype=np.float32)[:, None, None, None]
    shape = [1, channels, size, size]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=groups)
    graph = helper.make_graph(
        [node], "g", values[:1], values[1:], [numpy_helper.from_array(weights, "w")]
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return model.SerializeToString(), random.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("bits", [8, 7])
def test_weights_are_quantised_by_channel_and_activations_at_once(bits):
    model, x = convolution()
    made, said = onnxruntime.quantise(model, {"x": x}, bits)
    read = onnx.load_from_string(made)
    constants = {one.name: numpy_helper.to_array(one) for one in read.graph.initializer}
    weights = next(a for a in constants.values() if a.dtype == np.int8 and a.ndim == 4)
    # The largest of every channel is the largest of its steps.
    assert (np.abs(weights).max(axis=(1, 2, 3)) >= 2 ** (bits - 1) - 1 - (bits == 7)).all()
    assert np.abs(weights).max() <= 2 ** (bits - 1)
    assert (said.activations, said.weights, said.weight_bits) == (("uint8",), ("int8",), bits)
    assert (said.arrays, said.constants) == (2, 1)
    assert 0 < said.error < 0.05


def test_what_is_left_in_float_is_said():
    model, x = convolution()
    made, _ = onnxruntime.quantise(model, {"x": x}, 8)
    for content, said in ((made, []), (model, ["Conv in float"])):
        account = Executed(**executed(content, x))
        assert proof.executed_operators(account).convolutions == 1
        assert proof.otherwise(account, "int8") == said
        assert proof.otherwise(account, "fp32") == []


def executed(model, x):
    """What ONNX Runtime executes of a model in this process."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model"
        path.write_bytes(model)
        backend = onnxruntime_cpu.open_backend(Settings(1, "eager", "int8"))
        network = backend.load(str(path), {"x": x}, {"y": np.zeros_like(x)})
        return network.executed()


def test_a_relu_that_is_missing_is_one_too_few_but_in_a_control():
    run = synthetic.run_of(["g4"], synthetic.noisy(lambda _: 1.0))
    found = Operators(convolutions=30, adds=10, relus=29)
    event = Loaded(
        event="loaded",
        cell=0,
        warmup_ns=[1],
        output_error=0.0,
        executed=Executed(operators=found, otherwise=["Add in f32"]),
    )
    cell = replace(run.cells[0], quantised=STEPS)
    control = replace(run.controls[0], quantised=STEPS)
    run = rebuilt(run, controls=[control, *run.controls[1:]])
    assert "29 relus where the cell claims 30" in samples.prove(run, cell, event).failure
    proved = samples.prove(run, control, event)
    assert (proved.failure, proved.otherwise) == (None, ["Add in f32"])
    # Its output counts all the same.
    wrong = event.model_copy(update={"output_error": STEPS.tolerance * 1.01})
    assert "differs from the reference" in samples.prove(run, control, wrong).failure


def rebuilt(run, **changes):
    """A run with other parts; what was derived of the old ones is gone."""
    return Run(**({name: getattr(run, name) for name in Run.model_fields} | changes))


def test_a_network_that_is_none_cannot_be_quantised():
    with pytest.raises(BadInputError, match="ONNX Runtime cannot quantise this network: "):
        onnxruntime.quantise(b"no model", {}, 8)


def test_how_it_was_quantised_is_kept_and_read_from_the_cache(tmp_path):
    cell = cells()[0]
    tool = Quantiser("onnxruntime", 8)
    made, files = model_files.prepare(cell, "onnxruntime-cpu", 0, tmp_path, quantiser=tool)
    again, _ = model_files.prepare(cell, "onnxruntime-cpu", 0, tmp_path, quantiser=tool)
    assert again == made
    assert made.quantised.weight_bits == 8
    plain, others = model_files.prepare(cell, "onnxruntime-cpu", 0, tmp_path)
    seven, _ = model_files.prepare(
        cell, "onnxruntime-cpu", 0, tmp_path, quantiser=Quantiser("onnxruntime", 7)
    )
    assert plain.quantised is None
    assert len({plain.model, made.model, seven.model}) == 3
    # What is expected is the output in float in either case.
    assert files.expected.read_bytes() == others.expected.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "g1", "--platform", "cpu-ncnn"], "none of platform cpu-ncnn, which computes in"),
        (["run", "g1", "--platform", "arm-modelled"], "none of platform arm-modelled, which"),
        (["ab", "g1", "--a", "cpu", "--b", "cpu-ncnn"], "none of platform cpu-ncnn, which"),
        (["decompose", "m:n", "--platform", "cpu-torch"], "none of platform cpu-torch, which"),
    ],
)
def test_where_there_is_no_int8_is_said(guidelines, words, said):
    code, _, err = guidelines(*words, "--precision", "int8")
    assert (code, err.count("\n")) == (2, 1)
    assert said in err


def test_a_report_says_how_networks_were_quantised(tmp_path):
    run = synthetic.run_of(["g4"], synthetic.noisy(lambda _: 1.0))
    quantised = replace(run.cells[0], quantised=STEPS)
    proved = (
        run.processes[0].proofs[quantised.name].model_copy(update={"otherwise": ["Add in f32"]})
    )
    first = run.processes[0].model_copy(
        update={"proofs": {**run.processes[0].proofs, quantised.name: proved}}
    )
    machine = run.fingerprint.model_copy(update={"cpu_features": [VNNI, "sse2"]})
    changed = rebuilt(
        run,
        cells=[quantised, *run.cells[1:]],
        processes=[first, *run.processes[1:]],
        fingerprint=machine,
    )
    said = dict(describe_models(changed))
    assert said["Quantised"].startswith("by tool 1 (QDQ), calibrated on the measured input: ")
    assert "moves outputs by 2.0 to 2.0 % of the largest value" in said["Quantised"]
    assert said["Quantised"].endswith("AVX-VNNI")
    assert said["Otherwise"] == f"Add in f32: 1 of {len(run.networks)} networks"
    assert describe_models(run) == []


def test_a_report_says_what_a_runtime_does_not_tell_of_counted_networks_too():
    run = synthetic.counted_run(["g1"], lambda _: 1000)
    found = {"otherwise": ["PADV2 by its own kernel"], "unproven": ["which kernels convolve"]}
    proved = run.counts[0].proof.model_copy(update=found)
    first = run.counts[0].model_copy(update={"proof": proved})
    changed = rebuilt(run, counts=[first, *run.counts[1:]])
    said = dict(describe_models(changed))
    assert said["Otherwise"] == f"PADV2 by its own kernel: 1 of {len(run.networks)} networks"
    assert said["Unproven"] == f"which kernels convolve: 1 of {len(run.networks)} networks"
    assert describe_models(run) == []


def test_outputs_that_are_not_finite_are_refused():
    model, x = convolution()
    with pytest.raises(BadInputError, match="outputs are not finite"):
        qdq.described(onnx.load_from_string(model), model, {"x": x * np.inf}, "tool 1", 8)
