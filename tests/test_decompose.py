"""Fig. 2 and networks of the user's own, from the command line to the record and the report."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import onnx
import pytest
from onnx import TensorProto
from onnx import helper as make

from guideline_benchmarks.results.decomposition.operators import parts
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from tests.program import BOTH_RUNTIMES, complains, slow_but_first, wait_for
from tests.synthetic import fig2_run
from tests.user_networks import exported

SCHEMA = json.loads(
    (Path(__file__).parent.parent / "results" / "record" / "run.schema.json").read_text()
)
FEW = ("--runs", 4, "--processes", 2)
MODULE = """
import torch
from torch import nn

print("a line on standard output")

def small():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.Tanh())

class Answers(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer(x)

class Gated(nn.Module):
    def forward(self, x):
        return x.relu_()

def inplace(): return Gated()
def empty(): return Answers(lambda x: x[:0])
def leaves_later(): return Answers(lambda x: (_ for _ in ()).throw(SystemExit(3)))
instance = nn.ReLU()
class Strange: pass
def strange(): return Answers(lambda x: Strange())
def text(): return Answers(lambda x: "text")
def infinite(): return Answers(lambda x: x / 0)
def fourier(): return Answers(lambda x: torch.fft.rfft2(x).abs())
def fails(): raise RuntimeError("no weights\\nhere")
def number(): return 3
def leaves(): raise SystemExit(4)
constant = 5
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a module of networks and ONNX files, good ones and others."""
    fill(tmp_path)
    return tmp_path


def fill(folder):
    (folder / "mine.py").write_text(MODULE)
    write_onnx(folder / "tanh.onnx", "Tanh", [1, 3, 8, 8])
    write_onnx(folder / "det.onnx", "Det", [1, 3, 8, 8], [1, 3])
    write_onnx(folder / "texts.onnx", "Identity", [1, 3, 8, 8], kind=TensorProto.STRING)
    (folder / "folder.onnx").mkdir()
    (folder / "junk.onnx").write_bytes(b"junk")
    (folder / "empty.onnx").write_bytes(b"")


def write_onnx(path, operator, shape, output=None, inputs=("x",), kind=TensorProto.FLOAT):
    graph = make.make_graph(
        [make.make_node(operator, list(inputs), ["y"], name="the_node")],
        "graph",
        [make.make_tensor_value_info(name, kind, shape) for name in inputs],
        [make.make_tensor_value_info("y", kind, output or shape)],
    )
    opset = [make.make_opsetid("", 17)]
    onnx.save(make.make_model(graph, opset_imports=opset, ir_version=8), path)


def check_shares(objects):
    assert [entry["category"] for entry in objects] == [
        "Data", "Conv", "Shuffle", "Elemwise", "Other", "unattributed",
    ]  # fmt: skip
    assert sum(entry["percent"] for entry in objects) == pytest.approx(100)
    assert all(entry["percent"] >= 0 for entry in objects)
    assert all(len(entry["percent_ci95"]) == 2 for entry in objects)
    assert all(entry["samples"] == 4 and entry["processes"] == 2 for entry in objects)


def raw_ns(run):
    """What the profiler wrote down of the first network's shuffles and depthwise convolutions."""
    network = run.networks[0].name
    kinds = parts(run.processes[0].proofs[network].calls)
    (profile,) = (entry for entry in run.rounds[0].profiles if entry.network == 0)
    timed = list(zip(kinds, profile.operators_ns, strict=True))
    return {
        "Shuffle": sum(ns for kind, ns in timed if kind.category == "Shuffle"),
        "depthwise": sum(ns for kind, ns in timed if kind.depthwise),
    }


@pytest.mark.parametrize("platform", BOTH_RUNTIMES)
def test_fig_2_is_measured_stored_and_reported(guidelines, tmp_path, platform):
    code, out, err = guidelines("run", "fig2", "--platform", platform, *FEW, "--out", "mine")
    assert code == 0, err
    assert "ShuffleNet v1 1x g=3, input 1×3×224×224: share of the run time" in out
    assert "MobileNet v2 1x, input 1×3×224×224: by operator" in out
    assert "Verdicts" not in out
    jsonschema.validate(json.loads((tmp_path / "mine" / "run.json").read_text()), SCHEMA)
    assert {path.name for path in (tmp_path / "mine" / "report").iterdir()} == {
        "report.html", "report.md", "report.tex", "shares.csv", "operators.csv",
        "fig2.png", "fig2.svg", "fig2-bars.png", "fig2-bars.svg",
    }  # fmt: skip

    objects = json.loads(guidelines("show", "mine", "--json")[1])
    assert len(objects) == 12
    assert {entry["platform"] for entry in objects} == {platform}
    shuffle, mobile = objects[:6], objects[6:]
    for own, name in ((shuffle, "ShuffleNet v1 1x g=3"), (mobile, "MobileNet v2 1x")):
        assert {entry["network"] for entry in own} == {name}
        check_shares(own)
    by_category = {entry["category"]: entry for entry in shuffle}
    assert by_category["Shuffle"]["calls"] == 48
    assert by_category["Conv"]["calls"] == 50 - 1
    assert by_category["Conv"]["paper_percent"] == 87
    assert mobile[2]["percent"] == 0

    deep = json.loads(guidelines("show", "mine", "--json", "--depthwise", "elemwise")[1])
    # Of a few samples on a busy machine the profiler may take more than these do: not so raw.
    raw = raw_ns(run_folders.read_run(tmp_path / "mine"))
    assert raw["Shuffle"] > 0
    assert raw["depthwise"] > 0
    moved = by_category["Conv"]["percent"] - deep[1]["percent"]
    assert moved == pytest.approx(by_category["Conv"]["depthwise_percent"])


@pytest.mark.parametrize("victim", slow_but_first("ctrl-c", "controller"))
def test_an_interrupted_decomposition_keeps_its_rounds(command, guidelines, folder, victim):
    arguments = ("decompose", "mine:small", "--input", "1,3,32,32", "--runs", 40)
    arguments += ("--processes", 2, "--out", "run")
    process = command(*arguments)
    wait_for(folder / "run", "rounds", 2)
    process.kill() if victim == "controller" else process.send_signal(2)
    process.communicate(timeout=60)
    kept = run_folders.read_run(folder / "run")
    assert 2 <= len(kept.rounds) < 40
    assert all(len(entry.profiles) == 3 for entry in kept.rounds)
    complains(guidelines(*arguments), 2, "holds a run already", "--resume")
    other = ("decompose", "tanh.onnx", "--input", "1,3,8,8", *arguments[4:], "--resume")
    complains(guidelines(*other), 2, "networks .mine:small / tanh.onnx.")
    code, _, err = guidelines(*arguments, "--resume")
    assert code == 0, err
    run = run_folders.read_run(folder / "run")
    assert run.rounds[: len(kept.rounds)] == kept.rounds
    assert complete(run)


def apart(model, platform="cpu"):
    """The words that take a network apart."""
    return ("decompose", model, "--input", "1,3,8,8", "--platform", platform, *FEW, "--out", "mine")


@pytest.fixture
def taken_apart(once):
    """Take a network of the user's own apart, once: the folder, and what was said."""

    def take(model, platform="cpu"):
        name = re.sub(r"\W", "-", f"{model} {platform}")
        return once(name, *apart(model, platform), "--json", prepare=fill)

    return take


@pytest.mark.parametrize(
    ("model", "platform"),
    [
        ("mine:small", "cpu"),
        pytest.param("mine:small", "cpu-torch", marks=pytest.mark.slow),
        ("tanh.onnx", "cpu"),
    ],
)
def test_a_network_of_ones_own_is_taken_apart(taken_apart, model, platform):
    _, (code, out, err) = taken_apart(model, platform)
    assert code == 0, err
    objects = json.loads(out)
    check_shares(objects)
    assert {entry["network"] for entry in objects} == {model}
    assert {entry["paper_percent"] for entry in objects} == {None}


def test_weights_kept_beside_an_onnx_file_come_along(guidelines, folder):
    weights = make.make_tensor("w", TensorProto.FLOAT, [4, 3, 1, 1], [0.5] * 12)
    graph = make.make_graph(
        [make.make_node("Conv", ["x", "w"], ["y"])],
        "graph",
        [make.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, None, None])],
        [make.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, None, None])],
        [weights],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    options = {"save_as_external_data": True, "size_threshold": 0, "location": "weights.bin"}
    onnx.save(model, folder / "outside.onnx", **options)
    code, out, err = guidelines(
        "decompose", "outside.onnx", "--input", "2,3,8,10", "--runs", 1, "--json"
    )
    assert code == 0, err
    assert json.loads(out)[1]["calls"] == 1


