"""The examples do what they say: each command of their README, with few samples."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from guideline_benchmarks.results.store.run_folders import read_run, stored_runs

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
BLOCKS = re.findall(r"```sh\n(.*?)```", (EXAMPLES / "README.md").read_text(), re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
# A matrix and a fleet leave several runs, and take their numbers from their files
# (tests/test_matrix.py, tests/test_fleet.py).
SEVERAL = {"matrix", "fleet"}
SINGLE = [command for command in COMMANDS if SEVERAL.isdisjoint(command.split())]
FEW = {"guidelines": ["--runs", "2", "--processes", "1"], "python": ["5"]}
PROGRAMS = {"guidelines": [sys.executable, "-m", "guidelines"], "python": [sys.executable]}


def start(command, folder, cache):
    program, *words = shlex.split(command)
    paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    environment = {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [*PROGRAMS[program], *words, *FEW[program]],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def measured(tmp_path, cache):
    """Run a command in a copy of the examples; return what it printed, and where its run is."""

    def measure(command):
        folder = shutil.copytree(EXAMPLES, tmp_path / "examples")
        done = start(command, folder, cache)
        assert done.returncode == 0, done.stderr
        (place,) = stored_runs(folder / "results" / "runs")
        return done.stdout, place

    return measure


@pytest.mark.parametrize(
    "command",
    # Of those that measure, the one with a small network.
    [pytest.param(c, marks=[] if " decompose " in c else [pytest.mark.slow]) for c in SINGLE],
)
def test_a_command_of_the_examples_measures_and_reports(command, measured, request):
    if "my_platform" in command:
        # It has two threads.
        request.getfixturevalue("several_cores")
    said, place = measured(command)
    run = read_run(place)
    (experiment,) = run.experiments
    assert run.rounds
    assert not run.failures
    for text in (said, (place / "report" / "report.md").read_text()):
        assert experiment.title in text
    assert list((place / "report").glob(f"{experiment.name}*.svg"))


def test_every_example_is_in_a_command_of_their_readme():
    said = " ".join(COMMANDS)
    for file in EXAMPLES.iterdir():
        if file.suffix in (".py", ".toml"):
            assert file.stem in said, file
