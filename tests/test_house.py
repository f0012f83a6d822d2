"""No import runs upwards in the house, and the packages import what their rooms may."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("networks", "results", "runners", "reports", "guidelines")
ALLOWED = {
    "networks": {"networks"},
    "results": {"results"},
    "runners": {"runners", "results"},
    "reports": {"reports", "results"},
    "guidelines": set(ROOMS),
}
NO_TORCH = ("results", "reports", "runners")
TORCH_BACKENDS = ("torch_cpu.py", "torch_cuda.py", "torch_structures.py", "device.py")


def imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room):
    for file in (ROOT / room).rglob("*.py"):
        assert set(imports(file)) & set(ROOMS) <= ALLOWED[room], file


@pytest.mark.parametrize("room", NO_TORCH)
def test_torch_stays_out(room):
    for file in (ROOT / room).rglob("*.py"):
        if file.name not in TORCH_BACKENDS:
            assert "torch" not in set(imports(file)), file


def test_the_worker_needs_the_standard_library_numpy_and_one_runtime():
    import sys

    for file in (ROOT / "runners" / "worker").rglob("*.py"):
        extra = set(imports(file)) - set(sys.stdlib_module_names) - {"__future__", "numpy"}
        assert extra <= {"onnxruntime", "torch"}, file
        assert len(extra) <= 1, file


def test_what_a_board_runs_first_needs_the_standard_library_alone():
    import sys

    assert {*imports(ROOT / "runners" / "transports" / "board_agent.py")} <= {
        *sys.stdlib_module_names,
        "worker",
    }


def test_tables_on_a_terminal_do_not_wait_for_what_draws_plots():
    import subprocess
    import sys

    drawing = (
        "import sys, guideline_benchmarks.reports.run.brief; sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", drawing], cwd=ROOT, check=False).returncode == 0


def strings(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def declared_in(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Experiment":
            for keyword in node.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    yield keyword.value.value


def test_no_file_but_its_own_names_an_experiment():
    from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS

    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            named = {
                name
                for text in strings(file)
                for name in EXPERIMENTS
                if text == name or text.startswith(f"{name}/")
            }
            own = set(declared_in(file)) if file.parent == ROOT / "guidelines" else set()
            assert named <= own, file


def test_declarations_need_neither_numpy_nor_pydantic():
    import subprocess
    import sys

    script = (
        "import sys; from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS as found;"
        "from guideline_benchmarks.results.record.cells import NetworkChoice;"
        "assert all(declaration.cells(NetworkChoice()) for declaration in found.values());"
        "sys.exit(', '.join({'numpy', 'pydantic', 'torch'} & {*sys.modules}) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_clone_stays_small():
    import subprocess

    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert sum(file.lstat().st_size for file in files if file.exists()) < 12e6
    records = {file.name for file in files if ROOT / "results" / "reference" in file.parents}
    assert all(name.endswith(".json.gz") for name in records)


def test_committed_reports_are_markdown_with_its_plots():
    # `make reports` writes them so.
    reports = ROOT / "docs" / "reports"
    shown = {
        page.parent / name
        for page in reports.rglob("*.md")
        for name in re.findall(r"\]\(([^)]*\.svg)\)", page.read_text())
    }
    assert shown
    assert {*reports.rglob("*.*")} == shown | {*reports.rglob("*.md")}