def test_an_unknown_operator_is_named(guidelines, folder):
    result = guidelines("decompose", "det.onnx", "--input", "1,3,8,8", "--runs", 1, "--json")
    assert result[0] == 1
    assert "The operator Det (the_node) stands in no category" in result[2]


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        ("mine:small", "1,4,8,8", ["does not take an input of 1×4×8×8"]),
        ("mine:small", "1,3,8", ["does not take an input of 1×3×8|spatial|Expected"]),
        ("mine:small", "0,3,8,8", ["--input 0,3,8,8 is no shape"]),
        ("mine:small", "big", ["--input big is no shape"]),
        ("mine:small", "1,3,9999999999,2", ["is too large"]),
        ("mine:fails", "1,3,8,8", ["fails without arguments: no weights"]),
        ("mine:leaves", "1,3,8,8", ["fails without arguments: 4"]),
        ("mine:number", "1,3,8,8", ["returns a int, not an nn.Module"]),
        ("mine:constant", "1,3,8,8", ["is not callable"]),
        ("mine:nothing", "1,3,8,8", ["cannot be imported", "nothing"]),
        ("yours:small", "1,3,8,8", ["cannot be imported", "yours"]),
        ("mine:infinite", "1,3,8,8", ["not finite"]),
        ("mine:text", "1,3,8,8", ["returns nothing"]),
        ("mine:strange", "1,3,8,8", ["returns a Strange: only tensors, and tuples"]),
        ("mine:inplace", "1,3,8,8", ["changes its input in place"]),
        ("mine:empty", "1,3,8,8", ["its output is empty"]),
        ("mine:leaves_later", "1,3,8,8", ["does not take an input"]),
        ("mine:instance", "1,3,8,8", ["is a network itself"]),
        ("networks.mine:net", "1,3,8,8", ["cannot be imported", "No module named"]),
        (".onnx", "1,3,8,8", ["no file"]),
        ("folder.onnx", "1,3,8,8", ["is a folder"]),
        ("mine:small", "1,65536,65536,1", ["is too large"]),
        ("mine:fourier", "1,3,8,8", ["cannot be exported", "fft_rfft2"]),
        ("mine", "1,3,8,8", ["neither an .onnx file, nor module:callable"]),
        ("tahn.onnx", "1,3,8,8", ["no file tahn.onnx", "Did you mean tanh.onnx"]),
        ("tanh.onnx", "1,3,9,9", ["takes an input of 1×3×8×8, not of 1×3×9×9"]),
        ("texts.onnx", "1,3,8,8", ["takes x as tensor.string.", "only tensors of numbers"]),
        ("junk.onnx", "1,3,8,8", ["no ONNX model"]),
        ("empty.onnx", "1,3,8,8", ["is empty"]),
    ],
)
def test_a_bad_model_is_one_sentence(folder, quick_exports, monkeypatch, model, shape, words):
    monkeypatch.chdir(folder)
    with pytest.raises(BadInputError) as caught:
        exported(model, shape)
    said = str(caught.value)
    assert "\n" not in said
    for word in words:
        assert re.search(word, said), said


