"""The wheel, in an environment of its own: what it holds, and that it measures from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from guideline_benchmarks.results.store.run_folders import stored_runs
from tests.program import complains

ROOT = Path(__file__).parent.parent
ROOMS = ("guidelines", "networks", "reports", "results", "runners")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
# What is read beside the code; each pattern finds something.
DATA = (
    "reports/formats/templates/*.html",
    "results/cost_model/fitted/*.toml",
    "results/paper/*.csv",
    "results/record/run.schema.json",
    "runners/emulator/*.c",
    "runners/platforms/*.toml",
    "runners/worker/main.py",
    *(f"{room}/py.typed" for room in ROOMS),
)
pytestmark = pytest.mark.slow


class Installed(NamedTuple):
    """An environment that holds the wheel, and what its programs see of the world."""

    folder: Path
    environment: dict[str, str]

    def run(self, *words, cwd):
        program = self.folder / "bin" / words[0]
        return subprocess.run(
            [program, *words[1:]],
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder]
    subprocess.run([*PIP, *build, ROOT], check=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder, home = tmp_path_factory.mktemp("fresh"), tmp_path_factory.mktemp("home")
    venv.create(folder)
    install = ["--python", folder / "bin" / "python", "install", "--no-deps", "--no-index", wheel]
    subprocess.run([*PIP, *install], check=True)
    # Dependencies come from the environment that runs the tests. The .pth of an editable install
    # there is not followed: Python reads those in its own folders alone.
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own,) = folder.glob("lib/python*/site-packages")
    (own / "dependencies.pth").write_text("\n".join(sorted(paths)))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    return Installed(folder, environment)


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_what_the_suite_reads(wheel):
    held = set(names(wheel))
    for pattern in DATA:
        wanted = {file.relative_to(ROOT).as_posix() for file in ROOT.glob(pattern)}
        assert wanted, pattern
        assert held >= wanted
    assert any(name.endswith("/licenses/LICENSE") for name in held)


def test_the_wheel_holds_no_studies_records_tests_or_docs(wheel):
    own = {name for name in names(wheel) if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in own} == set(ROOMS)
    left_out = ("guidelines/studies/", "results/reference/", "results/runs/")
    assert not [name for name in own if name.startswith(left_out)]


def test_its_metadata_says_whose_it_is_and_under_which_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    for line in (
        "License-Expression: MIT",
        "Author: The guideline-benchmarks authors",
        "Classifier: Typing :: Typed",
        "Project-URL: Paper, https://arxiv.org/abs/1807.11164",
        "Requires-Python: >=3.11",
    ):
        assert line in metadata.splitlines()


def test_it_measures_g1_from_an_empty_folder(installed, tmp_path):
    where = installed.run("python", "-c", "import guidelines; print(guidelines.__file__)", cwd="/")
    assert Path(where.stdout.strip()).is_relative_to(installed.folder), where.stderr
    words = ("run", "g1", "--runs", "5", "--processes", "1", "--quiet")
    done = installed.run("guidelines", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = stored_runs(tmp_path / "results" / "runs")
    assert (run / "report" / "report.md").read_text().startswith("# ")
    shown = installed.run("guidelines", "show", run, cwd=tmp_path)
    assert "Table 1" in shown.stdout


def test_studies_are_refused_in_one_sentence(installed, tmp_path):
    done = installed.run("guidelines", "arm-model", cwd=tmp_path)
    complains((done.returncode, done.stdout, done.stderr), 2, "checkout")
