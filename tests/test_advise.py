"""The command `guidelines advise`, from a network to what is said of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import onnx
import pytest
import torch
import typer
from torch import nn

from guideline_benchmarks.guidelines.channel_widths import CHANNEL_WIDTHS
from guideline_benchmarks.guidelines.export.exporter.formats import export_onnx
from guideline_benchmarks.guidelines.session import measuring, runs
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.advice.json_object import advice_object, json_schema
from guideline_benchmarks.results.advice.stored import read_advice
from tests.graphs import Concat, Residual, convolution, outputs_of
from tests.program import complains

REFERENCE = Path(__file__).parent.parent / "results" / "reference"
SMALL = ("--runs", 4, "--processes", 2)
NETWORK = nn.Sequential(
    convolution(3, 16, 3),
    Residual(nn.Sequential(convolution(16, 64), nn.Sigmoid(), convolution(64, 16, relu=False))),
    convolution(16, 16, 3, 4),
    Concat(convolution(16, 8), convolution(16, 8)),
)


def write_model(folder):
    torch.manual_seed(0)
    (folder / "net.onnx").write_bytes(export_onnx(NETWORK.eval(), (torch.zeros(1, 3, 8, 8),)))


@pytest.fixture
def advised(once):
    """A small advice: the folder that it was asked for in, what was printed, and what was said."""
    words = ("net.onnx", "--out", "advice", "--json", "--apply", "changed.onnx", *SMALL)
    folder, (code, out, err) = once("advised", "advise", *words, prepare=write_model)
    assert code == 0, err
    return folder, json.loads(out), err


@pytest.fixture
def copied(advised, tmp_path):
    """A copy of it where commands are run."""
    shutil.copytree(advised[0], tmp_path, dirs_exist_ok=True)
    return advised[1]


@pytest.fixture
def model(tmp_path):
    write_model(tmp_path)


def test_it_says_what_breaks_a_guideline_as_json(advised):
    _, found, _ = advised
    jsonschema.validate(found, json.loads(json_schema()))
    assert found["network_ms"] > 0
    assert {"G1", "G2", "G3", "G4"} <= {one["guideline"] for one in found["findings"]}
    for one in found["findings"]:
        assert one["count"] >= 1
        assert one["nodes"]
        assert (one["gain_ms"] is None) == (one["verdict"] == "not measured")


def test_it_is_shown_written_and_compared_again_without_measuring(advised, guidelines, tmp_path):
    out = advised[0] / "advice"
    code, text, err = guidelines("show", out, "--json")
    assert code == 0, err
    assert json.loads(text) == advised[1]
    code, text, _ = guidelines("show", out)
    assert code == 0
    assert "ccuracy was not assessed" in text
    assert guidelines("report", out, "--out", tmp_path / "page")[0] == 0
    assert (tmp_path / "page" / "advice.html").exists()
    code, text, err = guidelines("compare", out, out, "--out", tmp_path / "both")
    assert code == 0, err
    complains(guidelines("compare", out, "paper:arm"), 2, "compared with advice")


def test_what_is_measured_already_is_not_measured_again(copied, guidelines, tmp_path):
    words = ("advise", "net.onnx", "--out", "advice", *SMALL)
    complains(guidelines(*words), 2, "holds advice already")
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("advice/*/run.json")}
    assert len(before) >= 3
    code, text, err = guidelines(*words, "--resume", "--json")
    assert code == 0, err
    assert json.loads(text) == copied
    assert before == {file: file.stat().st_mtime_ns for file in before}


def test_it_goes_on_where_it_was_interrupted(copied, guidelines, tmp_path):
    """The last run that is there is missing: all others are taken as they are."""
    kept = json.loads((tmp_path / "advice" / "advice.json").read_text())
    (tmp_path / "advice" / "advice.json").write_text(
        json.dumps(kept | {"applied": None, "finished": False})
    )
    shutil.rmtree(tmp_path / "advice" / "whole", ignore_errors=True)
    words = ("advise", "net.onnx", "--out", "advice", "--resume", "--json", *SMALL)
    code, text, err = guidelines(*words)
    assert code == 0, err
    assert json.loads(text)["findings"] == copied["findings"]


def test_advice_on_another_network_is_refused_and_what_is_there_is_kept(
    copied, guidelines, tmp_path
):
    """It has the same name, and the same layers but for their weights."""
    torch.manual_seed(1)
    (tmp_path / "net.onnx").write_bytes(export_onnx(NETWORK.eval(), (torch.zeros(1, 3, 8, 10),)))
    words = ("advise", "net.onnx", "--out", "advice", "--resume", *SMALL)
    complains(guidelines(*words), 2, "advice/network holds a run of something else", "graphs")
    assert json.loads(guidelines("show", "advice", "--json")[1]) == copied


def only_begun(folder):
    """Leave of advice what is there when its first run was interrupted."""
    (folder / "advice.json").unlink()
    for later in ("widths", "parts", "whole", "report"):
        shutil.rmtree(folder / later, ignore_errors=True)


@pytest.mark.usefixtures("copied")
def test_what_was_only_begun_is_found_and_continued(guidelines, tmp_path):
    only_begun(tmp_path / "advice")
    words = ("advise", "net.onnx", *SMALL)
    complains(guidelines(*words, "--out", "advice"), 2, "holds advice already")
    begun = tmp_path / "results" / "runs" / "advise-20260101-000000"
    shutil.copytree(tmp_path / "advice", begun)
    network = (begun / "network" / "run.json").read_bytes()
    code, out, err = guidelines(*words, "--resume", "--quiet")
    assert code == 0, err
    assert out.split() == [str(begun.relative_to(tmp_path))]
    assert (begun / "network" / "run.json").read_bytes() == network
    # Finished as it is, the next one is another.
    assert guidelines(*words, "--resume", "--quiet")[1].split() != out.split()


@pytest.mark.usefixtures("copied")
def test_an_interruption_between_two_runs_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "execute", interrupted)
    only_begun(tmp_path / "advice")
    asked = plan([CHANNEL_WIDTHS], "cpu", Options())
    for folder, said in (
        ("advice", "is kept; continue with: again"),
        ("new", "Nothing was stored"),
    ):
        with pytest.raises(typer.Exit):
            measuring.execute_with_progress(
                asked, tmp_path / folder / "widths", resume=True, quiet=True, again="again"
            )
        assert said in capsys.readouterr().err


def test_the_changed_network_runs_and_says_what_it_is(advised):
    folder, found, err = advised
    file = folder / "changed.onnx"
    if found["applied"] is None:
        assert "was not written" in err
        assert not file.exists()
        return
    changed = onnx.load(str(file))
    assert outputs_of(changed)[0].shape == (1, 16, 8, 8)
    said = {entry.key: entry.value for entry in changed.metadata_props}
    assert "random" in said["guidelines.weights"]
    assert "random" in err


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize("changed", [{"executed": []}, {"network": "advice/another/x1"}])
def test_an_advice_whose_runs_are_others_is_refused_in_one_sentence(guidelines, tmp_path, changed):
    file = tmp_path / "advice" / "advice.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    complains(guidelines("show", "advice"), 2, "do not belong together")


@pytest.mark.usefixtures("copied")
def test_a_finding_that_costs_more_than_is_allowed_fails(guidelines):
    words = ("advise", "net.onnx", "--out", "advice", "--resume", "--quiet", *SMALL, "--fail-above")
    assert guidelines(*words, 99)[0] == 0
    code, _, err = guidelines(*words, 0)
    assert code == (1 if "cost more than 0 %" in err else 0)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    "words, said",
    [
        (["--platform", "arm-emulated"], "counts instructions"),
        (["--apply", "net.txt"], "writes an ONNX file"),
        (["--apply", "./net.onnx"], "would replace net.onnx itself"),
        (["--fail-above", "-1"], "fail-above"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(guidelines, tmp_path, words, said):
    complains(guidelines("advise", "net.onnx", *words), 2, said)
    assert not list(tmp_path.glob("results/*/*"))


def test_a_network_that_is_quantised_already_is_refused(guidelines, tmp_path):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain = tmp_path / "plain.onnx"
    plain.write_bytes(export_onnx(nn.Linear(8, 8).eval(), (torch.zeros(1, 8),)))
    quantize_dynamic(str(plain), str(tmp_path / "int8.onnx"), weight_type=QuantType.QUInt8)
    complains(guidelines("advise", tmp_path / "int8.onnx"), 2, "advice is for networks in fp32")


@pytest.mark.slow
@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("platform", ["cpu-torch", "cpu-openvino", "cpu-ncnn"])
def test_other_runtimes_are_advised_on_too(guidelines, platform):
    if platform != "cpu-torch":
        pytest.importorskip(platform.removeprefix("cpu-"))
    words = ("net.onnx", "--platform", platform, "--out", "advice", "--json", *SMALL)
    code, text, err = guidelines("advise", *words)
    assert code == 0, err
    found = json.loads(text)
    assert {one["verdict"] for one in found["findings"]} - {"not measured"}


@pytest.mark.parametrize("folder", sorted(REFERENCE.glob("advise-*/*")), ids=lambda one: one.name)
def test_recorded_advice_can_still_be_read(folder):
    judged = read_advice(folder, read_run)
    jsonschema.validate(advice_object(judged), json.loads(json_schema()))
    assert judged.advice.finished
    assert {one.verdict for one in judged.findings} >= {"gain", "costs nothing here"}


def test_advice_on_two_runtimes_is_recorded():
    assert len(list(REFERENCE.glob("advise-*/*/advice.json.gz"))) == 4
