"""The user's code runs apart: whatever it does is one sentence, and nothing is left running."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import onnx
import psutil
import pytest
from onnx import TensorProto, helper

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.store import run_folders
from tests.program import BOTH_RUNTIMES, complains, slow_but_first
from tests.user_networks import MODULES, exported


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with modules of networks.

    Where it matters what is imported before the user's code, or what that leaves running, Python is
    started anew; elsewhere it is ready (`quick_exports`).
    """
    for file in MODULES.glob("*.py"):
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def running(folder):
    """The processes that were started below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("leaves_python", "ended Python itself while it was made .exit status 7."),
        ("leaves_python_well", "ended Python itself while it was made .exit status 0."),
        ("leaves_python_later", "ended Python itself while it was run .exit status 0."),
        ("crashes_later", "crashed while it was run .Segmentation fault."),
        ("leaves", "fails without arguments: 3"),
        ("forks_later", "forks a process of its own"),
        ("wants_all_memory", "does not take an input of 1×3×8×8: MemoryError"),
        ("wants_a_large_tensor", "can't allocate memory"),
        ("recurses", "maximum recursion depth exceeded"),
        ("interrupts", "cannot be exported: KeyboardInterrupt"),
        ("is_random", "returns something else each time"),
        ("counts", "returns something else each time"),
    ],
)
def test_code_that_misbehaves_is_one_sentence(folder, quick_exports, name, words):
    check_refused(name, words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("crashes", "crashed while it was made .Segmentation fault."),
        ("forks", "forks a process of its own"),
        ("leaves_a_thread", "leaves a thread running"),
    ],
)
def test_nothing_that_it_started_is_left_running(folder, name, words):
    check_refused(name, words)
    assert not running(folder)


def check_refused(name, words):
    with pytest.raises(BadInputError, match=words) as caught:
        exported(f"misbehaving:{name}", "1,3,8,8")
    assert str(caught.value).startswith(f"misbehaving:{name}")
    assert "\n" not in str(caught.value)


ENDED = r"after \d s, so it was ended: .* --patience SECONDS"


def test_code_that_never_ends_is_ended(folder):
    with pytest.raises(BadInputError, match=ENDED):
        exported("misbehaving:hangs", "1,3,8,8", patience=8)
    assert not running(folder)


def test_a_network_that_never_ends_is_ended(folder, quick_exports):
    with pytest.raises(BadInputError, match=ENDED):
        exported("misbehaving:hangs_later", "1,3,8,8", patience=4)


def test_an_endless_loop_of_onnx_is_ended(folder):
    write_endless_loop(folder / "endless.onnx")
    with pytest.raises(BadInputError, match=r"endless\.onnx was still being run after 3 s"):
        exported("endless.onnx", patience=3)
    assert not running(folder)


def write_endless_loop(path):
    """Write a network that doubles its input for ever."""

    def value(name, shape, kind=TensorProto.FLOAT):
        return helper.make_tensor_value_info(name, kind, shape)

    body = helper.make_graph(
        [
            helper.make_node("Identity", ["on"], ["still"]),
            helper.make_node("Add", ["v", "v"], ["w"]),
        ],
        "body",
        [value("i", [], TensorProto.INT64), value("on", [], TensorProto.BOOL), value("v", [2])],
        [value("still", [], TensorProto.BOOL), value("w", [2])],
    )
    constants = [
        helper.make_tensor("times", TensorProto.INT64, [], [2**62]),
        helper.make_tensor("go", TensorProto.BOOL, [], [True]),
    ]
    node = helper.make_node("Loop", ["times", "go", "x"], ["y"], body=body)
    graph = helper.make_graph([node], "g", [value("x", [2])], [value("y", [2])], constants)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def exporters(pid):
    """The processes of the user's code that a program has started."""
    found = []
    with suppress(psutil.Error):
        for child in psutil.Process(pid).children():
            with suppress(psutil.Error):
                if "exporter.pyz" in " ".join(child.cmdline()):
                    found.append(child)
    return found


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_ended_program_ends_the_code_too(command, folder, end):
    write_endless_loop(folder / "endless.onnx")
    process = command("decompose", "endless.onnx", "--out", "run")
    deadline = time.monotonic() + 60
    while not (found := exporters(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found
    process.send_signal(end)
    _, err = process.communicate(timeout=30)
    _, alive = psutil.wait_procs(found, timeout=10)
    assert not alive
    if end != signal.SIGKILL:
        assert process.returncode == 130
        assert "Interrupted" in err


def test_what_code_prints_is_no_result(folder, quick_exports, capfd):
    exported("misbehaving:prints", "1,3,8,8")
    exported("misbehaving:has_no_output", "1,3,8,8")
    printed = capfd.readouterr()
    assert printed.out == ""
    for line in ("from Python", "from the system", "from a program"):
        assert line in printed.err


def test_a_program_that_code_starts_ends_with_it(folder):
    exported("misbehaving:leaves_a_child", "1,3,8,8")
    pid = int((folder / "child").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_code_may_go_to_another_folder(folder, quick_exports):
    found = exported("misbehaving:goes_elsewhere", "1,3,8,8")
    assert found.outputs[0].shape == (1, 4, 8, 8)


OWN = """from torch import nn
class Mine(nn.Sequential): pass
def small(): return Mine(nn.Conv2d(3, 8, 3), nn.ReLU())
"""


def call_one(folder, name):
    """Write a module of that name, and one that uses it."""
    (folder / f"{name}.py").write_text(OWN)
    (folder / "net.py").write_text(f"from {name} import small\n")


@pytest.mark.parametrize("platform", BOTH_RUNTIMES)
@pytest.mark.parametrize("name", slow_but_first("networks", "results"))
def test_a_users_module_may_be_called_as_one_of_the_suites_is(folder, command, platform, name):
    call_one(folder, name)
    backend = {"cpu": "onnxruntime-cpu", "cpu-torch": "torch-cpu"}[platform]
    assert exported(f"{name}:small", "1,3,8,8", backend=backend).outputs[0].shape == (1, 8, 6, 6)
    process = command(
        "decompose", "net:small", "--input", "1,3,8,8", "--runs", 1, "--processes", 1, "--quiet",
        "--platform", platform, "--out", "run",
    )  # fmt: skip
    _, err = process.communicate()
    assert process.returncode == 0, err


@pytest.mark.parametrize(
    "name", slow_but_first("numpy", "onnx", "guidelines", "reports", "runners")
)
def test_a_users_module_may_be_called_as_an_installed_package_is(folder, name):
    call_one(folder, name)
    for model in (f"{name}:small", "net:small"):
        assert exported(model, "1,3,8,8").outputs[0].shape == (1, 8, 6, 6)


def test_no_file_of_torch_holds_a_class_of_a_package_that_is_not_the_installed_one(folder):
    call_one(folder, "numpy")
    with pytest.raises(BadInputError, match="Its module numpy is called as an installed package"):
        exported("net:small", "1,3,8,8", backend="torch-cpu")


def test_modules_that_nobody_uses_are_not_loaded(folder):
    for name in ("numpy", "onnx", "random", "types", "select"):
        (folder / f"{name}.py").write_text("raise RuntimeError('the wrong module')")
    for backend in ("onnxruntime-cpu", "torch-cpu"):
        assert exported("signatures:small", "1,3,8,8", backend=backend).precision == "fp32"


@pytest.mark.parametrize(
    "model",
    slow_but_first(
        "mine.pack.inside:small",
        "mine/nets.py:small",
        "mine/nets:small",
        "./mine/nets.py:small",
        "mine.nets:small",
        "mine/pack/inside.py:small",
    ),
)
def test_a_module_is_named_by_its_path_or_its_name(folder, quick_exports, model):
    (folder / "mine" / "pack").mkdir(parents=True)
    (folder / "mine" / "pack" / "__init__.py").touch()
    text = "from torch import nn\ndef small(): return nn.Conv2d(3, 8, 3)\n"
    (folder / "mine" / "nets.py").write_text(text)
    (folder / "mine" / "pack" / "other.py").write_text(text)
    (folder / "mine" / "pack" / "inside.py").write_text("from .other import small\n")
    assert exported(model, "1,3,8,8").outputs[0].shape == (1, 8, 6, 6)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("signature.py:small", "There is no file signature.py. Did you mean signatures.py"),
        ("nowhere/nets:small", "There is no file nowhere/nets.py"),
        ("signatures:smal", "no attribute 'smal'. Did you mean small"),
        ("signatures", "neither an .onnx file, nor module:callable"),
        ("signatures:", "neither an .onnx file nor module:callable"),
        ("signatures:small()", "neither an .onnx file nor module:callable"),
        ("two words.py:small", "There is no file two words.py"),
    ],
)
def test_a_name_that_leads_nowhere_is_one_sentence(folder, quick_exports, model, words):
    with pytest.raises(BadInputError, match=words):
        exported(model, "1,3,8,8")


def test_another_python_is_used_as_it_is_asked_for(folder):
    with pytest.raises(BadInputError, match=r"--python nowhere/python cannot be run"):
        exported("signatures:small", "1,3,8,8", python="nowhere/python")
    with pytest.raises(BadInputError, match=r"--python is for module:callable"):
        write_endless_loop(folder / "endless.onnx")
        exported("endless.onnx", python=sys.executable)
    bare = folder / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    with pytest.raises(BadInputError, match=r"bare/bin/python .* lacks torch: install torch"):
        exported("signatures:small", "1,3,8,8", python=str(bare / "bin" / "python"))
    found = exported("signatures:small", "1,3,8,8", python=sys.executable)
    assert set(found.exported_by) == {"python", "torch"}


@pytest.mark.slow
def test_an_interpreter_without_this_suite_exports_and_times(folder, guidelines):
    """Torch and onnx from a folder of links: the exporter needs nothing else of ours."""
    bare = folder / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    (site,) = bare.glob("lib/python*/site-packages")
    theirs = Path(onnx.__file__).parent.parent
    ours = ("guideline", "__editable__", "_guideline", "pydantic", "typer", "rich", "pandas")
    for entry in theirs.iterdir():
        if not entry.name.startswith(ours) and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    python = str(bare / "bin" / "python")
    (site / "theirs.py").write_text("from torch import nn\nclass Theirs(nn.Conv2d): pass\n")
    (folder / "net.py").write_text("import theirs\ndef make(): return theirs.Theirs(3, 8, 3)\n")
    for platform in ("cpu", "cpu-torch"):
        words = ("--input", "1,3,8,8", "--runs", 1, "--processes", 1, "--out", platform)
        words += ("--python", python, "--platform", platform, "--quiet")
        code, _, err = guidelines("decompose", "net:make", *words)
        assert code == 0, err
        (cell,) = run_folders.read_run(folder / platform).cells
        assert cell.network.outputs[0].shape == (1, 8, 6, 6)
        assert set(cell.network.exported_by) == {"python", "torch"}


def test_a_refused_network_ends_the_program_with_its_sentence(guidelines, folder):
    result = guidelines("decompose", "misbehaving:crashes", "--json", "--out", "run")
    complains(result, 2, "misbehaving:crashes crashed while it was made")
    assert result[1] == ""
