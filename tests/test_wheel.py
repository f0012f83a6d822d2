"""The wheel, in an environment of its own: what it holds, and that users have it beside theirs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from guideline_benchmarks.results.store.run_folders import stored_runs
from tests.program import complains

ROOT = Path(__file__).parent.parent
ROOMS = ("guidelines", "networks", "reports", "results", "runners")
NAMESPACE = "guideline_benchmarks"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
# What is read beside the code; each pattern finds something.
DATA = (
    "reports/formats/templates/*.html",
    "results/cost_model/fitted/*.toml",
    "results/paper/*.csv",
    "results/advice/advice.schema.json",
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

    def run(self, *words, cwd, **environment):
        program = self.folder / "bin" / words[0]
        return subprocess.run(
            [program, *words[1:]],
            cwd=cwd,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )


def wheel_of(source, folder):
    build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder]
    subprocess.run([*PIP, *build, source], check=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


def environment_with(wheel, tmp_path_factory):
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


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    return environment_with(wheel, tmp_path_factory)


@pytest.fixture(scope="module")
def editable(tmp_path_factory):
    # As `pip install --editable` asks for it.
    folder = tmp_path_factory.mktemp("editable")
    build = f"from hatchling.build import build_editable; build_editable({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    return environment_with(wheel, tmp_path_factory)


@pytest.fixture(params=["installed", "editable"])
def either(request):
    """The suite installed from its wheel, and as `make` does it in a checkout."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def users_folder(tmp_path):
    """A folder whose packages have the names of the suite's rooms."""
    for room in ("networks", "reports", "results", "runners"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("raise RuntimeError('this is the user's')")
    (tmp_path / "results" / "__init__.py").write_text("MINE = True")
    (tmp_path / "networks" / "__init__.py").write_text("")
    (tmp_path / "networks" / "mine.py").write_text(
        "from torch import nn\n\ndef net():\n    return nn.Conv2d(3, 8, 3)\n"
    )
    return tmp_path


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_what_the_suite_reads(wheel):
    held = {name.removeprefix(f"{NAMESPACE}/") for name in names(wheel)}
    for pattern in DATA:
        wanted = {file.relative_to(ROOT).as_posix() for file in ROOT.glob(pattern)}
        assert wanted, pattern
        assert held >= wanted
    assert any(name.endswith("/licenses/LICENSE") for name in held)


def test_the_wheel_holds_no_studies_records_tests_or_docs(wheel):
    own = {name for name in names(wheel) if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in own} == {NAMESPACE, "guidelines.py"}
    assert {name.split("/")[1] for name in own if name.count("/") > 1} == set(ROOMS)
    for left_out in ("guidelines/studies/", "results/reference/", "results/runs/"):
        assert not [name for name in own if left_out in name]


def test_the_source_distribution_makes_the_same_wheel(wheel, tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist"]
    subprocess.run([*build, "--directory", tmp_path / "sdist"], cwd=ROOT, check=True)
    (packed,) = (tmp_path / "sdist").iterdir()
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("guideline_benchmarks-*")
    assert not list(unpacked.rglob("run.json*"))
    assert sorted(names(wheel_of(unpacked, tmp_path))) == sorted(names(wheel))


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
    module = f"import {NAMESPACE}.guidelines as found; print(found.__file__)"
    where = installed.run("python", "-c", module, cwd="/")
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


@pytest.mark.parametrize("words", [["guidelines"], ["python", "-m", "guidelines"]])
@pytest.mark.parametrize("path", [{}, {"PYTHONPATH": "."}])
def test_the_program_starts_beside_packages_of_the_rooms_names(either, users_folder, words, path):
    record = ROOT / "results" / "reference" / "cpu-amd-epyc"
    shown = either.run(*words, "show", record, cwd=users_folder, **path)
    assert "Table 4" in shown.stdout, shown.stderr


def test_a_users_networks_are_measured_from_a_package_of_that_name(either, users_folder):
    measured = ("--input", "1,3,8,8", "--runs", "5", "--processes", "1", "--quiet")
    done = either.run("guidelines", "decompose", "networks.mine:net", *measured, cwd=users_folder)
    assert done.returncode == 0, done.stderr


def test_a_script_has_its_own_packages_and_the_suites(either, users_folder):
    script = users_folder / "script.py"
    script.write_text(
        "import results\nimport guideline_benchmarks.results.errors as errors\n"
        "assert results.MINE and issubclass(errors.BadInputError, errors.SuiteError)\n"
    )
    done = either.run("python", script, cwd="/")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", ["networks", "reports", "results", "runners"])
def test_an_environment_has_no_package_of_a_rooms_name(either, room):
    done = either.run("python", "-c", f"import {room}", cwd="/")
    assert f"No module named '{room}'" in done.stderr


def test_no_module_of_a_users_folder_stands_in_for_what_the_program_needs(either, tmp_path):
    for name in ("numpy", "pydantic", "rich", "statistics"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('this is the user's')")
    record = ROOT / "results" / "reference" / "cpu-amd-epyc"
    shown = either.run("python", "-m", "guidelines", "show", record, cwd=tmp_path)
    assert "Table 4" in shown.stdout, shown.stderr
