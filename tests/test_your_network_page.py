"""The page on users' networks: its examples run, and its rows are held by tests that exist."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "your_network.md").read_text(encoding="utf-8")
# Those of the table of five that need no file to be made first.
EXAMPLES = re.findall(r"`(nets:[^`]*)`", PAGE)


def test_each_fault_is_held_by_a_test_that_exists():
    rows = re.findall(r"\| (`test_[^|]*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 27
    for row in rows:
        file = ""
        for name in re.findall("`([^`]+)`", row):
            path, _, test = name.partition("::")
            file = path or file
            text = (ROOT / "tests" / f"{file}.py").read_text(encoding="utf-8")
            assert f"def {test}" in text, name


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_page_costs_what_it_says(guidelines, tmp_path, example):
    shutil.copy(ROOT / "examples" / "your_network" / "nets.py", tmp_path)
    code, out, err = guidelines("cost", *shlex.split(example))
    assert code == 0, err
    (row,) = (
        line for line in PAGE.splitlines() if f"`{example}`" in line and "| --- |" not in line
    )
    said = row.split("|")[4].strip()
    figure, unit = re.search(r"It costs ([\d.]+) (\w) multiply-adds", out).groups()
    assert f"{float(figure):.3g} {unit}" == said
    assert f"It takes {row.split('|')[2].strip()}." in out


@pytest.mark.slow
def test_the_quantised_example_is_made_and_measured(guidelines, tmp_path):
    program = [sys.executable, str(ROOT / "examples" / "your_network" / "quantise.py")]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run(program, cwd=tmp_path, env=environment, check=True, capture_output=True)
    words = ("--runs", 2, "--processes", 1, "--quiet", "--out", "run")
    code, _, err = guidelines("decompose", "qdq.onnx", *words)
    assert code == 0, err
