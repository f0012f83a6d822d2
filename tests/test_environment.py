"""What a user's environment holds changes neither what is recorded nor what is measured."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.runners import worker_archive
from guideline_benchmarks.runners.transports import local
from guideline_benchmarks.runners.worker import environment

TUNING = {
    "OMP_NUM_THREADS": "nonsense",
    "GOMP_CPU_AFFINITY": "0",
    "KMP_AFFINITY": "verbose",
    "MKL_NUM_THREADS": "7",
    "OPENBLAS_NUM_THREADS": "7",
    "ORT_LOG_LEVEL": "0",
    "MALLOC_ARENA_MAX": "1",
    "GLIBC_TUNABLES": "glibc.malloc.check=3",
    "PYTHONMALLOC": "debug",
    "CUDA_LAUNCH_BLOCKING": "1",
}
PASSING = {
    "PATH": os.environ["PATH"],
    "LD_PRELOAD": "",
    "CUDA_VISIBLE_DEVICES": "0",
    "KMP_DUPLICATE_LIB_OK": "TRUE",
    "TORCHINDUCTOR_CACHE_DIR": "/somewhere",
    "PYTHONPATH": "/somewhere",
    "HOME": "/home/me",
}


def test_what_tunes_is_removed_and_all_else_stays():
    given = TUNING | PASSING
    environment.clear(given)
    assert given == PASSING


def test_a_worker_here_has_an_environment_of_its_own(tmp_path, monkeypatch):
    for name, value in TUNING.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    script = tmp_path / "worker.py"
    script.write_text("import json, os\nprint(json.dumps(dict(os.environ)))\n")
    process = local.run_by(sys.executable, script).process()
    done = subprocess.run(
        process.command, env=process.environment, capture_output=True, text=True, check=True
    )
    has = json.loads(done.stdout)
    assert not has.keys() & TUNING.keys()
    assert has["CUDA_VISIBLE_DEVICES"] == "0"
    assert has["PATH"] == os.environ["PATH"]


def test_so_does_one_on_a_board(tmp_path):
    """The agent of ssh hands over to a worker that lies in the board's cache already."""
    packed = tmp_path / "worker.pyz"
    shutil.copy(worker_archive.build(tmp_path / "built"), packed)
    with zipfile.ZipFile(packed) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["__main__.py"] = b"import json, os\nprint(json.dumps(sorted(os.environ)))\n"
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    content = packed.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    cache = tmp_path / ".cache" / "guideline-benchmarks" / "board"
    cache.mkdir(parents=True)
    (cache / digest).write_bytes(content)
    request = {"do": "work", "worker": {"digest": digest, "size": len(content)}, "files": []}
    agent = Path(worker_archive.__file__).parent / "transports" / "board_agent.py"
    done = subprocess.run(
        [sys.executable, agent],
        input=json.dumps(request) + "\n",
        env=PASSING | TUNING | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    has = json.loads(done.stdout.splitlines()[-1])
    assert not {*has} & {*TUNING}
    assert {*has} >= {*PASSING} - {"LD_PRELOAD"}


def test_nonsense_in_a_variable_is_no_part_of_the_output(guidelines):
    words = ("run", "g4", "--runs", 1, "--quiet", "--out", "mine")
    assert guidelines(*words, environment=TUNING) == (0, "mine\n", "")


@pytest.fixture
def other(tmp_path):
    """Another repository, with one commit and a file that is not in it."""
    folder = tmp_path / "other"
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    for words in (("init", "-q"), (*identity, "commit", "-q", "--allow-empty", "-m", "other")):
        folder.mkdir(exist_ok=True)
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
@pytest.mark.parametrize(
    "names",
    [
        ("GIT_DIR",),
        ("GIT_DIR", "GIT_WORK_TREE"),
        ("GIT_INDEX_FILE",),
        ("GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"),
        ("GIT_OBJECT_DIRECTORY",),
        ("GIT_CEILING_DIRECTORIES",),
    ],
)
def test_the_commit_is_the_suites_in_a_hook_of_another_repository_too(other, monkeypatch, names):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    own = runs.new_session().git_revision
    places = {
        "GIT_DIR": other / ".git",
        "GIT_WORK_TREE": other,
        "GIT_INDEX_FILE": other / ".git" / "index",
        "GIT_PREFIX": "",
        "GIT_OBJECT_DIRECTORY": other / ".git" / "objects",
        "GIT_CEILING_DIRECTORIES": "/",
    }
    for name in names:
        monkeypatch.setenv(name, str(places[name]))
    assert runs.new_session().git_revision == own


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_suite_inside_another_repository_has_no_commit(other, monkeypatch):
    inside = other / "site" / "guidelines" / "session" / "runs.py"
    monkeypatch.setattr(runs, "__file__", str(inside))
    inside.parent.mkdir(parents=True)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other / "site"))
    assert runs.new_session().git_revision is None


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert runs.new_session().git_revision is None
