"""At the root of a checkout the rooms have short names as well, for the same modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# As a script, in a checkout that is not installed.
OUTSIDE = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def python(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env=OUTSIDE | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("first", ["short", "long"])
def test_a_module_is_one_under_both_names(tmp_path, first):
    imports = {
        "short": "from results.record.cells import Operators\n"
        "import results.paper, networks.layer_cost",
        "long": "import guideline_benchmarks.results.record.cells as cells\n"
        "import guideline_benchmarks.results.paper as paper\n"
        "import guideline_benchmarks.networks.layer_cost as cost",
    }
    script = tmp_path / "script.py"
    order = sorted(imports, key=lambda name: name != first)
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        + "\n".join(imports[name] for name in order)
        + "\nassert Operators is cells.Operators\n"
        "assert (results.paper, networks.layer_cost) == (paper, cost)\n"
        "assert cost.__spec__.name == 'guideline_benchmarks.networks.layer_cost'\n"
    )
    done = python(script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_what_a_room_does_not_hold_is_said_as_ever():
    done = python("-c", "import results.nothing", cwd=ROOT)
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'results.nothing'\n")


def test_a_users_own_room_stays_theirs_beside_another_of_the_suites(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "__init__.py").write_text("")
    (tmp_path / "results" / "errors.py").write_text("MINE = True")
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys\nsys.path.append({str(ROOT)!r})\n"
        "import networks.layer_cost, results.errors\nassert results.errors.MINE\n"
    )
    done = python(script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("results.record.schema", "https://json-schema.org"),
        ("results.decomposition.operators", "| category |"),
    ],
)
def test_python_m_runs_a_module_at_the_root(module, said):
    short = python("-m", module, cwd=ROOT)
    assert said in short.stdout, short.stderr
    assert short.stdout == python("-m", f"guideline_benchmarks.{module}", cwd=ROOT).stdout


def test_python_m_guidelines_at_the_root_is_the_checkouts_program():
    done = python("-X", "importtime", "-m", "guidelines", "list", cwd=ROOT)
    assert done.stdout.startswith("Experiments\n"), done.stderr
    assert " guideline_benchmarks.guidelines.commands" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.endswith(" results.errors")]
