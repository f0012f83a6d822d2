"""The command `guidelines advise` with networks of every kind, and with what is none."""

from __future__ import annotations

import json
import signal

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from guideline_benchmarks.guidelines import channel_widths
from guideline_benchmarks.guidelines.commands import program
from guideline_benchmarks.results.advice.stored import read_advice
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.store import run_folders
from tests.program import complains, wait_until
from tests.small_graphs import Net

FEW = ("--runs", "2", "--processes", "1")
MODULE = """
from torch import nn

def small():
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 64, 1))
"""


def obeying(c=32):
    """Ten equal 1×1 convolutions with ReLU."""
    net = Net(x=(1, c, 8, 8))
    value = "x"
    for number in range(10):
        value = net.relu(net.conv(value, f"conv{number}", c, c), f"relu{number}")
    return net.model(value)


def of_any_size():
    """A network whose batch and size are left open, with a layer that breaks G1."""
    net = Net(x=("n", 3, "height", "width"))
    value = net.relu(net.conv("x", "first", 3, 16, 3), "relu")
    return net.model(net.conv(value, "wide", 16, 64))


def with_a_branch():
    """A network that decides by what it computes which of two branches to take."""
    net = Net(x=(1, 3, 8, 8))
    value = net.conv(net.conv("x", "first", 3, 16, 3), "wide", 16, 64)
    sum_of = net.node("ReduceSum", [value], "sum", keepdims=0)
    go = net.node("Greater", [sum_of, net.constant("zero", np.float32(0))], "go")
    branches = {
        f"{kind.lower()}_branch": helper.make_graph(
            [helper.make_node(operator, [value], [kind])],
            kind, [], [helper.make_tensor_value_info(kind, TensorProto.FLOAT, None)],
        )
        for kind, operator in (("Then", "Relu"), ("Else", "Tanh"))
    }  # fmt: skip
    return net.model(net.node("If", [go], "chosen", **branches))


def fragments():
    """Branches that no convolution stands for, and nothing else."""
    net = Net(x=(1, 16, 8, 8))
    soft = net.node("Softmax", [net.conv("x", "left", 16, 16)], "soft", axis=1)
    return net.model(net.node("Concat", [soft, net.conv("x", "right", 16, 16)], "y", axis=1))


@pytest.fixture
def advise(cache, monkeypatch, tmp_path, capsys):
    """Advise on a network of the current folder, with few widths; return the object of JSON."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(channel_widths, "WIDTHS", (64, 96))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MODULE)

    def run(model, *words):
        if isinstance(model, onnx.ModelProto):
            onnx.save(model, tmp_path / "net.onnx")
            model = "net.onnx"
        asked = ["advise", model, *words, *FEW, "--out", "advice", "--json"]
        program.program(asked, standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.slow
def test_a_network_that_obeys_has_no_findings(advise, tmp_path, capsys):
    found = advise(obeying(), "--fail-above", "0")
    assert (found["findings"], found["applied"], found["unseen"]) == ([], None, [])
    assert not (tmp_path / "advice" / "parts").exists()
    program.program(["show", "advice"], standalone_mode=False)
    assert "; it obeys all guidelines" in capsys.readouterr().out


@pytest.mark.slow
def test_a_file_of_any_size_is_advised_on_as_it_is_asked_for(advise, tmp_path):
    place = tmp_path / "no" / "such folder" / "changed.onnx"
    found = advise(of_any_size(), "--input", "2,3,6,10", "--apply", str(place))
    titles = {one["title"]: one for one in found["findings"]}
    assert titles["1×1 convolution 16→64 at 6×10"]["inputs"] == [[2, 16, 6, 10]]
    # The folder is made where there is something to be written.
    assert place.exists() == (found["applied"] is not None)


@pytest.mark.slow
def test_a_module_is_advised_on(advise):
    found = advise("mine:small", "--input", "1,3,8,8")
    assert "1×1 convolution 16→64 at 8×8" in {one["title"] for one in found["findings"]}
    assert found["model"] == "mine:small"


@pytest.mark.slow
def test_what_runs_within_a_branch_is_said_to_be_unseen(advise):
    found = advise(with_a_branch())
    assert "The bodies of chosen: what runs in them is known only when it runs." in found["unseen"]
    assert "1×1 convolution 16→64 at 8×8" in {one["title"] for one in found["findings"]}


@pytest.mark.slow
def test_an_operator_that_is_not_known_stops_no_advice(advise):
    net = Net(x=(1, 3, 8, 8))
    value = net.conv("x", "wide", 3, 16)
    found = advise(net.model(net.node("Det", [value], "volume"), value))
    assert "1 Det: operators that are not known here." in found["unseen"]
    assert "1×1 convolution 3→16 at 8×8" in {one["title"] for one in found["findings"]}


@pytest.mark.slow
def test_what_is_found_and_cannot_be_timed_is_said(advise, tmp_path):
    found = advise(fragments(), "--apply", "changed.onnx")
    verdicts = {one["guideline"]: one["verdict"] for one in found["findings"]}
    assert verdicts["G3"] == "not measured"
    assert not (tmp_path / "changed.onnx").exists() or found["applied"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.onnx"], "no file nothing.onnx"),
        (["yours:small", "--input", "1,3,8,8"], "cannot be imported"),
        (["shufflenet-v9"], "shufflenet-v9"),
        (["net.onnx", "--input", "1,4,8,8"], "takes an input of"),
        (["text.onnx"], "no ONNX model"),
    ],
)
def test_what_is_no_network_is_refused_in_one_sentence(advise, tmp_path, words, said):
    onnx.save(of_any_size(), tmp_path / "net.onnx")
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(BadInputError, match=said) as caught:
        advise(*words)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "advice").exists()


@pytest.mark.slow
def test_what_was_killed_is_continued(command, guidelines, tmp_path):
    onnx.save(of_any_size(), tmp_path / "net.onnx")
    words = ("advise", "net.onnx", "--input", "1,3,8,8", "--runs", 8, "--processes", 2)
    words += ("--out", "advice", "--json")
    process = command(*words)
    parts = tmp_path / "advice" / "parts"
    wait_until(lambda: run_folders.has_run(parts), "the parts", 300)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    interrupted = read_advice(tmp_path / "advice", run_folders.read_run)
    assert not interrupted.advice.finished
    # What there is of it can be shown.
    assert guidelines("show", "advice")[0] == 0
    network = (tmp_path / "advice" / "network" / "run.json").read_bytes()
    kept = run_folders.read_run(parts).rounds
    complains(guidelines(*words), 2, "holds advice already", "--resume")
    code, out, err = guidelines(*words, "--resume")
    assert code == 0, err
    assert {one["verdict"] for one in json.loads(out)["findings"]} - {"not measured"}
    assert (tmp_path / "advice" / "network" / "run.json").read_bytes() == network
    assert run_folders.read_run(parts).rounds[: len(kept)] == kept
    assert read_advice(tmp_path / "advice", run_folders.read_run).advice.finished


@pytest.mark.slow
def test_a_network_of_the_suite_is_advised_on_in_torch(advise):
    found = advise("ShuffleNet v2 0.5x", "--platform", "cpu-torch")
    assert found["platform"] == "cpu-torch"
    assert {"G2", "G4"} <= {one["guideline"] for one in found["findings"]}
