"""Predictions: what can be named, and a network that is counted once."""

from __future__ import annotations

import json

import pytest

from guideline_benchmarks.results.cost_model.coefficient_file import FOLDER, read_model
from guideline_benchmarks.results.cost_model.modelled import modelled_ms
from tests.program import complains

TINY = """
import torch

def network():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU())
"""


def test_unknown_networks_and_files_are_told(guidelines, tmp_path):
    complains(guidelines("predict", "ShuffleNet v2 1"), 2, r"Did you mean ShuffleNet v2 1x\?")
    complains(guidelines("predict", "ShuffleNet v2 1x", "--on", "a.toml"), 2, "cannot be read")
    words = ("predict", "ShuffleNet v2 1x", "--input", "1,3,64,64")
    complains(guidelines(*words), 2, "networks of your own: ShuffleNet v2 1x has 224×224")


@pytest.mark.slow
def test_a_network_is_predicted_and_counted_once(emulator, guidelines, tmp_path):
    # In a cache that no other test counts into.
    cache = tmp_path / "cache"
    (cache / "guideline-benchmarks").mkdir(parents=True)
    (cache / "guideline-benchmarks" / emulator.folder.name).symlink_to(emulator.folder)
    own = {"XDG_CACHE_HOME": str(cache)}
    (tmp_path / "tiny.py").write_text(TINY)
    words = ("predict", "tiny:network", "--input", "1,3,32,32")
    code, out, err = guidelines(*words, "--json", environment=own)
    assert code == 0, err
    found = json.loads(out)
    model = read_model(FOLDER / "cortex-a57.toml")
    counts = {name: min(found["counts"][name]) for name in model.coefficients}
    assert found["modelled_ms"] == pytest.approx(modelled_ms(counts, model.costs), rel=1e-5)
    low, high = found["modelled_ci95_ms"]
    assert low < found["modelled_ms"] < high
    assert found["fingerprint"]["architecture"] == "aarch64"
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("counts/*.json")}
    code, out, err = guidelines(*words, environment=own)
    assert code == 0, err
    assert "modelled, not measured" in out
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("counts/*.json")} == kept
