"""Commands that read stored runs: check, compare and history."""

from __future__ import annotations

import json

import pytest

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.store import run_folders
from tests.program import complains
from tests.synthetic import noisy, run_of

SLOW = GUIDELINES["g4"].cells(NetworkChoice())[0].name


@pytest.fixture
def runs(tmp_path):
    """A baseline, the same again, and one with a slower cell."""

    def slow(cell):
        return 6.0 if cell.name == SLOW else 5.0

    for name, truth, seed in (
        ("old", lambda _: 5.0, 1),
        ("same", lambda _: 5.0, 2),
        ("slow", slow, 3),
    ):
        run_folders.write_run(tmp_path / name, run_of(["g4"], noisy(truth, noise=0.004, seed=seed)))
    return tmp_path


def test_a_check_passes_or_fails_by_its_exit_code(guidelines, runs):
    code, out, _ = guidelines("check", "same", "--baseline", "old")
    assert code == 0
    assert "Of 12 cells: 12 SAME" in out
    result = guidelines("check", "slow", "--baseline", "old", "--json")
    complains(result, 1, "is SLOWER")
    assert {"cell": SLOW, "verdict": "SLOWER"}.items() <= json.loads(result[1])[0].items()
    complains(guidelines("check", "slow", "--baseline", "older"), 2, "Did you mean old")


def test_github_gets_its_summary_and_annotations_unasked(guidelines, runs):
    summary = runs / "summary.md"
    summary.write_text("before\n")
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    words = ("check", "slow", "--baseline", "old", "--json")
    code, out, err = guidelines(*words, environment=environment)
    assert code == 1
    json.loads(out)
    assert any(line.startswith("::error title=g4/") for line in err.splitlines())
    assert summary.read_text().startswith("before\n## Check of cpu")


def test_runs_are_compared_and_followed_from_the_command_line(guidelines, runs):
    code, out, err = guidelines("compare", "old", "slow", "paper:arm", "--out", "page")
    assert code == 0, err
    assert "Rank agreement" in out
    assert (runs / "page" / "compare.html").exists()
    complains(guidelines("compare", "old", "paper:tpu"), 2, "Did you mean paper:")
    code, out, err = guidelines("history", ".")
    assert code == 0, err
    assert "3 runs of cpu" in out
    complains(guidelines("history", "page"), 2, "no run in page")
