"""The table of backends ties all places together, and a row and a file are a new backend."""

from __future__ import annotations

import ast
import shutil
from typing import get_args

import onnx
import pytest
from onnx import TensorProto, helper

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.export import user_networks
from guideline_benchmarks.guidelines.export.formats import EXPORTERS
from guideline_benchmarks.guidelines.session import measuring
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record import backends
from guideline_benchmarks.results.record.backends import BACKENDS, Backend, Mode
from guideline_benchmarks.results.record.cells import Given, UserNetwork
from guideline_benchmarks.results.record.protocol import Precision
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store.run_folders import read_run
from guideline_benchmarks.runners import platform_file, worker_archive
from tests.synthetic import some

MODULES = worker_archive.SOURCES / "backends"
ROWS = BACKENDS.values()

TOY = """
from .onnxruntime_cpu import OnnxRuntimeCpu

class Toy(OnnxRuntimeCpu):
    def __init__(self, settings, version):
        super().__init__(settings)
        self.version = version

    def versions(self):
        return {"toy": self.version}

def open_backend(settings, version):
    return Toy(settings, version)
"""


@pytest.mark.parametrize("row", ROWS, ids=BACKENDS)
def test_the_worker_can_open_each_backend_with_what_its_row_says(row):
    tree = ast.parse((MODULES / f"{row.module}.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    (opens,) = [node for node in functions if node.name == "open_backend"]
    assert len(opens.args.args) == 1 + len(row.arguments)


@pytest.mark.parametrize("row", ROWS, ids=BACKENDS)
def test_a_row_says_what_can_be(row):
    assert row.model_format in EXPORTERS
    assert set(row.modes) <= set(get_args(Mode))
    assert {*row.profiled_modes, *row.compiling_modes} <= set(row.modes)
    assert {"fp32"} <= set(row.precisions) <= set(get_args(Precision))
    assert row.requirements


def test_platforms_and_backends_know_each_other():
    platforms = [platform_file.load_platform(name) for name in platform_file.platform_names()]
    assert {platform.backend for platform in platforms} == {*BACKENDS}
    for row in ROWS:
        reached = {platform.mode for platform in platforms if platform.backend == row.name}
        assert reached <= set(row.modes)
    assert BACKENDS[platform_file.BACKEND].over_ssh


def test_an_unknown_backend_is_refused_with_a_suggestion():
    with pytest.raises(BadInputError, match=r"no backend 'torch-cuba'. Did you mean torch-cuda\?"):
        backends.backend("torch-cuba")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"backend": "torch-cpu", "mode": "graph"}, "torch-cuda, onnxruntime-cuda"),
        ({"backend": "onnxruntime-cuda", "mode": "compile"}, "knows it: torch-cuda"),
        (
            {"backend": "torch-cpu", "transport": "ssh", "host": "pi"},
            '"litert-cpu" runs on a board',
        ),
        ({"backend": "onnxruntime-cqu"}, "mine.toml: There is no backend"),
    ],
)
def test_a_platform_asks_for_no_more_than_its_backend_can(content, said):
    with pytest.raises(BadInputError, match=said):
        platform_file.checked({"name": "mine"} | content, "mine.toml")


@pytest.fixture
def onnx_file(tmp_path):
    """An ONNX file that torch has not made: one ReLU."""
    shape = [1, 3, 8, 8]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "user", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "mine.onnx"
    onnx.save(model, path)
    return UserNetwork(model=str(path), given=Given(inputs=("1,3,8,8",)))


@pytest.mark.parametrize("row", ROWS, ids=BACKENDS)
def test_an_onnx_file_goes_to_every_backend_that_reads_onnx(row, onnx_file, tmp_path):
    if row.model_format == "onnx":
        with user_networks.exported(onnx_file, row.name, 0, tmp_path) as (*_, folder):
            assert onnx.load(folder / "model").graph.name == "user"
    else:
        exporting = user_networks.exported(onnx_file, row.name, 0, tmp_path)
        with pytest.raises(BadInputError, match=f"{row.name} does not read"), exporting:
            pass


def test_a_toy_backend_is_a_row_a_worker_file_and_a_platform_file(cache, tmp_path, monkeypatch):
    sources = tmp_path / "worker"
    shutil.copytree(worker_archive.SOURCES, sources)
    (sources / "backends" / "toy.py").write_text(TOY)
    row = Backend(
        name="toy",
        runtime="Toy",
        requirements=("numpy", "toy"),
        module="toy",
        arguments=("1.2",),
        model_format="onnx",
    )
    (tmp_path / "toy.toml").write_text('name = "toy-cpu"\nbackend = "toy"\n')
    monkeypatch.setattr(worker_archive, "SOURCES", sources)
    monkeypatch.setitem(BACKENDS, "toy", row)
    monkeypatch.setattr("guideline_benchmarks.guidelines.session.runs.cache_folder", lambda: cache)

    chosen = some("g4/none/x1", "g4/relu+shortcut/x1")
    asked = plan(chosen, str(tmp_path / "toy.toml"), Options(1, 1))
    run = measuring.execute_with_progress(asked, tmp_path / "run", False, quiet=True)
    assert complete(run)
    assert not run.failures
    assert run.fingerprint.runtimes == {"toy": "1.2"}
    assert read_run(tmp_path / "run").platform.backend == "toy"
    # It shows no times of single operators.
    with pytest.raises(
        BadInputError, match="does not show: use platform cpu or cpu-openvino or cpu-torch"
    ):
        plan(select(["fig2"]), str(tmp_path / "toy.toml"), Options(1, 1))