@pytest.mark.parametrize("model", ["mine:fails", "mine:fourier", "junk.onnx"])
def test_a_bad_model_ends_the_program_with_its_sentence(guidelines, folder, model):
    code, out, err = guidelines("decompose", model, "--input", "1,3,8,8", "--runs", 1, "--json")
    # What the user's own code prints goes to standard error, before the sentence.
    said = [line for line in err.splitlines() if line != "a line on standard output"]
    complains((code, out, "\n".join(said)), 2, model)
    assert out == ""


@pytest.mark.parametrize("platform", BOTH_RUNTIMES)
def test_what_nobody_names_is_not_loaded(cache, folder, platform):
    (folder / "networks").mkdir()
    (folder / "networks" / "__init__.py").write_text("")
    (folder / "select.py").write_text("raise RuntimeError('not named by anyone')")
    # -P starts the program as its installed script does: the folder is not on the path.
    command = [sys.executable, "-P", "-m", "guidelines", "decompose", "mine:small", "--quiet"]
    command += ["--input", "1,3,8,8", "--runs", "1", "--platform", platform, "--out", "run"]
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "run\n"), done.stderr


def test_a_complete_run_is_of_the_model_that_it_was_begun_with(guidelines, taken_apart, folder):
    made, (code, _, err) = taken_apart("tanh.onnx")
    assert code == 0, err
    shutil.copytree(made / "mine", folder / "mine")
    arguments = apart("tanh.onnx")
    assert guidelines(*arguments, "--resume")[0] == 0
    write_onnx(folder / "tanh.onnx", "Sigmoid", [1, 3, 8, 8])
    complains(guidelines(*arguments, "--resume"), 2, "have changed")
    other = ("decompose", "tanh.onnx", "--input", "1,3,9,9", *arguments[4:], "--resume")
    complains(guidelines(*other), 2, "inputs .1,3,8,8 / 1,3,9,9.")


def test_an_onnx_file_needs_onnx_runtime(guidelines, folder):
    arguments = ("decompose", "tanh.onnx", "--input", "1,3,8,8", "--platform", "cpu-torch")
    complains(guidelines(*arguments), 2, "torch-cpu does not read")


def test_without_a_gpu_the_platform_is_refused(guidelines):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA GPU")
    complains(guidelines("run", "fig2", "--platform", "cuda-eager"), 3, "finds no CUDA GPU")


def test_a_stored_decomposition_is_reported_again(guidelines, tmp_path):
    run_folders.write_run(tmp_path / "mine", fig2_run())
    code, _, err = guidelines("report", "mine", "--depthwise", "elemwise")
    assert code == 0, err
    page = (tmp_path / "mine" / "report" / "report.md").read_text()
    assert "count as Elemwise; --depthwise conv" in page.replace("\\", "")
