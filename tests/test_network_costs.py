"""What networks cost, from the command line to the record, the report and JSON."""

from __future__ import annotations

import json

import pytest

from guideline_benchmarks.guidelines.session.asked_networks import asked_network
from guideline_benchmarks.reports.run.costs import (
    cost_sentence,
    layers_table,
    operators_table,
    uncounted_sentences,
)
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.cells import Given, UserNetwork, WholeNetwork
from guideline_benchmarks.results.record.network_cost import CountedLayer, NetworkCost
from guideline_benchmarks.results.store import run_folders
from tests.program import complains
from tests.user_networks import MODULES

MULTIPLY_ADDS = 36 * 8 * 27


@pytest.fixture
def folder(tmp_path):
    """A folder with a module of networks."""
    (tmp_path / "nets.py").write_text((MODULES / "signatures.py").read_text())
    return tmp_path


def test_a_users_module_is_counted_without_measuring(guidelines, folder):
    code, out, err = guidelines("cost", "nets:small", "--input", "1,3,8,8", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["multiply_adds"] == found["fvcore_multiply_adds"] == MULTIPLY_ADDS
    assert (found["weights"], found["activations"], found["uncounted"]) == (224, 288, {})
    assert found["memory_access_cost"] == 3 * 64 + 8 * 36 + 216
    (layer,) = found["layers"]
    assert layer["name"] == "0"
    assert layer["outputs"] == [[1, 8, 6, 6]]
    assert not list(folder.glob("results*"))
    code, out, err = guidelines("cost", "nets:small", "--input", "1,3,8,8")
    assert code == 0, err
    assert "It takes input 1×3×8×8." in out
    assert "It costs 7.776 k multiply-adds and 696 elements of memory access (2.784 kB)" in out
    assert "fvcore counts the same multiply-adds." in out


def test_what_cannot_be_proved_can_be_counted(guidelines, folder):
    code, out, err = guidelines("cost", "nets:Logarithm", "--input", "1,3", "--json")
    assert code == 0, err
    assert json.loads(out)["multiply_adds"] == 0
    complains(guidelines("cost", "nets:nothing", "--input", "1,3"), 2, "cannot be imported")


def test_a_network_of_the_suite_is_counted(guidelines, listed_networks):
    code, out, err = guidelines("cost", "ShuffleNet v2 0.5x", "--json")
    assert code == 0, err
    named = json.loads(out)
    (listed,) = (entry for entry in listed_networks if entry["name"] == "ShuffleNet v2 0.5x")
    assert named["multiply_adds"] == listed["multiply_adds"]
    assert named["weights"] == listed["weights"]


def test_a_decomposition_says_and_keeps_what_its_network_costs(guidelines, folder):
    words = ("--runs", 2, "--processes", 1, "--out", "run")
    code, out, err = guidelines("decompose", "nets:Masked", "--input", "1,3,8,8", *words)
    assert code == 0, err
    said = " ".join(out.split())
    assert "It takes image 1×3×8×8 and returns features 1×4×8×8, pooled.0 1×4" in said
    assert "It costs 6.912 k multiply-adds" in said
    assert "what each layer costs" in (folder / "run" / "report" / "report.md").read_text()
    (cell,) = run_folders.read_run(folder / "run").cells
    assert cell.counted.multiply_adds == cell.multiply_adds == 64 * 4 * 27
    for entry in json.loads(guidelines("show", "run", "--json")[1]):
        assert entry["multiply_adds"] == cell.multiply_adds
        assert entry["weights"] == 112
        assert entry["memory_access_cost"] == cell.memory_access_cost
        assert [layer["multiply_adds"] for layer in entry["layers"]] == [cell.multiply_adds]
        assert entry["inputs"] == [{"name": "image", "shape": [1, 3, 8, 8], "kind": "float32"}]
        assert len(entry["outputs"]) == 3


def test_a_network_is_named_by_what_it_is(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "A.ONNX").touch()
    for model in ("A.ONNX", "nets:small", "nets.py:small"):
        assert isinstance(asked_network(model, Given()), UserNetwork)
    assert asked_network("MobileNet v2 0.4x", Given()) == WholeNetwork("MobileNet v2 0.4x", 160)
    with pytest.raises(BadInputError, match=r"Did you mean MobileNet v2 0\.4x"):
        asked_network("MobileNet v2 0.4", Given())
    with pytest.raises(BadInputError, match=r"for networks of your own: .* has 224×224"):
        asked_network("MobileNet v2 1x", Given(inputs=("1,3,9,9",)))


def test_tables_of_a_network_that_multiplies_nothing_have_no_figure_that_is_none():
    cost = NetworkCost((), 0, 4, 0, 0, 0, 0, 0.0, {"aten::cdist": 2})
    assert layers_table("mine", cost).rows == [["all", "", "", "0", "–", "0", "0", "0", "–"]]
    assert operators_table("mine", cost).rows == [["all", "0", "0", "–", "0", "0", "0", "–"]]
    assert cost_sentence(cost).startswith("It costs at least 0 multiply-adds")
    (sentence,) = uncounted_sentences(cost)
    assert sentence == "Not counted, though it multiplies and adds: aten::cdist (2×)."


def test_layers_of_one_kind_are_summed():
    def layer(operator, multiply_adds, bound):
        return CountedLayer("a", operator, ((4, 4),), ((4, 4),), multiply_adds, 2, 16, 40, bound)

    layers = (
        layer("attention", 60, None),
        layer("convolution", 20, 20.0),
        layer("attention", 20, None),
    )
    rows = operators_table("mine", NetworkCost(layers, 6, 4, 100, 48, 120, 480, 20.0)).rows
    assert [row[0] for row in rows] == ["attention", "convolution", "all"]
    assert [row[3] for row in rows] == ["80.0", "20.0", "100.0"]
    # Eq. (1) bounds convolutions and fully connected layers alone.
    assert [row[7] for row in rows] == ["–", "2.00", "–"]
