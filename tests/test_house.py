"""No import runs upwards in the house, and the packages import what their rooms may."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMESPACE = "guideline_benchmarks"
ROOMS = ("networks", "results", "runners", "reports", "guidelines")
ALLOWED = {
    "networks": {"networks"},
    "results": {"results"},
    "runners": {"runners", "results"},
    "reports": {"reports", "results"},
    "guidelines": set(ROOMS),
}
NO_TORCH = ("results", "reports", "runners")
# What a worker may import beside the standard library and numpy: one of these.
RUNTIMES = {"ai_edge_litert", "flatbuffers", "ncnn", "onnxruntime", "openvino", "torch"}
# What only its extras install, which a fresh machine is without.
EXTRAS = {
    "ai_edge_litert",
    "bokeh",
    "dask",
    "distributed",
    "mkdocs",
    "ncnn",
    "nncf",
    "openvino",
    "pnnx",
}
TORCH_BACKENDS = ("torch_cpu.py", "torch_cuda.py", "torch_structures.py", "device.py")


def imported(file):
    """Yield the dotted names that a file imports, relative ones made absolute."""
    package = [NAMESPACE, *file.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            module = [*above, *filter(None, [node.module])]
            yield from (".".join([*module, alias.name]) for alias in node.names)


def imports(file):
    """Yield the packages that a file imports, other than the suite's."""
    yield from {name.split(".")[0] for name in imported(file)} - {NAMESPACE}


def imported_rooms(file):
    for name in imported(file):
        if name.startswith(f"{NAMESPACE}."):
            yield name.split(".")[1]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room):
    for file in (ROOT / room).rglob("*.py"):
        given = {"short_names"} if file == ROOT / room / "__init__.py" else set()
        assert set(imported_rooms(file)) <= ALLOWED[room] | given, file


def test_tests_import_nothing_that_a_fresh_machine_is_without():
    # They ask pytest.importorskip for it.
    for file in (ROOT / "tests").rglob("*.py"):
        assert not set(imports(file)) & EXTRAS, file


@pytest.mark.parametrize("folder", [*ROOMS, "src", "tests", "examples"])
def test_rooms_are_imported_from_the_suites_package_alone(folder):
    for file in (ROOT / folder).rglob("*.py"):
        assert not set(imports(file)) & set(ROOMS), file


def test_the_suites_package_holds_the_rooms_by_links():
    package = ROOT / "src" / NAMESPACE
    assert {link.name for link in package.iterdir() if link.is_symlink()} == set(ROOMS)
    for room in ROOMS:
        assert (package / room).samefile(ROOT / room)
        # One that names no folder of this machine's.
        assert not (package / room).readlink().is_absolute()
    assert (ROOT / NAMESPACE).samefile(package)


@pytest.mark.parametrize("room", NO_TORCH)
def test_torch_stays_out(room):
    for file in (ROOT / room).rglob("*.py"):
        if file.name not in TORCH_BACKENDS:
            assert "torch" not in set(imports(file)), file


def test_the_worker_needs_the_standard_library_numpy_and_one_runtime():
    import sys

    for file in (ROOT / "runners" / "worker").rglob("*.py"):
        extra = set(imports(file)) - set(sys.stdlib_module_names) - {"__future__", "numpy"}
        assert extra <= RUNTIMES, file
        # LiteRT's package brings this one along.
        assert len(extra - {"flatbuffers"}) <= 1, file


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
        "import sys, guideline_benchmarks.reports.run.brief, "
        "guideline_benchmarks.reports.advice.brief; sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", drawing], cwd=ROOT, check=False).returncode == 0


def strings(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def declared_in(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Experiment", "replace"):
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
    # And what a matrix of them was measured by.
    assert all(name.endswith(".json.gz") for name in records - {"matrix.toml"})


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
